import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DiagnosticDump, LocalHost, ReplayHost, recordAccess } from '@hostwire/host-access';
import { fixturesDir, tempDir } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRunner } from '../runner.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { docker } from './index.ts';
import { parseTime, splitImage } from './parse.ts';

type Answers = Record<string, unknown>;

const INFO = { Name: 'box', ServerVersion: '27.0.1', NCPU: 4, Containers: 2, ContainersRunning: 1, ContainersStopped: 1, MemTotal: 8e9 };
const entry = (Id: string, name: string, more: object = {}) => ({
  Id,
  Names: [`/${name}`],
  Image: 'nginx:1.27',
  State: 'running',
  Status: 'Up 4 hours',
  Labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': name, password: 'SECRET' },
  Command: 'serve --password SECRET',
  Mounts: [{ Source: '/SECRET' }],
  ...more,
});
const inspect = (more: object = {}) => ({
  State: {
    Status: 'running',
    OOMKilled: false,
    Pid: 77,
    ExitCode: 0,
    StartedAt: '2026-09-21T12:00:00.5Z',
    FinishedAt: '0001-01-01T00:00:00Z',
  },
  RestartCount: 2,
  Config: { Env: ['PASSWORD=SECRET'], Cmd: ['SECRET'] },
  Mounts: [{ Source: '/SECRET' }],
  ...more,
});
const stats = (used: number, system: number, more: object = {}) => ({
  cpu_stats: { cpu_usage: { total_usage: used, usage_in_usermode: 1, usage_in_kernelmode: 2 }, system_cpu_usage: system, online_cpus: 4 },
  precpu_stats: { cpu_usage: { total_usage: 0 } },
  memory_stats: { usage: 1000, limit: 4000, stats: { inactive_file: 200, active_file: 3 } },
  networks: {
    eth0: { rx_bytes: 1, rx_packets: 2, rx_errors: 0, rx_dropped: 0, tx_bytes: 5, tx_packets: 6, tx_errors: 0, tx_dropped: 0 },
    eth1: { rx_bytes: 10, rx_packets: 20, rx_errors: 1, rx_dropped: 0, tx_bytes: 50, tx_packets: 60, tx_errors: 0, tx_dropped: 0 },
  },
  blkio_stats: {
    io_service_bytes_recursive: [
      { major: 8, minor: 0, op: 'read', value: 4096 },
      { major: 8, minor: 0, op: 'write' },
    ],
  },
  ...more,
});

/** An engine that answers what stands there: an object, a status, or never. Counts what it is asked. */
class ScriptedEngine {
  readonly socket = join(tempDir(), 'docker.sock');
  readonly asked: string[] = [];
  answers: Answers;
  readonly #server: Server;

  constructor(answers: Answers) {
    this.answers = answers;
    this.#server = createServer(({ url = '' }, response) => {
      this.asked.push(url);
      const answer = url === '/_ping' ? 'OK' : this.answers[url.split('?')[0] ?? ''];
      if (answer === undefined || typeof answer === 'number') response.writeHead((answer as number) ?? 404).end('{"message":"SECRET"}');
      else if (answer !== null) response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    });
    this.#server.listen(this.socket);
    onTestFinished(() => void this.#server.close().closeAllConnections());
  }
}

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const engineOf = (more: Answers = {}) =>
  new ScriptedEngine({
    '/info': INFO,
    '/containers/json': [
      entry(A, 'web'),
      entry(B, 'job', { State: 'exited', Status: 'Exited (3) 2 hours ago', Labels: null, Image: 'registry:5000/job@sha256:ab' }),
    ],
    [`/containers/${A}/json`]: inspect(),
    [`/containers/${A}/stats`]: stats(1e9, 100e9),
    [`/containers/${B}/json`]: inspect({
      State: {
        Status: 'exited',
        OOMKilled: true,
        Pid: 0,
        ExitCode: 3,
        StartedAt: '2026-09-21T11:00:00Z',
        FinishedAt: '2026-09-21T11:00:02Z',
      },
    }),
    ...more,
  });
const readingsOf = (engine: ScriptedEngine, more: object = {}) => new Readings(docker, { socket: engine.socket, ...more });
const container = (name: string) => (row: { tags?: Readonly<Record<string, string>> }) => row.tags?.['container_name'] === name;

