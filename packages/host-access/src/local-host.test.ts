import { mkdirSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { tempDir, waitFor } from '@hostwire/testkit';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { LocalHost } from './local-host.ts';

const host = new LocalHost();
afterAll(() => host.close());

const isGone = (pid: number) =>
  readFile(`/proc/${pid}/stat`, 'utf8').then(
    (text) => / [ZX] /.test(text),
    () => true,
  );

describe('LocalHost: commands', () => {
  it('run in a clean environment, without a shell and without input', async () => {
    process.env['HOSTWIRE_TOKEN_FOR_TEST'] = 'secret';
    const { stdout } = await host.exec('env', []);
    delete process.env['HOSTWIRE_TOKEN_FOR_TEST'];
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names.sort()).toEqual(['HOME', 'LANG', 'LC_ALL', 'PATH']);
    expect(stdout).toContain('LC_ALL=C\n');
    expect((await host.exec('printf', ['%s|', '$HOME;', "it's"])).stdout).toBe("$HOME;|it's|");
    expect(await host.exec('cat', [])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('are killed with all that they started when time is up', async () => {
    const file = join(tempDir(), 'pid');
    const script = `sleep 60 & echo $! > ${file}; wait`;
    await expect(host.exec('sh', ['-c', script], { timeout: 1000 })).rejects.toMatchObject({ code: 'timeout' });
    const pid = Number(await readFile(file, 'utf8'));
    expect(pid).toBeGreaterThan(0);
    await waitFor(() => isGone(pid), { what: 'the grandchild to be gone' });
  });

  it('are killed when the caller gives up, and tell a timeout from that', async () => {
    const gaveUp = new AbortController();
    const answer = host.exec('sleep', ['60'], { signal: gaveUp.signal });
    setTimeout(() => gaveUp.abort(), 50);
    await expect(answer).rejects.toMatchObject({ code: 'aborted' });
    await expect(host.exec('sleep', ['60'], { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ code: 'timeout' });
  });

  it('are killed when they write more than is taken', async () => {
    await expect(host.exec('yes', [])).rejects.toMatchObject({ code: 'too-large' });
    const most = await host.exec('head', ['-c', String(4 * 1024 * 1024), '/dev/zero']);
    expect(most.stdout).toHaveLength(4 * 1024 * 1024);
  });

  it('say 128 + n when a signal ended them', async () => {
    expect((await host.exec('sh', ['-c', 'kill -TERM $$'])).exitCode).toBe(143);
  });

  it('run at most four of one kind at once, and the fifth has its turn', async () => {
    const folder = tempDir();
    const script = `echo > ${folder}/$$; ls ${folder} | wc -l; sleep 0.2; rm ${folder}/$$`;
    const counts = await Promise.all(Array.from({ length: 10 }, () => host.exec('sh', ['-c', script])));
    const seen = counts.map(({ stdout }) => Number(stdout));
    expect(seen).toHaveLength(10);
    expect(Math.max(...seen)).toBeLessThanOrEqual(4);
    const gaveUp = AbortSignal.timeout(100);
    const queue = Array.from({ length: 10 }, () => host.exec('sleep', ['60'], { signal: gaveUp }).catch((error) => error.code));
    expect(new Set(await Promise.all(queue))).toEqual(new Set(['timeout']));
    expect((await host.exec('echo', ['free'])).stdout).toBe('free\n');
  });

  it('do not wait for those of other kinds that hang, even if SIGTERM means nothing to them', async () => {
    const folder = tempDir();
    const names = ['one', 'two', 'three'].map((name) => {
      writeFileSync(join(folder, name), "#!/bin/sh\ntrap '' TERM INT HUP\nwhile :; do sleep 60 & wait; done\n", { mode: 0o755 });
      return join(folder, name);
    });
    const all = names.flatMap((name) => Array.from({ length: 6 }, () => host.exec(name, [], { timeout: 1500 })));
    const ends = Promise.allSettled(all);
    const began = performance.now();
    expect((await host.exec('echo', ['here'])).stdout).toBe('here\n');
    expect(performance.now() - began).toBeLessThan(1000);
    for (const end of await ends) expect(end).toMatchObject({ status: 'rejected', reason: { code: 'timeout' } });
    await waitFor(async () => !(await host.exec('ps', ['-eo', 'args'])).stdout.includes(folder), { what: 'all of them to be gone' });
  });

  it('leave nothing behind', async () => {
    const file = join(tempDir(), 'pid');
    await host.exec('sh', ['-c', `sleep 60 >/dev/null 2>&1 & echo $! > ${file}`]);
    await waitFor(async () => isGone(Number(await readFile(file, 'utf8'))), { what: 'the one in the background to be gone' });
    const open = () => readdirSync('/proc/self/fd').length;
    await host.exec('true', []);
    const before = open();
    await Promise.all([
      ...Array.from({ length: 40 }, () => host.exec('true', [])),
      ...Array.from({ length: 4 }, () => host.exec('sh', ['-c', 'yes & yes']).catch(() => null)),
      ...Array.from({ length: 4 }, () => host.exec('sleep', ['60'], { timeout: 50 }).catch(() => null)),
    ]);
    await waitFor(() => open() <= before, { what: 'the descriptors to be closed' });
    const { stdout } = await host.exec('ps', ['-o', 'stat=,args=', '--ppid', String(process.pid)]);
    expect(stdout).not.toMatch(/^Z/m);
  });

  it('fail with a code and a sentence when they cannot be asked', async () => {
    await expect(host.exec('hostwire-no-such-command', [])).rejects.toMatchObject({ code: 'ENOENT', name: 'AccessError' });
    await expect(host.exec('/etc/passwd', [])).rejects.toMatchObject({ code: 'EACCES' });
    await expect(host.exec('a\0b', [])).rejects.toMatchObject({ code: 'EINVAL' });
  });
});

describe('LocalHost: files', () => {
  it('are read whole, also where /proc says size 0', async () => {
    expect((await stat('/proc/self/maps')).size).toBe(0);
    expect(await host.readFile('/proc/self/limits')).toContain('Max realtime timeout');
    const smaps = await host.readFile('/proc/self/smaps');
    expect(smaps.length).toBeGreaterThan(64 * 1024);
    expect(smaps).toMatch(/VmFlags:.*\n$/);
  });

  it('are bounded', async () => {
    const file = join(tempDir(), 'large');
    writeFileSync(file, '');
    truncateSync(file, 4 * 1024 * 1024);
    expect(await host.readFile(file)).toHaveLength(4 * 1024 * 1024);
    truncateSync(file, 4 * 1024 * 1024 + 1);
    await expect(host.readFile(file)).rejects.toMatchObject({ code: 'too-large' });
    await expect(host.readFile('/dev/zero')).rejects.toMatchObject({ code: 'too-large' });
  });

  it('that nobody writes to do not hang the caller', async () => {
    const pipe = join(tempDir(), 'pipe');
    expect((await host.exec('mkfifo', [pipe])).exitCode).toBe(0);
    expect(await host.readFile(pipe)).toBe('');
  });

  it('lie below the root, whatever the path says', async () => {
    const root = tempDir();
    mkdirSync(join(root, 'proc'));
    writeFileSync(join(root, 'proc', 'stat'), 'cpu 1 2 3\n');
    symlinkSync('stat', join(root, 'proc', 'link'));
    const inside = new LocalHost({ root });
    expect(await inside.readFile('/proc/stat')).toBe('cpu 1 2 3\n');
    expect(await inside.readFile('/../../proc/stat')).toBe('cpu 1 2 3\n');
    expect(await inside.readDir('/proc')).toEqual(['link', 'stat']);
    expect(await inside.readLink('/proc/link')).toBe('stat');
    expect((await inside.statFs('/proc')).blocks).toBe((await host.statFs(root)).blocks);
    await expect(inside.readFile('/etc/passwd')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('are found below the root through absolute links too, as the host itself finds them', async () => {
    const root = tempDir();
    mkdirSync(join(root, 'etc', 'static'), { recursive: true });
    writeFileSync(join(root, 'etc', 'static', 'release'), 'of the host');
    symlinkSync('/etc/static/release', join(root, 'etc', 'os-release'));
    symlinkSync('/etc', join(root, 'conf'));
    symlinkSync('../../../../etc/static', join(root, 'up'));
    symlinkSync('/loop', join(root, 'loop'));
    const inside = new LocalHost({ root });
    expect(await inside.readFiles(['/etc/os-release', '/conf/os-release', '/up/release', '/loop'])).toMatchObject([
      'of the host',
      'of the host',
      'of the host',
      { code: 'ELOOP' },
    ]);
    expect(await inside.readLink('/conf/os-release')).toBe('/etc/static/release');
    expect(await inside.readDir('/conf/static')).toEqual(['release']);
    await expect(inside.readDir('/conf/static/release/x')).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('take as many at once as are asked for', async () => {
    const paths = Array.from({ length: 500 }, (_, i) => (i === 250 ? '/nowhere' : '/proc/self/stat'));
    const answers = await host.readFiles(paths);
    expect(answers).toHaveLength(500);
    expect(answers.filter((answer) => typeof answer === 'string')).toHaveLength(499);
    expect(answers[250]).toMatchObject({ code: 'ENOENT' });
  });

  it('of many processes leave turns to others, keep their order, and end when the caller gives up', async () => {
    const paths = Array.from({ length: 400 }, (_, i) =>
      i % 4 === 0 ? `/proc/${2 ** 22 + 1 + i}/stat` : `/proc/self/${i % 2 === 0 ? 'stat' : 'status'}`,
    );
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const answers = await host.readFiles(paths);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(1);
    const kinds = answers.map((answer) => (typeof answer === 'string' ? (answer.startsWith('Name:') ? 'status' : 'stat') : answer.code));
    expect(kinds).toEqual(paths.map((_, i) => (i % 4 === 0 ? 'ENOENT' : i % 2 === 0 ? 'stat' : 'status')));
    const gaveUp = new AbortController();
    const answer = host.readFiles(paths, { signal: gaveUp.signal });
    gaveUp.abort();
    expect((await answer).at(-1)).toMatchObject({ code: 'aborted' });
  });

  it('of processes lie below the root, and are bounded', async () => {
    const root = tempDir();
    mkdirSync(join(root, 'proc', '1'), { recursive: true });
    writeFileSync(join(root, 'proc', '1', 'stat'), '1 (init) S');
    writeFileSync(join(root, 'proc', '1', 'status'), 'x'.repeat(70_000));
    const answers = await new LocalHost({ root }).readFiles(['/proc/1/stat', '/proc/1/status', '/proc/self/stat']);
    expect(answers).toMatchObject(['1 (init) S', { code: 'too-large' }, { code: 'ENOENT' }]);
  });

  it('are not asked for after the caller gave up or the access was closed', async () => {
    const gaveUp = AbortSignal.abort();
    await expect(host.readFile('/proc/stat', { signal: gaveUp })).rejects.toMatchObject({ code: 'aborted' });
    await expect(host.statFs('/', { signal: gaveUp })).rejects.toMatchObject({ code: 'aborted' });
    const closed = new LocalHost();
    const running = closed.exec('sleep', ['60']);
    await closed.close();
    await expect(running).rejects.toMatchObject({ code: 'aborted' });
    await expect(closed.readFile('/proc/stat')).rejects.toMatchObject({ code: 'aborted' });
    expect(await closed.readFiles(['/proc/self/stat'])).toMatchObject([{ code: 'aborted' }]);
  });
});

async function serve(path: string, body: string): Promise<void> {
  const server = createServer((_, answer) => void answer.end(body));
  await new Promise<void>((done) => server.listen(path, done));
  onTestFinished(() => void server.close().closeAllConnections());
}

it('LocalHost takes an answer of any size of which nothing is to be kept', async () => {
  const socketPath = join(tempDir(), 'large.sock');
  await serve(socketPath, 'x'.repeat(5 * 1024 * 1024));
  const access = new LocalHost();
  expect(await access.request({ socketPath, path: '/', keep: [] })).toMatchObject({ status: 200, body: '' });
  await expect(access.request({ socketPath, path: '/', keep: ['/a'] })).rejects.toMatchObject({ code: 'too-large' });
});

describe('LocalHost: sockets below a root', () => {
  it("are the host's, by its own links, but for one that this process has itself", async () => {
    const root = tempDir();
    mkdirSync(join(root, 'run'));
    mkdirSync(join(root, 'var'));
    symlinkSync('/run', join(root, 'var/run'));
    await serve(join(root, 'run/docker.sock'), 'host');
    const own = join(tempDir(), 'own.sock');
    await serve(own, 'own');
    mkdirSync(dirname(join(root, own)), { recursive: true });
    await serve(join(root, own), 'other');
    const access = new LocalHost({ root });
    expect((await access.request({ socketPath: '/var/run/docker.sock', path: '/' })).body).toBe('host');
    expect((await access.request({ socketPath: own, path: '/' })).body).toBe('own');
    await expect(access.request({ socketPath: '/var/run/none.sock', path: '/' })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('LocalHost: file systems', () => {
  it('are those that are meant, or none', async () => {
    const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).trim().split('\n');
    const proc = mounts.findLast((line) => line.split(' ')[4] === '/proc')?.split(' ')[2] ?? '';
    expect(await host.statFs('/proc', { device: proc })).toMatchObject({ blocks: 0 });
    expect(await new LocalHost({ root: '/proc' }).statFs('/', { device: proc })).toMatchObject({ blocks: 0 });
    await expect(host.statFs('/proc', { device: '8:99' })).rejects.toMatchObject({ code: 'ENOENT' });
    // A folder that nothing is mounted at.
    await expect(host.statFs('/proc/sys', { device: proc })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
