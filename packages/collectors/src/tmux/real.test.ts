import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalHost } from '@hostwire/host-access';
import type { Row } from '@hostwire/model';
import { systemSuite, waitFor } from '@hostwire/testkit';
import { afterEach, expect, it } from 'vitest';
import { Readings } from '../tree-host.testkit.ts';
import { tmux } from './index.ts';

const uid = process.getuid?.() ?? -1;
const environment = { PATH: process.env['PATH'], HOME: '/', SHELL: '/bin/sh', TERM: 'xterm', LC_ALL: 'C.UTF-8' };
const servers: { readonly argv: readonly string[]; readonly path: string }[] = [];
const clients: ChildProcess[] = [];
let made = 0;

afterEach(() => {
  for (const client of clients.splice(0)) client.kill('SIGKILL');
  for (const { argv, path } of servers.splice(0)) {
    try {
      execFileSync(argv[0] ?? '', [...argv.slice(1), 'kill-server'], { env: environment, stdio: 'ignore' });
    } catch {
      // It has gone already.
    }
    rmSync(path, { force: true });
  }
});

/** A server of its own: runs tmux commands on it. */
function startServer(user = uid) {
  const name = `hostwire-test-${process.pid}-${made++}`;
  const path = `/tmp/tmux-${user}/${name}`;
  const as = user === uid ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
  const argv = [...as, 'tmux', '-u', '-f', '/dev/null', '-L', name];
  servers.push({ argv, path });
  const run = (...args: string[]) =>
    execFileSync(argv[0] ?? '', [...argv.slice(1), ...args], { env: environment, encoding: 'utf8', cwd: '/' });
  return { name, path, run };
}

/** One reading of a new host, as nothing is to be kept from the reading before; `monotonic` in milliseconds. */
async function readOn(readings: Readings, socket: string, monotonic = performance.now()): Promise<Row[]> {
  const rows = await readings.read(new LocalHost(), monotonic, 'tmux_session');
  return rows.filter(({ fields }) => fields['socket'] === socket);
}
const named = (rows: readonly Row[], name: string) => rows.find(({ tags }) => tags?.['session'] === name)?.fields;

/** What ps says of a process and all below it: memory in bytes, and seconds of processor time since they began. */
function askPs(root: number): { readonly rss: number; readonly cpuSeconds: number; readonly pids: number } {
  const lines = execFileSync('ps', ['-e', '-o', 'pid=,ppid=,rss=,pcpu=,etimes='], { encoding: 'utf8' }).trim().split('\n');
  const all = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const tree = new Set([root]);
  for (let size = 0; size !== tree.size; ) {
    size = tree.size;
    for (const [pid = 0, parent = 0] of all) if (tree.has(parent)) tree.add(pid);
  }
  const own = all.filter(([pid = 0]) => tree.has(pid));
  return {
    rss: own.reduce((sum, [, , rss = 0]) => sum + rss * 1024, 0),
    cpuSeconds: own.reduce((sum, [, , , percent = 0, seconds = 0]) => sum + (percent * seconds) / 100, 0),
    pids: own.length,
  };
}

