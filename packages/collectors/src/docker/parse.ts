import type { FieldValue, Tags } from '@hostwire/model';
import { ParseError, quote } from '../proc-text.ts';
import { BLOCK_LISTS, BLOCK_OPERATIONS, MEMORY_STATS, NETWORK_COUNTERS } from './declaration.ts';

export type Fields = Record<string, FieldValue>;

/** One container of `GET /containers/json` (Docker Engine API 1.24 and later; Podman answers the same). */
export interface Container {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly version: string;
  /** `sha256:...`; empty if it is not told. */
  readonly imageId: string;
  readonly project: string;
  readonly service: string;
  /** created, running, paused, restarting, removing, exited or dead. */
  readonly state: string;
  /** In words, with the health: `Up 4 hours (healthy)`. Changes when anything about the container does. */
  readonly status: string;
}

/** The nanoseconds that a percentage is made of. */
export interface CpuReading {
  readonly used: number;
  readonly system: number;
}

type Json = Readonly<Record<string, unknown>>;

/** The engine's tags and fields, of `GET /info`. Throws ParseError. */
export function parseInfo(text: string): { readonly tags: Tags; readonly fields: Fields } {
  const info = parseObject(text, '/info');
  const fields: Fields = {};
  const names = {
    n_cpus: 'NCPU',
    n_containers: 'Containers',
    n_containers_running: 'ContainersRunning',
    n_containers_stopped: 'ContainersStopped',
    n_containers_paused: 'ContainersPaused',
    n_images: 'Images',
    n_used_file_descriptors: 'NFd',
    n_goroutines: 'NGoroutines',
    n_listener_events: 'NEventsListener',
    memory_total: 'MemTotal',
  };
  for (const [field, name] of Object.entries(names)) put(fields, field, info[name]);
  return { tags: { engine_host: textOf(info['Name']), server_version: textOf(info['ServerVersion']) }, fields };
}

/** The containers of `GET /containers/json`; what is none is left out. Throws ParseError. */
export function parseContainers(text: string): Container[] {
  const list = parseJson(text, '/containers/json');
  if (!Array.isArray(list)) throw new ParseError(`/containers/json: ${quote(text)} is not a list`);
  return list.filter(isObject).flatMap((entry) => {
    const id = textOf(entry['Id']);
    if (!/^[0-9A-Za-z]+$/.test(id)) return [];
    const labels = isObject(entry['Labels']) ? entry['Labels'] : {};
    const { image, version } = splitImage(textOf(entry['Image']));
    return {
      id,
      name: chooseName(Array.isArray(entry['Names']) ? entry['Names'].map(textOf) : []) || id.slice(0, 12),
      image,
      version,
      imageId: /^[A-Za-z0-9:+._-]{1,128}$/.exec(textOf(entry['ImageID']))?.[0] ?? '',
      project: textOf(labels['com.docker.compose.project']),
      service: textOf(labels['com.docker.compose.service']),
      state: textOf(entry['State']),
      status: textOf(entry['Status']),
    };
  });
}

