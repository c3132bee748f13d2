import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempDir, waitFor } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

const app = fileURLToPath(new URL('../..', import.meta.url));
const agent = join(app, '../agent/src/main.ts');

// Whole processes, compiled as they start, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** `hostwire` from source, as a process of its own. */
function hostwire(...args: string[]): { child: ChildProcess; output: () => string; ended: Promise<number | string | null> } {
  const child = spawn(process.execPath, ['src/main.ts', ...args], {
    cwd: app,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '--import tsx --conditions=@hostwire/source' },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<number | string | null>((done) => child.once('exit', (code, signal) => done(code ?? signal)));
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  });
  return { child, output: () => text, ended };
}

async function up(dataDir: string) {
  const ports = ['--port', '0', '--mqtt-port', '0', '--influx-port', '0'];
  const server = hostwire('up', '--agent', agent, '--data-dir', dataDir, ...ports);
  await waitFor(() => server.output().includes('is running'), { timeout: 40_000, what: 'the start line' }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${server.output()}`);
  });
  const [agentPid] = childrenOf(server.child.pid ?? 0);
  if (agentPid === undefined) throw new Error(`no agent\n${server.output()}`);
  return { ...server, agentPid, base: /(http:\/\/[\d.:]+)\/login#code=(\S+)/.exec(server.output()) };
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

/** A zombie is gone too. */
function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

describe('hostwire up', () => {
  it('shows values of this host from its start line on, starts an agent that was killed again, and leaves none behind', async () => {
    const dataDir = tempDir();
    const [first, second] = await Promise.all([up(dataDir), up(tempDir())]);
    const [, url = '', code = ''] = first.base ?? [];
    const login = await fetch(`${url}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    });
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    const { hosts } = (await (await fetch(`${url}/api/hosts`, { headers: { cookie } })).json()) as { hosts: object[] };
    expect(hosts).toMatchObject([{ state: 'online', interval: 5, memory: { total: expect.any(Number) }, cpu: expect.any(Number) }]);
    expect(statSync(join(dataDir, 'agent/agent.toml')).mode & 0o777).toBe(0o600);

    second.child.kill('SIGTERM');
    const token = readFileSync(join(dataDir, 'agent/agent.toml'), 'utf8');
    process.kill(first.agentPid, 'SIGKILL');
    const again = await waitFor(() => childrenOf(first.child.pid ?? 0).find((pid) => pid !== first.agentPid), { what: 'another agent' });
    // It must have come far enough to watch its parent.
    await waitFor(() => readFileSync(`/proc/${again}/cmdline`, 'utf8').includes('--parent'));
    first.child.kill('SIGKILL');
    expect(await Promise.all([first.ended, second.ended])).toEqual(['SIGKILL', 0]);
    for (const pid of [again, second.agentPid]) await waitFor(() => !isRunning(pid), { what: 'the end of the agents' });
    expect(readFileSync(join(dataDir, 'agent/agent.toml'), 'utf8')).toBe(token);
  });
});

describe('a start that cannot go on', () => {
  it('is one sentence and exit code 1, and SIGINT meanwhile is a clean end', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await waitFor(() => other.listening);
    const { port } = other.address() as { port: number };
    const free = ['--mqtt-port', '0', '--influx-port', '0', '--log-level', 'silent'];
    const taken = hostwire('serve', '--data-dir', tempDir(), '--port', String(port), ...free);
    const dataDir = tempDir();
    writeFileSync(join(dataDir, 'agent'), '');
    const blocked = hostwire('up', '--agent', agent, '--data-dir', dataDir, '--port', '0', ...free);
    const stopped = tempDir();
    const ended = hostwire('serve', '--data-dir', stopped, '--port', '0', ...free);
    // From here on it listens for signals.
    await waitFor(() => existsSync(join(stopped, 'registry.db')), { timeout: 40_000, what: 'the start of a server' });
    ended.child.kill('SIGINT');
    expect(await Promise.all([taken.ended, blocked.ended, ended.ended])).toEqual([1, 1, 0]);
    expect(taken.output()).toBe(
      `hostwire: Cannot serve the dashboard and API: port ${port} on 127.0.0.1 is in use by another program; choose another with --port.\n`,
    );
    expect(blocked.output()).toMatch(/^hostwire: EEXIST: .*agent'\n$/);
  });
});