describe('docker', () => {
  it('gives the engine, and of each container what Telegraf gives', async () => {
    const engine = engineOf();
    const all = await readingsOf(engine).readAll(new LocalHost());
    const tags = { engine_host: 'box', server_version: '27.0.1' };
    const web = {
      ...tags,
      container_name: 'web',
      container_image: 'nginx',
      container_version: '1.27',
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'web',
    };
    expect(all['docker']).toEqual([
      { tags, fields: { n_cpus: 4, n_containers: 2, n_containers_running: 1, n_containers_stopped: 1, memory_total: 8e9 } },
    ]);
    expect(all['docker_container_mem']).toEqual([
      {
        tags: web,
        fields: { container_id: A, usage: 800, usage_percent: 20, limit: 4000, max_usage: 0, inactive_file: 200, active_file: 3 },
      },
    ]);
    expect(all['docker_container_net']).toEqual([
      {
        tags: { ...web, network: 'total' },
        fields: {
          container_id: A,
          rx_bytes: 11,
          rx_packets: 22,
          rx_errors: 1,
          rx_dropped: 0,
          tx_bytes: 55,
          tx_packets: 66,
          tx_errors: 0,
          tx_dropped: 0,
        },
      },
    ]);
    expect(all['docker_container_blkio']).toEqual([
      {
        tags: { ...web, device: 'total' },
        fields: { container_id: A, io_service_bytes_recursive_read: 4096, io_service_bytes_recursive_write: 0 },
      },
    ]);
    // 1,790,000,000 s is 2026-09-21T14:13:20Z.
    expect(all['docker_container_status']).toEqual([
      {
        tags: web,
        fields: {
          container_id: A,
          container_status: 'running',
          oomkilled: false,
          pid: 77,
          exitcode: 0,
          restart_count: 2,
          started_at: 1_789_992_000_500_000_000n,
          uptime_ns: 7_999_500_000_000n,
        },
      },
      {
        tags: expect.objectContaining({ container_name: 'job', container_image: 'registry:5000/job@sha256', container_version: 'ab' }),
        fields: expect.objectContaining({ container_status: 'exited', oomkilled: true, exitcode: 3, uptime_ns: 2_000_000_000n }),
      },
    ]);
    expect(all['docker_container_health']).toBeUndefined();
    expect(engine.asked).not.toContain(`/containers/${B}/stats?stream=false&one-shot=true`);
  });

  it('counts cpu from reading to reading, of one core', async () => {
    const engine = engineOf();
    const readings = readingsOf(engine);
    const access = new LocalHost();
    const [first] = await readings.read(access, 0, 'docker_container_cpu');
    expect(first?.fields).not.toHaveProperty('usage_percent');
    engine.answers[`/containers/${A}/stats`] = stats(3e9, 104e9);
    const [second] = await readings.read(access, 0, 'docker_container_cpu');
    expect(second?.fields).toMatchObject({ usage_total: 3e9, usage_percent: 200 });
    // A restart begins at 0.
    engine.answers[`/containers/${A}/stats`] = stats(1e9, 108e9);
    const [third] = await readings.read(access, 0, 'docker_container_cpu');
    expect(third?.fields).toMatchObject({ usage_percent: 0 });
  });

  it('asks again about a container only when its state in words has changed, or where it has a health check', async () => {
    const engine = engineOf();
    const readings = readingsOf(engine);
    const access = new LocalHost();
    const asks = () => engine.asked.filter((path) => path === `/containers/${A}/json`).length;
    await readings.readAll(access);
    await readings.readAll(access);
    expect(asks()).toBe(1);
    engine.answers['/containers/json'] = [entry(A, 'web', { Status: 'Up 5 hours (unhealthy)' })];
    engine.answers[`/containers/${A}/json`] = inspect({ State: { Health: { Status: 'unhealthy', FailingStreak: 4, Log: ['SECRET'] } } });
    await readings.readAll(access);
    const [health] = await readings.read(access, 0, 'docker_container_health');
    expect(health?.fields).toEqual({ health_status: 'unhealthy', failing_streak: 4 });
    expect(asks()).toBe(3);
  });

  it('goes on from what it found out where the time was too short for all', async () => {
    const engine = engineOf({ [`/containers/${A}/stats`]: null });
    const runner = createRunner({
      ...{ access: new LocalHost(), collectors: [docker], timeoutMs: 300 },
      options: { docker: { socket: engine.socket } },
    });
    const read = () => runner.collect('medium');
    await runner.probeAll();
    expect((await read()).errors).toMatchObject([{ code: 'timeout' }]);
    engine.answers[`/containers/${A}/stats`] = stats(1e9, 100e9);
    await sleep(50);
    expect((await read()).data['docker_container_status']).toHaveLength(2);
    for (const id of [A, B]) expect(engine.asked.filter((path) => path === `/containers/${id}/json`)).toHaveLength(1);
  });

  it('passes over a container that goes meanwhile, reports one that cannot be asked, and gives the others', async () => {
    const engine = engineOf({ [`/containers/${A}/stats`]: 500, [`/containers/${B}/json`]: 404 });
    const readings = readingsOf(engine);
    const all = await readings.readAll(new LocalHost());
    expect(all['docker_container_status']?.filter(container('web'))).toHaveLength(1);
    expect(all['docker_container_status']?.filter(container('job'))).toHaveLength(0);
    expect(readings.reported).toMatchObject([{ code: 'status-500' }]);
    engine.answers['/info'] = 503;
    await expect(readings.readAll(new LocalHost())).rejects.toMatchObject({ code: 'status-503' });
  });

  it('gives devices one by one where it is told to', async () => {
    const engine = engineOf();
    const all = await readingsOf(engine, { per_device: ['network', 'blkio'] }).readAll(new LocalHost());
    expect(all['docker_container_net']?.map(({ tags }) => tags?.['network'])).toEqual(['total', 'eth0', 'eth1']);
    expect(all['docker_container_blkio']?.map(({ tags }) => tags?.['device'])).toEqual(['total', '8:0']);
  });

  it('tells how old images are, and asks for them only when there is one that it does not know', async () => {
    const image = (id: string) => ({ ImageID: `sha256:${id}` });
    const engine = engineOf({
      '/containers/json': [entry(A, 'web', image('aa')), entry(B, 'job', { ...image('bb'), State: 'exited' })],
      // 1,790,000,000 s is the tick's time.
      '/images/json': [
        { Id: 'sha256:aa', Created: 1_789_900_000, RepoTags: ['SECRET'], Labels: { a: 'SECRET' } },
        { Id: 'sha256:bb', Created: -62_135_596_800 },
      ],
    });
    const readings = readingsOf(engine);
    const access = new LocalHost();
    const [web, job] = await readings.read(access, 0, 'docker_container_status');
    expect(web?.fields).toMatchObject({ image_id: 'sha256:aa', image_created: 1_789_900_000, image_age: 100_000 });
    expect(job?.fields).toMatchObject({ image_id: 'sha256:bb' });
    expect(job?.fields).not.toHaveProperty('image_age');
    await readings.readAll(access);
    expect(engine.asked.filter((path) => path.startsWith('/images'))).toHaveLength(1);
    engine.answers['/containers/json'] = [entry(A, 'web', image('cc'))];
    engine.answers['/images/json'] = 500;
    expect((await readings.read(access, 0, 'docker_container_status'))[0]?.fields).toMatchObject({ image_id: 'sha256:cc' });
    expect(readings.reported).toMatchObject([{ code: 'status-500' }]);
  });

  it('lets the engine choose by label', async () => {
    const engine = engineOf();
    await readingsOf(engine, { labels: ['com.example.stack=site', 'a&b/c'] }).readAll(new LocalHost());
    const [, query = ''] = engine.asked.find((path) => path.startsWith('/containers/json'))?.split('?') ?? [];
    expect(Object.fromEntries(new URLSearchParams(query))).toEqual({ all: '1', filters: '{"label":["com.example.stack=site","a&b/c"]}' });
    expect(() => readingsOf(engine, { labels: ['a b'] })).toThrow('labels');
  });

  it('leaves the socket of Podman to the collector of Podman', async () => {
    const access = new TreeHost({ links: { '/var/run/docker.sock': '/run/podman/podman.sock' } });
    expect(await docker.probe(access, { socket: '' })).toMatchObject({ available: false, reason: expect.stringContaining('Podman') });
  });

  it('is available where an engine answers, else it says what to do', async () => {
    const engine = engineOf();
    const access = new LocalHost();
    expect(await docker.probe(access, { socket: engine.socket })).toEqual({ available: true });
    expect(await docker.probe(access, { socket: '/nowhere.sock' })).toEqual({ available: false, reason: 'there is no /nowhere.sock' });
    expect(await docker.probe(access, { socket: '/etc/hostname' })).toMatchObject({ available: false });
  });

  it('lets no environment, mount, command or health log out of the access, and replays from a dump', async () => {
    const engine = engineOf();
    const directory = join(tempDir(), 'dump');
    const dump = new DiagnosticDump(directory, { warn: (message) => expect.unreachable(message) });
    const live = await readingsOf(engine).readAll(recordAccess(new LocalHost(), dump));
    await dump.close();
    expect(readFileSync(join(directory, 'commands.log'), 'utf8')).not.toContain('SECRET');
    expect(await readingsOf(engine).readAll(await ReplayHost.open(directory))).toEqual(live);
  });
});

