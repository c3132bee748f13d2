import { AccessError, type ExecOptions, type HostAccess } from '@hostwire/host-access';
import type { Capability, Row, Tags } from '@hostwire/model';
import Type from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { MEASUREMENTS } from './declaration.ts';
import { type Container, type CpuReading, type Fields, parseContainers, parseInfo, parseInspect, parseStats, sum } from './parse.ts';

const SOCKETS = ['/var/run/docker.sock', '/run/podman/podman.sock'] as const;

/** What leaves the access to the host: no environment, no mounts, no command, no output of a health check. */
const KEEP = {
  ping: [],
  info: ['/Name', '/ServerVersion', '/NCPU', '/MemTotal', '/Images', '/NFd', '/NGoroutines', '/NEventsListener'].concat([
    '/Containers',
    '/ContainersRunning',
    '/ContainersStopped',
    '/ContainersPaused',
  ]),
  list: ['/*/Id', '/*/Names', '/*/Image', '/*/State', '/*/Status'].concat([
    '/*/Labels/com.docker.compose.project',
    '/*/Labels/com.docker.compose.service',
  ]),
  inspect: ['Status', 'OOMKilled', 'Pid', 'ExitCode', 'StartedAt', 'FinishedAt', 'Health/Status', 'Health/FailingStreak']
    .map((name) => `/State/${name}`)
    .concat('/RestartCount'),
  stats: ['/cpu_stats', '/precpu_stats', '/memory_stats', '/networks', '/blkio_stats'],
};

/** What is asked again only when the list says that something has changed. */
interface Inspected {
  readonly status: string;
  readonly text: string;
}

/** Of a health check more changes than the list says. */
const HAS_CHECK = /healthy\)|health: /;

type Part = 'cpu' | 'network' | 'blkio';

export const docker = defineCollector({
  name: 'docker',
  tier: 'medium',
  help: 'Containers of Docker or Podman, and the engine.',
  measurements: MEASUREMENTS,
  options: Type.Object({
    socket: Type.String({
      remote: false,
      default: '',
      description: `Unix socket of the engine; empty: ${SOCKETS.join(', else ')}`,
    }),
    per_device: Type.Array(Type.Union([Type.Literal('cpu'), Type.Literal('network'), Type.Literal('blkio')]), {
      remote: true,
      default: [],
      description: 'What to report also by processor (cgroup v1 only), interface, disk: cpu, network, blkio',
    }),
  }),
  needsTwo: true,
  async probe(access, { socket }): Promise<Capability> {
    let denied: Capability | null = null;
    for (const socketPath of candidates(socket)) {
      try {
        const { status } = await access.request({ socketPath, path: '/_ping', keep: KEEP.ping });
        if (status === 200) return { available: true };
        denied ??= {
          available: false,
          reason: `${socketPath} answers with status ${status}`,
          hint: 'is that the socket of Docker or Podman?',
        };
      } catch (error) {
        if (!(error instanceof AccessError)) throw error;
        if (error.code === 'EACCES') denied ??= { available: false, reason: `${socketPath} may not be used`, hint: GRANT };
        else if (error.code !== 'ENOENT' && error.code !== 'not-recorded') denied ??= { available: false, reason: error.message };
      }
    }
    return denied ?? { available: false, reason: `there is no ${candidates(socket).join(' and no ')}` };
  },
  async collect(context) {
    const { memory, options } = context;
    const socketPath = (memory.get('socket') as string | undefined) ?? (await findSocket(context, options.socket));
    memory.set('socket', socketPath);
    try {
      return await collectFrom(context, socketPath, options.per_device);
    } catch (error) {
      memory.delete('socket');
      throw error;
    }
  },
});

const GRANT =
  'add the agent to the group of the socket (usermod -aG docker hostwire-agent, then restart it; in a container DOCKER_GID); that group may do on this host what root may';

function candidates(socket: string): readonly string[] {
  return socket === '' ? SOCKETS : [socket];
}

