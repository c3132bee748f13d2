import { setMaxListeners } from 'node:events';
import {
  AccessError,
  type AccessOptions,
  type ExecResult,
  type FileSystemStat,
  type HostAccess,
  type HttpAnswer,
  type HttpAsk,
} from '@hostwire/host-access';
import type { Row } from '@hostwire/model';
import type { CollectContext, CollectedRows, Collector } from './collector.ts';
import { settingsOf } from './config.ts';

/** A host of a few files in memory, for what no recorded tree has. A file that is an error cannot be read. */
export class TreeHost implements HostAccess {
  readonly files: Record<string, string | AccessError>;
  readonly links: Record<string, string>;
  /** What statFs gives: a value, an error, or a promise that may never resolve. */
  readonly mounts: Record<string, FileSystemStat | AccessError | Promise<FileSystemStat>>;
  readonly asked: string[] = [];

  constructor({ files = {}, links = {}, mounts = {} }: Partial<Pick<TreeHost, 'files' | 'links' | 'mounts'>> = {}) {
    this.files = files;
    this.links = links;
    this.mounts = mounts;
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

  async exec(command: string): Promise<ExecResult> {
    throw absent(command);
  }

  async request(ask: HttpAsk): Promise<HttpAnswer> {
    throw absent('url' in ask ? ask.url : ask.socketPath);
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
      time: 1_790_000_000_000,
      monotonic,
      signal,
      memory: this.#memory,
      report: (error) => this.reported.push(error),
    };
    return this.#collector.collect(context);
  }
}