it('splits images as Telegraf does', () => {
  expect(splitImage('quay.io:4443/coreos/etcd:v3.3.25')).toEqual({ image: 'quay.io:4443/coreos/etcd', version: 'v3.3.25' });
  expect(splitImage('localhost/a')).toEqual({ image: 'localhost/a', version: 'unknown' });
  expect(splitImage('host:5000/a')).toEqual({ image: 'host:5000/a', version: 'unknown' });
  expect(splitImage('redis')).toEqual({ image: 'redis', version: 'unknown' });
});

it('reads times of any zone to the nanosecond, and none of what is none', () => {
  expect(parseTime('2018-06-14T05:48:53.266176036Z')).toBe(1_528_955_333_266_176_036n);
  expect(parseTime('1970-01-01T02:00:01+02:00')).toBe(1_000_000_000n);
  expect(parseTime('0001-01-01T00:00:00Z')).toBeNull();
  fc.assert(fc.property(fc.oneof(fc.string(), fc.jsonValue()), (text) => parseTime(text) === null));
});

const fixtures = fixturesDir();

describe.skipIf(fixtures === null)("Telegraf's recorded engine", () => {
  it.each(['', 'memory_stats'])('gives what Telegraf gives: docker/%s', async (folder) => {
    const at = join(fixtures ?? '', 'docker', folder);
    const files = readdirSync(at);
    const json = (name: string): unknown => JSON.parse(readFileSync(join(at, name), 'utf8'));
    const answers: Answers = { '/info': json('info.json'), '/containers/json': json('list.json') };
    for (const name of files) {
      const [, kind, id] = /^(inspect|stats)_([0-9a-f]+)\.json$/.exec(name) ?? [];
      if (kind !== undefined) answers[`/containers/${id}/${kind === 'inspect' ? 'json' : 'stats'}`] = json(name);
    }
    const readings = readingsOf(new ScriptedEngine(answers), { per_device: ['cpu', 'network', 'blkio'] });
    const rows = await readings.readAll(new LocalHost());
    expect(readings.reported).toEqual([]);
    expect(rows['docker']?.[0]).toMatchObject({ tags: { engine_host: 'absol', server_version: '17.09.0-ce' } });
    if (!existsSync(join(at, 'expected.out'))) {
      // Of five containers one was recorded.
      expect(rows['docker_container_status']).toHaveLength(1);
      expect(rows['docker_container_cpu']?.map(({ tags }) => tags?.['cpu'])).toEqual([
        'cpu-total',
        ...[0, 1, 2, 3, 4, 5, 6, 7].map((n) => `cpu${n}`),
      ]);
      return;
    }
    const expected = linesOf(readFileSync(join(at, 'expected.out'), 'utf8'));
    expect(expected.size).toBe(4);
    for (const [measurement, fields] of expected) {
      const own = { ...rows[measurement]?.[0]?.fields };
      // Telegraf has the state as a tag, and the time since the start by its own clock.
      for (const name of ['container_status', 'uptime_ns']) {
        delete own[name];
        delete fields[name];
      }
      expect([measurement, Object.fromEntries(Object.entries(own).map(([name, value]) => [name, String(value)]))]).toEqual([
        measurement,
        fields,
      ]);
    }
  });
});

/** Fields as text by measurement, of line protocol; without the driver devicemapper, which Docker no longer has. */
function linesOf(text: string): Map<string, Record<string, string>> {
  const measurements = new Map<string, Record<string, string>>();
  for (const line of text.trim().split('\n')) {
    const [head = '', fields = ''] = line.split(' ');
    const name = head.split(',')[0] ?? '';
    if (/^docker_(data|metadata|devicemapper)$/.test(name) || head.includes('unit=bytes')) continue;
    const row = measurements.get(name) ?? {};
    measurements.set(name, row);
    for (const field of fields.split(',')) {
      const [key = '', value = ''] = field.split('=');
      row[key] = value.replace(/^"(.*)"$/, '$1').replace(/^(-?\d+)[iu]$/, '$1');
    }
  }
  return measurements;
}
