import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCommand, tempDir, waitFor } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { NewEnrolmentBody } from '../src/api/enrolment-schemas.ts';
import { type TestServer, testServer } from '../src/server.testkit.ts';

const AGENT = fileURLToPath(new URL('../../agent/dist/main.js', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function agent(...args: string[]): Promise<Outcome> {
  if (!existsSync(AGENT)) throw new Error('apps/agent is not built; run npm run build first');
  return new Promise((done) => {
    execFile(process.execPath, [AGENT, ...args], (error, out, err) => done({ code: error === null ? 0 : Number(error.code), out, err }));
  });
}

/** What the words after `sh -s --` of the command are, as install.sh hands them to the agent. */
function optionsIn(command: string): string[] {
  return (/ -- (.*)$/.exec(command)?.[1] ?? '').split(' ').map((word) => word.replace(/^'(.*)'$/, '$1'));
}

/** A server that other hosts reach, over TLS, and that has an agent to hand out. */
async function openServer(): Promise<{ server: TestServer; code(body?: object): Promise<NewEnrolmentBody> }> {
  const [folder, file] = [tempDir(), join(tempDir(), 'hostwire.toml')];
  writeFileSync(join(folder, 'hostwire-agent-0.1.0-linux-x64.tar.gz'), 'x');
  writeFileSync(file, `downloads_dir = ${JSON.stringify(folder)}\n`);
  const server = await testServer({ config: file, listen: '0.0.0.0', mqttsPort: 0 });
  const admin = await server.bearer('admin');
  const code = async (body: object = {}) => (await (await server.post('/api/enrolments', body, admin)).json()) as NewEnrolmentBody;
  return { server, code };
}

function start(config: string): { child: ChildProcess; log(): string } {
  let text = '';
  const child = spawn(process.execPath, [AGENT, '--config', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  onTestFinished(() => void child.kill());
  return { child, log: () => text };
}

/** Of this machine, where others reach it. */
const ADDRESS = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.internal === false && one.family === 'IPv4')?.address;
const INTERVALS = '[intervals]\nfast_seconds = 1\nmedium_seconds = 60\nslow_seconds = 600\n[spool]\ndir = ""\n';

describe('a host that enrols over TLS', () => {
  it('publishes from then on with the token and the CA that it was given, until it is revoked, and is told what to do', async () => {
    const { server, code } = await openServer();
    const { commands, notes } = await code({ host: 'pi-04' });
    expect(notes).toEqual([]);
    expect(commands.install).toContain(`curl -fsSk --pinnedpubkey '${server.server.reach().pin}'`);
    const config = join(tempDir(), 'agent.toml');
    writeFileSync(config, INTERVALS);
    const done = await agent('enroll', ...optionsIn(commands.install), '--config', config);
    expect([done.code, done.err]).toEqual([0, '']);
    expect(readFileSync(config, 'utf8')).toContain(INTERVALS);
    const { log } = start(config);
    const host = await waitFor(() => (server.server.live.get('pi-04')?.lastSampleAt == null ? null : server.server.live.get('pi-04')), {
      timeout: 30_000,
      what: 'the first sample',
    });
    expect(host.state).toBe('online');

    // The dashboard, or the command line of any process, revokes it.
    await server.post('/api/hosts/pi-04/rotate', undefined, await server.bearer('admin'));
    await waitFor(() => log().includes('lost the connection'), { timeout: 2000, what: 'the end of the connection' });
    await waitFor(() => log().includes('the token of pi-04 was rotated or revoked'), { what: 'the advice' });
    expect(log()).toContain('on the server run hostwire enroll pi-04');

    // A new code for this very host, and it is back under its name.
    const again = await code({ host: 'pi-04' });
    expect([again.replaces, again.notes]).toEqual([true, [expect.stringContaining('gets a new token')]]);
    expect((await agent('enroll', ...optionsIn(again.commands.install), '--config', config)).code).toBe(0);
    const second = start(config);
    await waitFor(() => second.log().includes('connected to the broker'), { what: 'the new connection' });
    for (const text of [log(), second.log(), done.out]) expect(text).not.toMatch(/hwh_/);
  }, 90_000);

  it('is refused with a sentence that helps', async () => {
    const { server, code } = await openServer();
    const { httpUrl, pin } = server.server.reach();
    const config = join(tempDir(), 'agent.toml');
    const enroll = (options: readonly string[]) => agent('enroll', ...options, '--config', config);
    const trusted = ['--server', httpUrl, '--pin', pin ?? ''];
    expect(await enroll([...trusted, '--code', '0000-0000-0000'])).toMatchObject({
      code: 3,
      err: expect.stringContaining('does not know this code'),
    });
    const { commands } = await code();
    const other = optionsIn(commands.install).map((word) => (word === pin ? `sha256//${'A'.repeat(43)}=` : word));
    expect(await enroll(other)).toMatchObject({ code: 4, err: expect.stringContaining('is not the server that the pin names') });
  });

  it.skipIf(ADDRESS === undefined)('never gets or gives a secret in clear', async () => {
    const { server } = await openServer();
    const base = `http://${ADDRESS}:${server.server.ports.http}`;
    const posted = await fetch(`${base}/api/enroll`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    expect(posted.status).toBe(426);
    const plain = await agent(
      'enroll',
      '--server',
      base,
      '--allow-plain',
      '--code',
      '0000-0000-0000',
      '--config',
      join(tempDir(), 'a.toml'),
    );
    expect(plain).toMatchObject({ code: 1, err: expect.stringContaining(`use https://${ADDRESS}`) });
  });
});

describe.skipIf(findCommand('curl') === null)('the command', () => {
  it('fetches the script from this server alone', async () => {
    const { server, code } = await openServer();
    const { commands } = await code({ host: 'pi-04' });
    const fetching = (/^(.*) \| sudo /.exec(commands.install)?.[1] ?? '').replace('curl', findCommand('curl') ?? '');
    const sh = (text: string) =>
      new Promise<Outcome>((done) => {
        execFile('sh', ['-c', text], (error, out, err) => done({ code: error === null ? 0 : Number(error.code), out, err }));
      });
    expect(await sh(fetching)).toMatchObject({ code: 0, out: expect.stringMatching(/^#!\/bin\/sh/) });
    const { pin } = server.server.reach();
    // CURLE_SSL_PINNEDPUBKEYNOTMATCH, libcurl-errors(3)
    expect(await sh(fetching.replace(pin ?? '', `sha256//${'A'.repeat(43)}=`))).toMatchObject({ code: 90, out: '' });
  });
});