systemSuite(['tmux', 'script', 'ps', 'setpriv'], 'a real tmux', () => {
  it('has cpu and memory of an attached and a detached session as ps has them', async () => {
    const server = startServer();
    const readings = new Readings(tmux);
    server.run('new-session', '-d', '-s', 'idle', 'exec sleep 60');
    await readOn(readings, server.path);
    // All that is new since a reading is counted from its start, as ps counts.
    const began = performance.now();
    server.run('new-session', '-d', '-s', 'busy', 'sh -c "while :; do :; done"; true');
    server.run('split-window', '-d', '-t', 'busy', 'dd if=/dev/zero of=/dev/null bs=96M');
    server.run('new-session', '-d', '-s', 'shown', 'sh -c "while :; do :; done"; true');
    clients.push(spawn('script', ['-qfc', `tmux -L ${server.name} attach -t shown`, '/dev/null'], { env: environment, stdio: 'ignore' }));
    await waitFor(() => server.run('list-clients').includes('shown'), { what: 'the client' });
    await sleep(began + 3000 - performance.now());
    const panes = (session: string) => server.run('list-panes', '-s', '-t', session, '-F', '#{pane_pid}').trim().split('\n').map(Number);
    const rows = await readOn(readings, server.path);
    const elapsed = (performance.now() - began) / 1000;
    for (const session of ['busy', 'shown', 'idle']) {
      const told = panes(session).map(askPs);
      const sum = (of: 'rss' | 'cpuSeconds' | 'pids') => told.reduce((total, one) => total + one[of], 0);
      const row = named(rows, session) ?? {};
      expect(row, session).toMatchObject({ pids: sum('pids'), status: 'active', attached: session === 'shown' ? 1 : 0 });
      expect(Math.abs(Number(row['memory_rss']) / sum('rss') - 1), `${session}: memory`).toBeLessThan(0.05);
      const seconds = (Number(row['cpu_usage']) / 100) * elapsed;
      expect(Math.abs(seconds - sum('cpuSeconds')), `${session}: ${seconds} and ${sum('cpuSeconds')} s`).toBeLessThan(0.3 + 0.15 * seconds);
      if (session === 'busy') expect(sum('rss')).toBeGreaterThan(96 * 2 ** 20);
      if (session !== 'idle') expect(sum('cpuSeconds')).toBeGreaterThan(0.5);
    }
  });

  it('counts the time of children that live for a moment only', async () => {
    const server = startServer();
    server.run('new-session', '-d', '-s', 'make', 'while :; do seq 100000 >/dev/null; done');
    const pid = Number(server.run('list-panes', '-a', '-F', '#{pane_pid}'));
    // With what has ended below it, which ps leaves out but for option S.
    const used = () => Number(execFileSync('ps', ['-S', '-o', 'pcpu=', '-p', String(pid)], { encoding: 'utf8' }));
    const readings = new Readings(tmux);
    await readOn(readings, server.path);
    await sleep(1500);
    const usage = named(await readOn(readings, server.path), 'make')?.['cpu_usage'];
    expect(Math.abs(Number(usage) - used())).toBeLessThan(35);
    expect(usage).toBeGreaterThan(10);
  });

  it('has names that are hard to print as tmux has them', async () => {
    const server = startServer();
    const names = ['a b', 'quote"\'s', '#{pane_pid}', '\u00fcn\u00efcode \u4e2d', 'x'.repeat(200), '-S', '$0 1 1', 'p $0 1 0'];
    for (const [index, name] of names.entries()) {
      server.run('new-session', '-d', '-s', `n${index}`, 'exec sleep 60');
      server.run('rename-session', '-t', `=n${index}`, '--', name.replaceAll('#', '##'));
    }
    const rows = await readOn(new Readings(tmux), server.path);
    expect(rows.map(({ tags }) => tags?.['session']).sort()).toEqual([...names].sort());
    expect(rows.every(({ fields }) => fields['pids'] === 1)).toBe(true);
    server.run('new-session', '-d', '-s', 'tab\tand\nline', 'exec sleep 60');
    expect(named(await readOn(new Readings(tmux), server.path), 'tab\\tand\\nline')).toMatchObject({ windows: 1 });
  });

  it('waits a bounded time for a server that hangs, and not at all for one that has gone', async () => {
    const gone = startServer();
    gone.run('new-session', '-d', 'exec sleep 60');
    process.kill(Number(gone.run('display-message', '-p', '#{pid}')), 'SIGKILL');
    const hung = `/tmp/tmux-${uid}/hostwire-test-${process.pid}-hangs`;
    const silent = createServer().listen(hung);
    try {
      const readings = new Readings(tmux);
      const began = performance.now();
      const rows = await readings.read(new LocalHost(), 0, 'tmux_session');
      expect(performance.now() - began).toBeLessThan(5000);
      expect(rows.filter(({ fields }) => fields['socket'] === gone.path)).toEqual([]);
      expect(readings.reported).toMatchObject([{ code: 'timeout' }]);
    } finally {
      silent.close();
    }
    expect(existsSync(hung)).toBe(false);
  });

  it.runIf(uid === 0)('asks the server of another user as that user', async () => {
    const server = startServer(65534);
    server.run('new-session', '-d', '-s', 'theirs', 'exec sleep 60');
    const rows = await readOn(new Readings(tmux), server.path);
    expect(rows).toMatchObject([{ tags: { user: 'nobody', session: 'theirs' }, fields: { pids: 1 } }]);
  });
});
