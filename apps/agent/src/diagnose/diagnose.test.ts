import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { systemSuite, tempDir } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCommand } from '../cli.ts';
import { COMMANDS } from '../commands.ts';
import { gatherFiles } from './gather-files.ts';
import { redactConfig } from './redact-config.ts';
import { tarOf } from './tar.ts';

const run = promisify(execFile);
const diagnose = async (...args: string[]): Promise<number> => {
  const parsed = parseCommand(['diagnose', ...args], COMMANDS);
  if (parsed === null) throw new Error('no such command');
  return parsed.command.run(parsed.given, {});
};

systemSuite(['tar'], 'tarOf', () => {
  it('makes what tar reads: names, bytes, modes', async () => {
    const file = fc.record({
      name: fc.stringMatching(/^[a-z0-9]{1,40}\/[a-z0-9.]{1,50}[a-z]$/),
      bytes: fc.uint8Array({ maxLength: 1500 }),
    });
    const files = fc.uniqueArray(file, { minLength: 1, maxLength: 6, selector: ({ name }) => name.split('/')[0] });
    await fc.assert(
      fc.asyncProperty(files, async (made) => {
        const folder = tempDir();
        const archive = join(folder, 'a.tar');
        writeFileSync(
          archive,
          tarOf(
            made.map(({ name, bytes }) => ({ name, bytes: Buffer.from(bytes) })),
            1_790_000_000,
          ),
        );
        await run('tar', ['xf', archive, '-C', folder, '--no-same-owner']);
        for (const { name, bytes } of made) {
          expect(readFileSync(join(folder, name)).equals(bytes)).toBe(true);
          const { mode, mtimeMs } = statSync(join(folder, name));
          expect([mode & 0o777, mtimeMs]).toEqual([0o600, 1_790_000_000_000]);
        }
      }),
      { numRuns: 10 },
    );
  });

  it('refuses a name that does not fit', () => {
    expect(() => tarOf([{ name: 'x'.repeat(101), bytes: Buffer.alloc(0) }], 0)).toThrow(RangeError);
  });
});

it('redactConfig keeps what explains a configuration and nothing that is or could be a secret', () => {
  const config = {
    server_url: 'mqtts://user:CANARY@server:8883/mqtt?key=CANARY#CANARY',
    token: 'CANARY',
    token_file: '/etc/hostwire/token',
    pin: ['collectors.disk'],
    tls: { ca: '/etc/ca.pem', key: 'CANARY' },
    collectors: {
      http_response: { targets: ['https://CANARY@a.example/x?t=CANARY'], headers: { authorization: 'CANARY' } },
      snmp: { community: 'CANARY', api_key: 'CANARY', auth: ['CANARY'] },
      custom: {
        sources: [
          { command: ['/usr/bin/curl', '-H', 'CANARY'], url: 'http://b/?CANARY' },
          { socket: '/run/app.sock', path: '/status?token=CANARY', fields: { a: '/a' } },
        ],
      },
      net_response: { targets: [{ host: 'cache', port: 6379, send: 'AUTH CANARY\r\n', expect: 'CANARY' }] },
      disk: { ignore_fs: ['tmpfs'], mount_timeout_seconds: 2 },
    },
  };
  const shown = JSON.stringify(redactConfig(config));
  expect(shown).not.toContain('CANARY');
  for (const kept of [
    'server:8883',
    '/etc/hostwire/token',
    'collectors.disk',
    'a.example/x',
    '/usr/bin/curl',
    '/status',
    'cache',
    'tmpfs',
  ]) {
    expect(shown).toContain(kept);
  }
});

describe('diagnose', () => {
  it('holds what helps and no secret: not of the configuration, nor of what is wrong with it', async () => {
    const folder = tempDir();
    const dump = join(folder, 'dump');
    mkdirSync(dump);
    writeFileSync(join(dump, 'commands.log'), `${`${'x'.repeat(100)}\n`.repeat(60_000)}===== 2026-04-22T20:13:19.123Z =====\n< /a\n\n`);
    writeFileSync(join(folder, 'secret'), 'CANARY-linked');
    symlinkSync(join(folder, 'secret'), join(dump, 'samples.log'));
    const config = join(folder, 'agent.toml');
    writeFileSync(config, `server_url = "mqtt://127.0.0.1:1"\ntoken = "CANARY-token"\n[debug]\ndump_dir = "${dump}"\n`, { mode: 0o600 });
    const out = join(folder, 'out.tar.gz');
    expect(await diagnose('--out', out, '--config', config)).toBe(0);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const archive = gunzipSync(readFileSync(out)).toString('latin1');
    expect(archive).not.toContain('CANARY');
    for (const name of ['versions', 'config', 'doctor', 'host'])
      expect(archive).toMatch(new RegExp(`hostwire-diagnose-\\w+/${name}\\.json\0`));
    expect(archive).toContain('< /proc/meminfo\n');
    expect(archive).toContain('"capabilities"');
    const header = archive.lastIndexOf('hostwire-diagnose-', archive.indexOf('/dump/commands.log'));
    expect(archive.slice(header + 512, header + 600)).toMatch(/^===== 2026-04-22T20:13:19\.123Z =====\n< \/a\n/);
    // Of a link nothing but the reason.
    expect(archive).toContain('/dump/samples.log.failed.txt');
    await expect(diagnose('--out', out, '--config', config)).rejects.toMatchObject({
      message: expect.stringContaining('is there already'),
    });

    writeFileSync(config, 'tokn = "CANARY-misspelt"\ntoken = 7\n');
    const broken = await gatherFiles(config, {});
    expect(Buffer.concat(broken.map(({ bytes }) => bytes)).toString()).not.toContain('CANARY');
    expect(broken.find(({ name }) => name === 'config.json')?.bytes.toString()).toContain('tokn');
  });
});
