import { setMaxListeners } from 'node:events';
import {
  AccessError,
  type AccessOptions,
  type DialAnswer,
  type DialAsk,
  type ExecOptions,
  type ExecResult,
  type FileSystemStat,
  type HostAccess,
  type HttpAnswer,
  type HttpAsk,
  keepJson,
  pruneOutput,
  type ResolveAnswer,
  type ResolveOptions,
} from '@hostwire/host-access';
import type { Row } from '@hostwire/model';
import type { CollectContext, CollectedRows, Collector } from './collector.ts';
import { settingsOf } from './config.ts';

type Tree = Pick<TreeHost, 'files' | 'links' | 'mounts' | 'commands' | 'requests' | 'peers' | 'names'>;

/** A host of a few files in memory, for what no recorded tree has. A file that is an error cannot be read. */
export class TreeHost implements HostAccess {
  readonly files: Record<string, string | AccessError>;
  readonly links: Record<string, string>;
  /** What statFs gives: a value, an error, or a promise that may never resolve. */
  readonly mounts: Record<string, FileSystemStat | AccessError | Promise<FileSystemStat>>;
  /** `command arg arg` -> what it gives; what is not here does not exist. */
  readonly commands: Record<string, ExecResult | AccessError>;
  /** `unix:/run/x.sock /path` or `http://host:1 /path` -> the answer. */
  readonly requests: Record<string, HttpAnswer | AccessError>;
  /** `unix:/run/x.sock` or `host:port` -> the answer. */
  readonly peers: Record<string, DialAnswer | AccessError>;
  /** `A example.org`, with a server `A example.org 192.0.2.1` -> the answer. */
  readonly names: Record<string, ResolveAnswer | AccessError>;
  readonly asked: string[] = [];

  constructor({ files = {}, links = {}, mounts = {}, commands = {}, requests = {}, peers = {}, names = {} }: Partial<Tree> = {}) {
    this.files = files;
    this.links = links;
    this.mounts = mounts;
    this.commands = commands;
    this.requests = requests;
    this.peers = peers;
    this.names = names;
  }

  async readFile(path: string): Promise<string> {
    this.asked.push(path);
    const file = this.files[path];
    if (typeof file === 'string') return file;
    throw file ?? absent(path);
  }

  readFiles(paths: readonly string[]): Promise<(string | AccessError)[]> {
    return Promise.all(paths.map((path) => this.readFile(path).catch((error: AccessError) => error)));
  }

  async readDir(path: string): Promise<string[]> {
    const below = Object.keys(this.files).filter((file) => file.startsWith(`${path}/`));
    if (below.length === 0) throw absent(path);
    return [...new Set(below.map((file) => file.slice(path.length + 1).split('/')[0] ?? ''))].sort();
  }

  async readLink(path: string): Promise<string> {
    const target = this.links[path];
    if (target === undefined) throw absent(path);
    return target;
  }

  async statFs(path: string, { signal }: AccessOptions = {}): Promise<FileSystemStat> {
    this.asked.push(`statfs ${path}`);
    const stat = this.mounts[path];
    if (stat === undefined) throw absent(path);
    if (stat instanceof AccessError) throw stat;
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(new AccessError('timeout', `${path}: no answer`)));
    });
    return await Promise.race([stat, aborted]);
  }

  async exec(command: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return pruneOutput(this.#find(this.commands, [command, ...args].join(' ')), options);
  }

  async request(ask: HttpAsk): Promise<HttpAnswer> {
    const answer = this.#find(this.requests, `${'url' in ask ? ask.url : `unix:${ask.socketPath}`} ${ask.path}`);
    return ask.keep === undefined ? answer : { ...answer, body: keepJson(answer.body, ask.keep) };
  }

  async dial(ask: DialAsk): Promise<DialAnswer> {
    return this.#find(this.peers, 'host' in ask ? `${ask.host}:${ask.port}` : `unix:${ask.socketPath}`);
  }

  async resolve(name: string, { type = 'A', server }: ResolveOptions = {}): Promise<ResolveAnswer> {
    return this.#find(this.names, [type, name, ...(server === undefined ? [] : [server])].join(' '));
  }

  #find<T>(among: Readonly<Record<string, T | AccessError>>, key: string): T {
    this.asked.push(key);
    const found = among[key];
    if (found === undefined) throw absent(key);
    if (found instanceof AccessError) throw found;
    return found;
  }

  async close(): Promise<void> {}
}

function absent(path: string): AccessError {
  return new AccessError('ENOENT', `${path}: no such file or directory`);
}

/** Calls a collector by hand, reading after reading, with one memory. */
export class Readings {
  readonly #collector: Collector;
  readonly #memory = new Map<string, unknown>();
  readonly #options: Record<string, unknown>;
  readonly reported: unknown[] = [];

  constructor(collector: Collector, options: Record<string, unknown> = {}) {
    this.#collector = collector;
    this.#options = settingsOf(collector, { [collector.name]: options }).options;
  }

  /** Rows of one measurement, by default the one of the collector's name, at `monotonic` milliseconds. */
  async read(access: HostAccess, monotonic = 0, measurement = this.#collector.name): Promise<Row[]> {
    return (await this.readAll(access, monotonic))[measurement] ?? [];
  }

  /** Rows of all measurements. */
  readAll(access: HostAccess, monotonic = 0): Promise<CollectedRows> {
    const { signal } = new AbortController();
    setMaxListeners(0, signal);
    const context: CollectContext = {
      access,
      options: this.#options,
      // Not the same for two readings, or the second would get what is shared of the first.
      time: 1_790_000_000_000 + Math.floor(monotonic),
      monotonic,
      signal,
      memory: this.#memory,
      report: (error) => this.reported.push(error),
    };
    return this.#collector.collect(context);
  }
}
