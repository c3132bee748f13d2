import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiagnosticDump, LocalHost, recordAccess } from '@hostwire/host-access';
import { findCommand, systemSuite, waitFor } from '@hostwire/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Readings } from '../tree-host.testkit.ts';
import { docker } from './index.ts';

const CANARY = 'canary-3f9a';

systemSuite(['dockerd', 'docker', 'busybox', 'tar'], 'a real engine of Docker', () => {
  let engine: ChildProcess | null = null;
  let output = '';
  const folder = mkdtempSync(join(tmpdir(), 'hostwire-docker-'));
  const socket = join(folder, 'd.sock');
  const run = (...args: string[]) =>
    execFileSync('docker', ['-H', `unix://${socket}`, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const start = (name: string, ...args: string[]) =>
    run('run', '-d', '--name', name, '--network', 'host', '-e', `TOKEN=${CANARY}`, '-v', `${folder}/${CANARY}:/data`, ...args);
  /** Why it cannot work here; a machine may forbid what a container needs. */
  let problem: string | null = null;

  beforeAll(async () => {
    if (process.getuid?.() !== 0) {
      problem = 'needs root';
      return;
    }
    const flags = ['--storage-driver', 'vfs', '--bridge', 'none', '--iptables=false', '--ip6tables=false'];
    const folders = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'), '--pidfile', join(folder, 'pid')];
    engine = spawn(findCommand('dockerd') ?? '', [...flags, ...folders, '-H', `unix://${socket}`], { stdio: ['ignore', 'ignore', 'pipe'] });
    engine.stderr?.on('data', (text: Buffer) => {
      output += text.toString();
    });
    try {
      await waitFor(() => tryTo(() => run('version')), { timeout: 10_000, interval: 100 });
      const root = join(folder, 'root');
      mkdirSync(join(root, 'bin'), { recursive: true });
      copyFileSync(findCommand('busybox') ?? '', join(root, 'bin', 'busybox'));
      chmodSync(join(root, 'bin', 'busybox'), 0o755);
      execFileSync('ln', ['-s', 'busybox', join(root, 'bin', 'sh')]);
      execFileSync('tar', ['-C', root, '-cf', join(folder, 'root.tar'), '.']);
      run('import', '-c', 'ENV PATH=/bin', join(folder, 'root.tar'), 'base:1.36');
      run('run', '--rm', '--network', 'host', 'base:1.36', 'busybox', 'true');
    } catch (error) {
      problem = `containers do not start here (${String(error).split('\n')[0]}): ${output.trim().split('\n').at(-1) ?? ''}`;
    }
    if (problem !== null) process.stderr.write(`skipped: a real engine of Docker: ${problem}\n`);
  }, 30_000);

  afterAll(async () => {
    if (engine === null) return;
    for (const name of ['fit', 'sick', 'crash', 'done']) tryTo(() => run('rm', '-f', name));
    const ended = new Promise((resolve) => engine?.once('exit', resolve));
    engine.kill('SIGTERM');
    await ended;
    // A mount that the engine leaves behind.
    tryTo(() => execFileSync('umount', [join(folder, 'exec', 'netns', 'default')], { stdio: 'ignore' }));
    rmSync(folder, { recursive: true, force: true });
  }, 30_000);

  it('tells a healthy, an unhealthy, a restarting and an exited container apart', async (context) => {
    if (problem !== null) return context.skip();
    mkdirSync(join(folder, CANARY));
    const check = (command: string) => ['--health-cmd', `echo ${CANARY}; ${command}`, '--health-interval', '1s', '--health-retries', '1'];
    start('fit', '--label', 'com.example.stack=site', ...check('true'), 'base:1.36', 'busybox', 'sleep', '1000');
    start('sick', '--label', `secret=${CANARY}`, ...check('false'), 'base:1.36', 'sh', '-c', `while :; do :; done; echo ${CANARY}`);
    start('crash', '--restart', 'always', 'base:1.36', 'sh', '-c', 'exit 3');
    start('done', 'base:1.36', 'sh', '-c', 'exit 7');

    const directory = join(folder, 'dump');
    const dump = new DiagnosticDump(directory, { warn: (message) => expect.unreachable(message) });
    const access = recordAccess(new LocalHost(), dump);
    const readings = new Readings(docker, { socket });
    await readings.readAll(access, performance.now());
    const rows = await waitFor(
      async () => {
        const all = await readings.readAll(access, performance.now());
        const health = Object.fromEntries(
          (all['docker_container_health'] ?? []).map(({ tags, fields }) => [tags?.['container_name'], fields['health_status']]),
        );
        const crash = all['docker_container_status']?.find(({ tags }) => tags?.['container_name'] === 'crash');
        const settled = health['fit'] === 'healthy' && health['sick'] === 'unhealthy' && crash?.fields['container_status'] === 'restarting';
        return settled && all;
      },
      { timeout: 20_000, interval: 200, what: 'the states' },
    );
    const status = (name: string) => rows['docker_container_status']?.find(({ tags }) => tags?.['container_name'] === name)?.fields ?? {};
    expect(status('fit')).toMatchObject({ container_status: 'running', exitcode: 0, restart_count: 0, oomkilled: false });
    expect(status('crash')).toMatchObject({ container_status: 'restarting', exitcode: 3 });
    expect(status('crash')['restart_count']).toBeGreaterThan(0);
    expect(status('done')).toMatchObject({ container_status: 'exited', exitcode: 7, pid: 0 });
    for (const name of ['fit', 'sick', 'crash', 'done']) {
      expect(status(name)['image_age']).toBeGreaterThanOrEqual(0);
      expect(status(name)['image_age']).toBeLessThan(120);
    }
    const sick = rows['docker_container_cpu']?.find(({ tags }) => tags?.['container_name'] === 'sick');
    expect(sick?.tags).toMatchObject({ container_image: 'base', container_version: '1.36' });
    expect(sick?.fields['usage_percent']).toBeGreaterThan(20);
    // As `docker stats` has it: without the page cache.
    const memory = rows['docker_container_mem']?.find(({ tags }) => tags?.['container_name'] === 'fit')?.fields['usage'];
    expect(memory).toBeGreaterThan(0);
    expect(memory).toBeLessThan(8e6);

    const only = await new Readings(docker, { socket, labels: ['com.example.stack=site'] }).read(access, 0, 'docker_container_status');
    expect(only.map(({ tags }) => tags?.['container_name'])).toEqual(['fit']);
    expect(await docker.probe(access, { socket })).toEqual({ available: true });
    await dump.close();
    const log = readFileSync(join(directory, 'commands.log'), 'utf8');
    expect(log).toContain('/containers/json?all=1');
    expect(log).not.toContain(CANARY);
    expect(JSON.stringify(rows, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).not.toContain(CANARY);
    expect(readings.reported).toEqual([]);
  });
});

function tryTo<T>(act: () => T): T | null {
  try {
    return act();
  } catch {
    return null;
  }
}
