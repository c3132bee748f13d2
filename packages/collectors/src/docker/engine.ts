import { AccessError, type ExecOptions, type HostAccess } from '@hostwire/host-access';
import type { Capability, Row, Tags } from '@hostwire/model';
import Type, { type Static } from 'typebox';
import type { CollectContext, CollectorNeeds } from '../collector.ts';
import {
  type Container,
  type CpuReading,
  type Fields,
  type Inspected,
  parseContainers,
  parseImages,
  parseInfo,
  parseInspect,
  parseStats,
  sum,
} from './parse.ts';

/** What leaves the access to the host: no environment, no mounts, no command, no output of a health check. */
const KEEP = {
  ping: [],
  info: ['/Name', '/ServerVersion', '/NCPU', '/MemTotal', '/Images', '/NFd', '/NGoroutines', '/NEventsListener'].concat([
    '/Containers',
    '/ContainersRunning',
    '/ContainersStopped',
    '/ContainersPaused',
  ]),
  list: ['/*/Id', '/*/Names', '/*/Image', '/*/ImageID', '/*/State', '/*/Status'].concat([
    '/*/Labels/com.docker.compose.project',
    '/*/Labels/com.docker.compose.service',
  ]),
  images: ['/*/Id', '/*/Created'],
  inspect: ['Status', 'OOMKilled', 'Pid', 'ExitCode', 'StartedAt', 'FinishedAt', 'Health/Status', 'Health/FailingStreak']
    .map((name) => `/State/${name}`)
    .concat('/RestartCount'),
  stats: ['/cpu_stats', '/precpu_stats', '/memory_stats', '/networks', '/blkio_stats'],
};

const LIST = '/containers/json?all=1';
const IMAGES = '/images/json?all=1';
const STATS = 'stats?stream=false&one-shot=true';

/** The paths that are asked for over the socket of an engine; with the option `labels` the list's is longer. */
export const ENGINE_PATHS = ['/_ping', '/info', LIST, '/containers/*/json', `/containers/*/${STATS}`, IMAGES];

/** What the collectors of engines are given beside the sockets. */
export const ENGINE_OPTIONS = {
  labels: Type.Array(Type.String({ pattern: '^[!-~]{1,200}$' }), {
    remote: true,
    default: [],
    maxItems: 16,
    description: 'Only containers that have all of these labels: `key` or `key=value`',
  }),
  per_device: Type.Array(Type.Union([Type.Literal('cpu'), Type.Literal('network'), Type.Literal('blkio')]), {
    remote: true,
    default: [],
    description: 'What to report also by processor (cgroup v1 only), interface, disk: cpu, network, blkio',
  }),
};
const optionsSchema = Type.Object(ENGINE_OPTIONS);
export type EngineOptions = Static<typeof optionsSchema>;
type Part = EngineOptions['per_device'][number];

export function engineNeeds(paths: readonly string[]): CollectorNeeds {
  return { sockets: paths.map((path) => ({ path, get: ENGINE_PATHS })) };
}

/** What is asked again only when the list says that something has changed. */
interface Known {
  readonly status: string;
  readonly seen: Inspected;
}

/** Of a health check more changes than the list says. */
const HAS_CHECK = /healthy\)|health: /;

/** Whether an engine answers at this socket; null if there is no such socket. `grant`: what lets the agent use it. */
export async function probeEngine(access: HostAccess, socketPath: string, grant: string): Promise<Capability | null> {
  try {
    const { status } = await access.request({ socketPath, path: '/_ping', keep: KEEP.ping });
    if (status === 200) return { available: true };
    return { available: false, reason: `${socketPath} answers with status ${status}`, hint: 'is that the socket of Docker or Podman?' };
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    if (error.code === 'ENOENT' || error.code === 'not-recorded') return null;
    if (error.code === 'EACCES') return { available: false, reason: `${socketPath} may not be used`, hint: grant };
    return { available: false, reason: error.message };
  }
}

