/**
 * The vocabulary that every part of Hostwire shares: what an agent sends and what a store keeps.
 * Nothing here does I/O; all of it runs in a browser.
 */

/** How often something is collected. Each tier of a host is a sample of its own. */
export type Tier = 'fast' | 'medium' | 'slow';
export const TIERS: readonly Tier[] = ['fast', 'medium', 'slow'];

/** A field's type, once and for all: InfluxDB's four. */
export type FieldType = 'int' | 'float' | 'string' | 'bool';

/**
 * A field's value in memory. `bigint` only for integers beyond 2^53-1, which travel as decimal strings on the wire
 * (JSON numbers would be rounded).
 */
export type FieldValue = number | bigint | string | boolean;

export type Tags = Readonly<Record<string, string>>;
export type Fields = Readonly<Record<string, FieldValue>>;

/** Tags and fields of one measurement; host and time are the sample's. */
export interface Row {
  readonly tags?: Tags;
  readonly fields: Fields;
}

/** A collector that was asked and could not answer. Not present (a capability) is not an error. */
export interface CollectError {
  readonly collector: string;
  /** `timeout`, `EACCES`, `parse`, ... */
  readonly code: string;
  readonly message: string;
}

/** All rows of one tick of one tier of one host: the unit of delivery. */
export interface Sample {
  readonly v: 1;
  readonly host: string;
  readonly tier: Tier;
  /** Names one start of one agent. */
  readonly run: string;
  /** Counts the samples of this run, from 1. (host, run, seq) names a sample. */
  readonly seq: number;
  /** Milliseconds since the epoch, stamped once when the tick began. */
  readonly time: number;
  /** Seconds between two samples of this tier. */
  readonly interval: number;
  /** Hash of the catalog that the rows are declared in. */
  readonly catalog: string;
  /** Measurement name -> rows. */
  readonly data: Readonly<Record<string, readonly Row[]>>;
  readonly errors?: readonly CollectError[];
  /** Sent late, from the spool: stored, never a reason for a notification. */
  readonly backfill?: boolean;
}

/** Largest payload on the wire, in bytes. */
export const MAX_PAYLOAD_BYTES = 256 * 1024;
/** Largest payload after inflating, in bytes. */
export const MAX_INFLATED_BYTES = 4 * 1024 * 1024;
/** Most rows in one sample: gzip could hide a hundred thousand, and one host would hold up the commits of all. */
export const MAX_ROWS_PER_SAMPLE = 10_000;
/** A sample whose time is further than this from the server's is answered with `clock`, in milliseconds. */
export const MAX_CLOCK_SKEW_MS = 10 * 60_000;

/** A host id: also a topic level, a tag value and a file name, so it is narrow. */
export const HOST_ID_PATTERN = /^[a-z0-9][a-z0-9_.-]{0,62}$/;

export function isHostId(text: string): boolean {
  return HOST_ID_PATTERN.test(text);
}

/** A host name made valid as a host id: lower case, every other character a `-`. Empty becomes `host`. */
export function toHostId(hostname: string): string {
  const id = hostname
    .toLowerCase()
    .replace(/[^a-z0-9_.-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 63);
  return id === '' ? 'host' : id;
}

/** `ack`, from ingest to an agent: these are durable, the agent may forget them. */
export interface Ack {
  readonly run: string;
  /** Inclusive ranges of `seq`. */
  readonly seqs?: readonly (readonly [from: number, to: number])[];
  /** The server's clock, ms since the epoch. */
  readonly time: number;
  /** These samples were too far off the server's clock: restamp and send again. Same form as `seqs`. */
  readonly clock?: readonly (readonly [from: number, to: number])[];
  /** Another run of the same identity is alive; this one is to idle. */
  readonly conflict?: boolean;
}

/** What an agent can do on its host, one entry a collector. */
export interface Capability {
  readonly available: boolean;
  /** Why not, in one sentence. */
  readonly reason?: string;
  /** The one line that grants it. */
  readonly hint?: string;
}

/** What an agent makes of the last `config` that it got from the server. */
export interface ConfigReport {
  /** `contentHash` of that `config`. */
  readonly hash: string;
  /** Keys that stand as the server set them, such as `intervals.fast_seconds`. */
  readonly applied: readonly string[];
  readonly refused: readonly RefusedKey[];
  /** Messages on the topic that could not be read, since the agent's start. */
  readonly unreadable: number;
}

export interface RefusedKey {
  readonly key: string;
  /** One sentence. */
  readonly reason: string;
}

/** `info`: static facts of a host. */
export interface HostInfo {
  readonly agent_version: string;
  readonly hostname: string;
  /** PRETTY_NAME of /etc/os-release. */
  readonly os: string;
  readonly kernel: string;
  readonly arch: string;
  readonly cpu_model?: string;
  readonly n_cpus?: number;
  /** Bytes. */
  readonly mem_total?: number;
  /** Seconds since the epoch. */
  readonly boot_time?: number;
  readonly user: string;
  readonly groups: readonly string[];
  /** Collector name -> capability. */
  readonly capabilities: Readonly<Record<string, Capability>>;
  readonly mock?: boolean;
  readonly run: string;
  /** Seconds. */
  readonly intervals: Readonly<Record<Tier, number>>;
  /** False: it takes no samples until it is told to; absent: it does. */
  readonly enabled?: boolean;
  /** Absent: no server has set anything. */
  readonly config?: ConfigReport;
  /** What its own file lets a server ask of it, such as `tmux.kill`; absent: it knows no actions. */
  readonly actions?: readonly string[];
}

/** Measurement that the server's processes write about themselves: no host writes it. */
export const SERVER_MEASUREMENT = 'hostwire';
