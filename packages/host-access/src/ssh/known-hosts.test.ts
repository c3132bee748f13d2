import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCommand, systemSuite, tempDir } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findKnownHost, judgeKey, knownHostLine } from './known-hosts.ts';

/** A key of that type, as its blob. */
function key(type: string, fill: number): Buffer {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([length, name, Buffer.alloc(40, fill)]);
}

const [OLD, NEW, RSA] = [key('ssh-ed25519', 1), key('ssh-ed25519', 2), key('ssh-rsa', 3)];
const line = (names: string, blob: Buffer, marker = ''): string =>
  `${marker}${names} ${blob.toString('latin1', 4, 4 + blob.readUInt32BE(0))} ${blob.toString('base64')} a comment\n`;
const judge = (text: string, shown: Buffer, host = 'pi.example', port = 22) => judgeKey(findKnownHost(text, host, port), shown);

describe('known_hosts', () => {
  it('knows names, addresses, ports, patterns and what they leave out', () => {
    expect(judge(line('pi.example,192.0.2.7', OLD), OLD)).toBe('known');
    expect(judge(line('PI.example', OLD), OLD, 'pi.EXAMPLE')).toBe('known');
    expect(judge(line('pi.example', OLD), OLD, 'pi.example', 2222)).toBe('unknown');
    expect(judge(line('[pi.example]:2222', OLD), OLD, 'pi.example', 2222)).toBe('known');
    expect(judge(line('[2001:db8::1]:2222', OLD), OLD, '2001:db8::1', 2222)).toBe('known');
    expect(judge(line('*.example', OLD), OLD)).toBe('known');
    expect(judge(line('p?.example', OLD), OLD)).toBe('known');
    expect(judge(line('*.example,!pi.example', OLD), OLD)).toBe('unknown');
    expect(judge(line('!pi.example,*', OLD), OLD)).toBe('unknown');
  });

  it('tells a key that has changed from one of a host that is not known', () => {
    const text = `# a comment\n\nnoise\n${line('other', NEW)}${line('pi.example', OLD)}${line('pi.example', RSA)}`;
    expect([OLD, RSA, NEW].map((shown) => judge(text, shown))).toEqual(['known', 'known', 'changed']);
    expect(judge(text, OLD, 'pi2.example')).toBe('unknown');
    expect(findKnownHost(text, 'pi.example', 22).keys.map(({ type }) => type)).toEqual(['ssh-ed25519', 'ssh-rsa']);
  });

  it('believes no key that is revoked, and no authority', () => {
    expect(judge(line('pi.example', OLD) + line('*', OLD, '@revoked '), OLD)).toBe('revoked');
    expect(judge(line('*', OLD, '@cert-authority '), OLD)).toBe('unknown');
    // A line whose type is not that of its key.
    expect(judge(line('pi.example', OLD).replace('ssh-ed25519', 'ssh-rsa'), OLD)).toBe('unknown');
  });

  it('knows again what it writes', () => {
    for (const [host, port] of [
      ['pi.example', 22],
      ['pi.example', 2222],
      ['2001:db8::1', 22],
    ] as const) {
      expect(judge(knownHostLine(host, port, OLD), OLD, host, port)).toBe('known');
    }
  });

  it('takes any text, and is done with it soon', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('*', '?', '|1|', '!', ',', 'pi', '.', ' ', '\n', '@revoked ', 'AAAA', '[', ']:')),
        fc.string(),
        (parts, noise) => {
          const text = parts.join('') + noise;
          expect(['known', 'unknown', 'changed', 'revoked']).toContain(judge(text, OLD));
        },
      ),
    );
    const began = performance.now();
    judge(line(`${'*a'.repeat(5000)}b`, OLD), OLD, 'a'.repeat(250));
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

systemSuite(['ssh-keygen'], 'known_hosts, hashed by ssh-keygen', () => {
  it('knows the names in it, and no others', () => {
    const folder = tempDir();
    const file = join(folder, 'known_hosts');
    writeFileSync(file, `${line('pi.example', OLD)}${line('[pi.example]:2222', RSA)}`);
    const keygen = findCommand('ssh-keygen') ?? '';
    execFileSync(keygen, ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
    const real = readFileSync(join(folder, 'key.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    writeFileSync(file, `pi.example ${real}\n[pi.example]:2222 ${real}\n`);
    execFileSync(keygen, ['-q', '-H', '-f', file], { stdio: 'ignore' });
    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain('pi.example');
    const shown = Buffer.from(real.split(' ')[1] ?? '', 'base64');
    expect([judge(text, shown), judge(text, shown, 'pi.example', 2222), judge(text, NEW), judge(text, shown, 'pi2.example')]).toEqual([
      ...['known', 'known', 'changed', 'unknown'],
    ]);
  });
});