/** All rows of one engine; `extra` are tags of all of them. Throws if the engine does not answer. */
export async function collectEngine(
  context: CollectContext,
  socketPath: string,
  { labels, per_device: perDevice }: EngineOptions,
  extra: Tags = {},
): Promise<Record<string, Row[]>> {
  const { access, signal, memory, time, report } = context;
  const engine = new Engine(access, socketPath, { signal });
  const filters = labels.length === 0 ? '' : `&filters=${encodeURIComponent(JSON.stringify({ label: labels }))}`;
  const [infoText, listText] = await Promise.all([engine.ask('/info', KEEP.info), engine.ask(`${LIST}${filters}`, KEEP.list)]);
  const info = parseInfo(infoText);
  const engineTags = { ...info.tags, ...extra };
  const containers = parseContainers(listText);
  const before = recall(memory, socketPath);
  const now: Memory = { known: new Map(), readings: new Map(), images: await readImages(engine, containers, before.images, report) };
  const rows: Record<string, Row[]> = { docker: [{ tags: engineTags, fields: info.fields }] };
  const add = (measurement: string, tags: Tags, row: Fields): void => {
    const list = rows[measurement] ?? [];
    rows[measurement] = list;
    list.push({ tags, fields: row });
  };

  async function look(container: Container): Promise<void> {
    const { id, status } = container;
    const tags = tagsOf(container, engineTags);
    const known = before.known.get(id);
    const isSame = known?.status === status && !HAS_CHECK.test(status);
    const seen = isSame ? known.seen : parseInspect(await engine.ask(`/containers/${id}/json`, KEEP.inspect));
    now.known.set(id, { status, seen });
    add('docker_container_status', tags, { container_id: id, ...seen.status(time), ...imageFields(container, now.images, time) });
    if (seen.health !== null) add('docker_container_health', tags, seen.health);
    if (!runs(container)) return;
    // one-shot: the engine answers at once instead of after the two readings for a percentage of its own.
    const text = await engine.ask(`/containers/${id}/${STATS}`, KEEP.stats);
    const stats = parseStats(text, before.readings.get(id));
    now.readings.set(id, stats.reading);
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

  try {
    await Promise.all(
      containers.map((container) =>
        look(container).catch((error: unknown) => {
          signal.throwIfAborted();
          // It ended or was removed after the list was made.
          if (!(error instanceof AccessError && ['status-404', 'status-409'].includes(error.code))) report(error);
        }),
      ),
    );
  } finally {
    // Also where the time was too short for all of them: else it would be for ever.
    for (const { id } of containers) {
      const known = before.known.get(id);
      if (known !== undefined && !now.known.has(id)) now.known.set(id, known);
    }
    memory.set(socketPath, now);
  }
  return rows;
}

/** What is kept of an engine from reading to reading. */
interface Memory {
  readonly known: Map<string, Known>;
  readonly readings: Map<string, CpuReading>;
  /** Image id -> seconds since 1970 that it was made; 0 if that cannot be told. */
  readonly images: ReadonlyMap<string, number>;
}

function recall(memory: CollectContext['memory'], socketPath: string): Memory {
  return (memory.get(socketPath) as Memory | undefined) ?? { known: new Map(), readings: new Map(), images: new Map() };
}

/** Asks for the images only when a container has one that is not known: when an image was made never changes. */
async function readImages(
  engine: Engine,
  containers: readonly Container[],
  known: ReadonlyMap<string, number>,
  report: (error: unknown) => void,
): Promise<ReadonlyMap<string, number>> {
  const wanted = new Set(containers.map(({ imageId }) => imageId).filter((id) => id !== ''));
  const kept = new Map([...known].filter(([id]) => wanted.has(id)));
  if (kept.size === wanted.size) return kept;
  try {
    const all = parseImages(await engine.ask(IMAGES, KEEP.images));
    return new Map([...wanted].map((id) => [id, all.get(id) ?? 0]));
  } catch (error) {
    report(error);
    return kept;
  }
}

function imageFields({ imageId }: Container, images: ReadonlyMap<string, number>, time: number): Fields {
  const fields: Fields = imageId === '' ? {} : { image_id: imageId };
  const created = images.get(imageId) ?? 0;
  if (created <= 0) return fields;
  return { ...fields, image_created: created, image_age: Math.max(0, Math.floor(time / 1000) - created) };
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
    if (status === 200) return body;
    throw new AccessError(`status-${status}`, `${this.#socketPath} ${path}: the engine answers with status ${status}`);
  }
}