/** Of a container's names its own, without the slash: the others (`/web/db`) are those of links to it. */
function chooseName(names: readonly string[]): string {
  const bare = names.map((name) => name.replace(/^\//, ''));
  return bare.findLast((name) => !name.includes('/')) ?? bare[0] ?? '';
}

/** As Telegraf: what follows the last colon is the version, but for that of a registry's port. */
export function splitImage(reference: string): { readonly image: string; readonly version: string } {
  const slash = reference.indexOf('/');
  const first = reference.slice(0, slash);
  const hasRegistry = slash >= 0 && (/[.:]/.test(first) || first === 'localhost');
  const from = hasRegistry ? slash + 1 : 0;
  const colon = reference.lastIndexOf(':');
  if (colon < from) return { image: reference, version: 'unknown' };
  return { image: reference.slice(0, colon), version: reference.slice(colon + 1) };
}

/** What `GET /containers/<id>/json` tells. */
export interface Inspected {
  /** Fields at a time in milliseconds since 1970. */
  readonly status: (now: number) => Fields;
  /** Null without a health check. */
  readonly health: Fields | null;
}

/** Throws ParseError. */
export function parseInspect(text: string): Inspected {
  const inspect = parseObject(text, '/containers/<id>/json');
  const state = isObject(inspect['State']) ? inspect['State'] : {};
  const fields: Fields = { container_status: textOf(state['Status']), oomkilled: state['OOMKilled'] === true };
  put(fields, 'pid', state['Pid']);
  put(fields, 'exitcode', state['ExitCode']);
  put(fields, 'restart_count', inspect['RestartCount']);
  const started = parseTime(state['StartedAt']);
  const finished = parseTime(state['FinishedAt']);
  if (finished !== null) fields['finished_at'] = finished;
  if (started !== null) fields['started_at'] = started;
  const status = (now: number): Fields => {
    if (started === null) return fields;
    const end = finished === null || finished < started ? BigInt(now) * 1_000_000n : finished;
    return { ...fields, uptime_ns: end > started ? end - started : 0n };
  };
  const check = state['Health'];
  // Without a check Docker leaves it out, and Podman says so.
  if (!isObject(check) || ['', 'none'].includes(textOf(check['Status']).toLowerCase())) return { status, health: null };
  const health: Fields = { health_status: textOf(check['Status']) };
  put(health, 'failing_streak', check['FailingStreak']);
  return { status, health };
}

/** Image id -> seconds since 1970 that it was made, of `GET /images/json`; images without a time are left out. Throws ParseError. */
export function parseImages(text: string): Map<string, number> {
  const list = parseJson(text, '/images/json');
  if (!Array.isArray(list)) throw new ParseError(`/images/json: ${quote(text)} is not a list`);
  const images = new Map<string, number>();
  for (const entry of list.filter(isObject)) {
    const created = entry['Created'];
    if (typeof created === 'number' && Number.isSafeInteger(created) && created > 0) images.set(textOf(entry['Id']), created);
  }
  return images;
}

/** Nanoseconds since 1970 of a time as Go writes it (RFC 3339, up to nine decimals); null for its zero, which is no time. */
export function parseTime(value: unknown): bigint | null {
  const [, seconds = '', decimals = '', zone = ''] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(textOf(value)) ?? [];
  const ms = Date.parse(`${seconds}${zone}`);
  // InfluxDB's first year; Go's zero is of the year 1.
  if (Number.isNaN(ms) || ms <= 0) return null;
  return BigInt(ms) * 1_000_000n + BigInt(decimals.padEnd(9, '0'));
}

/** What `GET /containers/<id>/stats` tells of a container that runs. */
export interface Stats {
  readonly cpu: Fields;
  /** Of each processor, by its name; empty unless the kernel tells (cgroup v1). */
  readonly cores: ReadonlyMap<string, Fields>;
  /** For the next reading. */
  readonly reading: CpuReading;
  readonly mem: Fields;
  /** By interface; empty on the host's network. */
  readonly net: ReadonlyMap<string, Fields>;
  /** By `major:minor`. */
  readonly blkio: ReadonlyMap<string, Fields>;
}

/** `before`: the last reading of this container; without one the answer's own earlier reading is taken, if it has one. Throws ParseError. */
export function parseStats(text: string, before: CpuReading | undefined): Stats {
  const stats = parseObject(text, '/containers/<id>/stats');
  const { cpu, cores, reading } = parseCpu(stats, before);
  return {
    cpu,
    cores,
    reading,
    mem: parseMemory(stats['memory_stats']),
    net: parseNetworks(stats['networks']),
    blkio: parseBlock(stats['blkio_stats']),
  };
}

function parseCpu(stats: Json, before: CpuReading | undefined): Pick<Stats, 'cpu' | 'cores' | 'reading'> {
  const cpuStats = objectOf(stats['cpu_stats']);
  const usage = objectOf(cpuStats['cpu_usage']);
  const throttling = objectOf(cpuStats['throttling_data']);
  const cpu: Fields = {};
  put(cpu, 'usage_total', usage['total_usage']);
  put(cpu, 'usage_in_usermode', usage['usage_in_usermode']);
  put(cpu, 'usage_in_kernelmode', usage['usage_in_kernelmode']);
  put(cpu, 'usage_system', cpuStats['system_cpu_usage']);
  put(cpu, 'throttling_periods', throttling['periods']);
  put(cpu, 'throttling_throttled_periods', throttling['throttled_periods']);
  put(cpu, 'throttling_throttled_time', throttling['throttled_time']);
  const each = Array.isArray(usage['percpu_usage']) ? usage['percpu_usage'] : [];
  const online = cpuStats['online_cpus'];
  const cpus = Math.min(65_536, countOf(online) || each.length);
  const reading = readingOf(cpuStats);
  const earlier = before ?? readingOf(objectOf(stats['precpu_stats']));
  const elapsed = reading.system - earlier.system;
  // An engine that was not asked to wait has no earlier reading: its zero is the boot.
  if (earlier.system > 0 && elapsed > 0) cpu['usage_percent'] = (Math.max(0, reading.used - earlier.used) / elapsed) * cpus * 100;
  const cores = new Map<string, Fields>();
  for (const [index, used] of each.slice(0, cpus).entries()) {
    const fields: Fields = {};
    put(fields, 'usage_total', used);
    cores.set(`cpu${index}`, fields);
  }
  return { cpu, cores, reading };
}

function readingOf(cpuStats: Json): CpuReading {
  const used = objectOf(cpuStats['cpu_usage'])['total_usage'];
  const system = cpuStats['system_cpu_usage'];
  return { used: countOf(used) ?? 0, system: countOf(system) ?? 0 };
}

function parseMemory(value: unknown): Fields {
  const memory = objectOf(value);
  const stats = objectOf(memory['stats']);
  const fields: Fields = {};
  for (const name of Object.keys(MEMORY_STATS)) put(fields, name, stats[name]);
  put(fields, 'limit', memory['limit']);
  fields['max_usage'] = wholeOf(memory['max_usage']) ?? 0;
  if (typeof memory['failcnt'] === 'number' && memory['failcnt'] > 0) put(fields, 'fail_count', memory['failcnt']);
  const all = countOf(memory['usage']);
  if (all === null) return fields;
  // cgroup v1 has the first, v2 the second.
  const cache = countOf(stats['total_inactive_file'] ?? stats['inactive_file']) ?? 0;
  const usage = cache < all ? all - cache : all;
  put(fields, 'usage', usage);
  const limit = countOf(memory['limit']) ?? 0;
  if (limit > 0) fields['usage_percent'] = (100 * usage) / limit;
  return fields;
}

function parseNetworks(value: unknown): Map<string, Fields> {
  const networks = new Map<string, Fields>();
  for (const [name, counters] of Object.entries(objectOf(value))) {
    const fields: Fields = {};
    for (const counter of Object.keys(NETWORK_COUNTERS)) put(fields, counter, objectOf(counters)[counter]);
    networks.set(name, fields);
  }
  return networks;
}

function parseBlock(value: unknown): Map<string, Fields> {
  const lists = objectOf(value);
  const devices = new Map<string, Fields>();
  const enter = (entry: unknown, field: string): void => {
    const { major, minor, value: count } = objectOf(entry);
    if (wholeOf(major) === null || wholeOf(minor) === null) return;
    const device = `${String(major)}:${String(minor)}`;
    const fields = devices.get(device) ?? {};
    devices.set(device, fields);
    // The engine leaves out what is 0.
    put(fields, field, count ?? 0);
  };
  const entriesOf = (list: unknown): readonly unknown[] => (Array.isArray(list) ? list : []);
  for (const list of Object.keys(BLOCK_LISTS)) {
    for (const entry of entriesOf(lists[list])) {
      const operation = textOf(objectOf(entry)['op']).toLowerCase();
      if ((BLOCK_OPERATIONS as readonly string[]).includes(operation)) enter(entry, `${list}_${operation}`);
    }
  }
  for (const list of ['io_time_recursive', 'sectors_recursive']) for (const entry of entriesOf(lists[list])) enter(entry, list);
  return devices;
}

/** Field by field the sum of all. */
export function sum(parts: Iterable<Fields>): Fields {
  const total: Fields = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part)) put(total, name, Number(total[name] ?? 0) + Number(value));
  }
  return total;
}

/** Sets an integer that is one; beyond 2^53 JSON has lost its last digits. */
function put(fields: Fields, name: string, value: unknown): void {
  const whole = wholeOf(value);
  if (whole !== null) fields[name] = whole;
}

/** What can be counted: up to 2^64, which no counter of the kernel passes. */
function countOf(value: unknown): number | null {
  return typeof value === 'number' && value >= 0 && value <= 2 ** 64 ? value : null;
}

function wholeOf(value: unknown): number | bigint | null {
  if (typeof value !== 'number' || !Number.isInteger(value)) return null;
  return Number.isSafeInteger(value) ? value : BigInt(value);
}

function parseObject(text: string, what: string): Json {
  const value = parseJson(text, what);
  if (!isObject(value)) throw new ParseError(`${what}: ${quote(text)} is not an object`);
  return value;
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ParseError(`${what}: ${quote(text)} is not JSON`);
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown): Json {
  return isObject(value) ? value : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
