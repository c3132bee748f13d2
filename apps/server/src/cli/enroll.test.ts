import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRegistry, type Registry } from '@hostwire/registry';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { keepReach, type Reach } from '../reach.ts';
import { run } from './command-line.testkit.ts';

const FACTS = { hostname: 'pi', os: '', arch: '', agentVersion: '' };
const REACH: Reach = {
  httpUrl: 'https://hostwire.example:8080',
  mqttUrl: 'mqtts://hostwire.example:8883',
  pin: `sha256//${'A'.repeat(43)}=`,
  caPem: null,
  caFingerprint: null,
  topicRoot: 'hostwire',
  loopbackOnly: false,
};

async function open(dir: string): Promise<Registry> {
  const registry = await openRegistry({ file: `${dir}/registry.db` });
  onTestFinished(() => registry.close());
  return registry;
}

describe('hostwire enroll', () => {
  it('prints one command, of which the code works with the registry of the server', async () => {
    const dir = tempDir();
    keepReach(dir, REACH);
    const { code, out } = await run('enroll', 'pi-04', '--group', '007', '--label', 'site=home', '--label', 'rack=2', '--data-dir', dir);
    const pin = REACH.pin;
    const command = `curl -fsSk --pinnedpubkey '${pin}' https://hostwire.example:8080/install.sh | sudo sh -s -- --server https://hostwire.example:8080 --pin '${pin}' --host pi-04 --code `;
    expect([code, out]).toEqual([0, expect.stringContaining(command)]);
    expect(out).not.toContain('listens on this machine only');
    const registry = await open(dir);
    const enrolled = await registry.enrolments.redeem({ code: /--code (\S+)/.exec(out)?.[1] ?? '', address: '192.0.2.1', facts: FACTS });
    expect(enrolled).toMatchObject({ host: 'pi-04', group: '007', labels: { site: 'home', rack: '2' } });
    const again = await run('enroll', 'pi-04', '--data-dir', dir);
    expect(again.out).toContain('pi-04 is enrolled already: with this code it gets a new token');
    const listed = await run('enroll', 'list', '--data-dir', dir);
    expect(listed.out).toMatch(/^CODE +FOR +GROUP +LABELS +MADE +STATE/);
    expect(listed.out).toMatch(/pi-04 +007 +rack=2 site=home .* used by pi-04/);
  });

  it('says that nobody reaches a server that listens on this machine alone, or that did not run yet', async () => {
    const dir = tempDir();
    expect((await run('enroll', '--data-dir', dir)).out).toContain('No server has run on this data directory yet');
    keepReach(dir, { ...REACH, httpUrl: 'http://127.0.0.1:8080', pin: null, loopbackOnly: true });
    const { out } = await run('enroll', 'pi-04', '--json', '--data-dir', dir);
    expect(JSON.parse(out)).toMatchObject({ host: 'pi-04', kind: 'once', notes: [expect.stringContaining('--listen 0.0.0.0')] });
  });

  it('says that a certificate is needed where the server lets in nobody without', async () => {
    const dir = tempDir();
    keepReach(dir, REACH);
    const config = join(dir, 'hostwire.toml');
    writeFileSync(config, '[tls]\nclient_certificates = "require"\n');
    expect((await run('enroll', 'pi-04', '--config', config, '--data-dir', dir)).out).toContain(
      'hostwire host certificate pi-04 --out DIR',
    );
  });

  it('makes a universal code, and lets in, denies and cancels', async () => {
    const dir = tempDir();
    keepReach(dir, REACH);
    const made = JSON.parse((await run('enroll', '--universal', '--expires', '2d', '--json', '--data-dir', dir)).out) as {
      code: string;
      id: string;
    };
    const { enrolments } = await open(dir);
    const ask = async (host: string): Promise<string> => {
      const answer = await enrolments.redeem({ code: made.code, host, address: '192.0.2.1', facts: FACTS });
      return answer.state === 'pending' ? answer.request : '';
    };
    const [one, two, three] = [await ask('a'), await ask('b'), await ask('c')];
    expect((await run('enroll', 'list', '--data-dir', dir)).out).toMatch(new RegExp(`${one} +a +192\\.0\\.2\\.1 +pi +- .* pending`));
    const approved = await run('enroll', 'approve', one, '--host', '007', '--group', 'pi', '--json', '--data-dir', dir);
    expect(JSON.parse(approved.out)).toMatchObject({ host: '007', group: 'pi', state: 'approved', decided_by: 'command line' });
    expect((await run('enroll', 'deny', two, '--data-dir', dir)).out).toContain('Host b (192.0.2.1) is denied.');
    expect(await run('enroll', 'deny', two, '--data-dir', dir)).toMatchObject({ code: 1, err: expect.stringContaining('denied already') });
    expect((await run('enroll', 'cancel', made.id, '--data-dir', dir)).code).toBe(0);
    const states = (await enrolments.list()).requests.map(({ id, state }) => [id, state]);
    expect(Object.fromEntries(states)).toEqual({ [one]: 'approved', [two]: 'denied', [three]: 'denied' });
  });

  it('refuses what it does not understand, with a sentence', async () => {
    const dir = tempDir();
    const wrong: [string[], number, RegExp][] = [
      [['pi-04', 'x'], 2, /takes no x; there are: enroll HOST, enroll list/],
      [['approve'], 2, /a name is missing/],
      [['approve', 'none'], 1, /no host waits as none/],
      [['pi-04', '--expires', 'soon'], 2, /--expires soon is not a duration/],
      [['pi-04', '--expires', '1s'], 1, /from 1 minute/],
      [['pi-04', '--label', 'x'], 2, /not key=value/],
      [['pi-04', '--universal'], 1, /universal code is for any host/],
      [['PI'], 1, /not a host id/],
    ];
    for (const [args, code, err] of wrong) {
      expect([args, await run('enroll', ...args, '--data-dir', dir)]).toMatchObject([args, { code, err: expect.stringMatching(err) }]);
    }
  });
});