/** The first socket that answers. Throws what the last one said. */
async function findSocket({ access, signal }: CollectContext, socket: string): Promise<string> {
  let failure: unknown;
  for (const socketPath of candidates(socket)) {
    try {
      const { status } = await access.request({ socketPath, path: '/_ping', keep: KEEP.ping }, { signal });
      if (status === 200) return socketPath;
      failure ??= refused(socketPath, '/_ping', status);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

async function collectFrom(context: CollectContext, socketPath: string, perDevice: readonly Part[]): Promise<Record<string, Row[]>> {
  const { access, signal, memory, time, report } = context;
  const engine = new Engine(access, socketPath, { signal });
  const [infoText, listText] = await Promise.all([engine.ask('/info', KEEP.info), engine.ask('/containers/json?all=1', KEEP.list)]);
  const { tags: engineTags, fields } = parseInfo(infoText);
  const containers = parseContainers(listText);
  const inspected = new Map<string, Inspected>();
  const readings = new Map<string, CpuReading>();
  const before = {
    inspected: (memory.get('inspected') ?? inspected) as ReadonlyMap<string, Inspected>,
    readings: (memory.get('readings') ?? readings) as ReadonlyMap<string, CpuReading>,
  };
  const rows: Record<string, Row[]> = { docker: [{ tags: engineTags, fields }] };
  const add = (measurement: string, tags: Tags, row: Fields): void => {
    const list = rows[measurement] ?? [];
    rows[measurement] = list;
    list.push({ tags, fields: row });
  };

  async function look(container: Container): Promise<void> {
    const { id, status } = container;
    const tags = tagsOf(container, engineTags);
    const known = before.inspected.get(id);
    const text =
      known?.status === status && !HAS_CHECK.test(status) ? known.text : await engine.ask(`/containers/${id}/json`, KEEP.inspect);
    const seen = parseInspect(text, time);
    inspected.set(id, { status, text });
    add('docker_container_status', tags, { container_id: id, ...seen.status });
    if (seen.health !== null) add('docker_container_health', tags, seen.health);
    if (!runs(container)) return;
    // one-shot: the engine answers at once instead of after the two readings for a percentage of its own.
    const stats = parseStats(await engine.ask(`/containers/${id}/stats?stream=false&one-shot=true`, KEEP.stats), before.readings.get(id));
    readings.set(id, stats.reading);
    add('docker_container_cpu', { ...tags, cpu: 'cpu-total' }, { container_id: id, ...stats.cpu });
    add('docker_container_mem', tags, { container_id: id, ...stats.mem });
    if (perDevice.includes('cpu'))
      for (const [cpu, core] of stats.cores) add('docker_container_cpu', { ...tags, cpu }, { container_id: id, ...core });
    const each = (measurement: string, tag: string, parts: ReadonlyMap<string, Fields>, part: Part): void => {
      if (parts.size > 0) add(measurement, { ...tags, [tag]: 'total' }, { container_id: id, ...sum(parts.values()) });
      if (perDevice.includes(part))
        for (const [name, own] of parts) add(measurement, { ...tags, [tag]: name }, { container_id: id, ...own });
    };
    each('docker_container_net', 'network', stats.net, 'network');
    each('docker_container_blkio', 'device', stats.blkio, 'blkio');
  }

  await Promise.all(
    containers.map((container) =>
      look(container).catch((error: unknown) => {
        signal.throwIfAborted();
        // It ended or was removed after the list was made.
        if (!(error instanceof AccessError && ['status-404', 'status-409'].includes(error.code))) report(error);
      }),
    ),
  );
  memory.set('inspected', inspected);
  memory.set('readings', readings);
  return rows;
}

function runs({ state }: Container): boolean {
  return state === 'running' || state === 'paused';
}

function tagsOf({ name, image, version, project, service }: Container, engine: Tags): Tags {
  return {
    ...engine,
    container_name: name,
    container_image: image,
    container_version: version,
    'com.docker.compose.project': project,
    'com.docker.compose.service': service,
  };
}

/** The engine's API, of which every status but 200 is a failure. */
class Engine {
  readonly #access: HostAccess;
  readonly #socketPath: string;
  readonly #options: ExecOptions;

  constructor(access: HostAccess, socketPath: string, options: ExecOptions) {
    this.#access = access;
    this.#socketPath = socketPath;
    this.#options = options;
  }

  async ask(path: string, keep: readonly string[]): Promise<string> {
    const { status, body } = await this.#access.request({ socketPath: this.#socketPath, path, keep }, this.#options);
    if (status !== 200) throw refused(this.#socketPath, path, status);
    return body;
  }
}

function refused(socketPath: string, path: string, status: number): AccessError {
  return new AccessError(`status-${status}`, `${socketPath} ${path}: the engine answers with status ${status}`);
}
