/** The only way to a host: here access is local, over SSH or replayed, timed, bounded and recorded. */
export interface HostAccess {
  /**
   * Runs a command: argv only, never a shell string, in a clean environment (C locale). A non-zero exit is a result.
   * Throws AccessError if it could not be asked (ENOENT, EACCES, timeout, too-large, aborted).
   */
  exec(command: string, args: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** The text of a file (UTF-8, at most 4 MiB). Paths are the host's: /proc/stat is the host's also from inside a container. */
  readFile(path: string, options?: AccessOptions): Promise<string>;
  /** Many files in one round trip, in the order asked for; what could not be read is its AccessError, not a throw. */
  readFiles(paths: readonly string[], options?: AccessOptions): Promise<(string | AccessError)[]>;
  /** Names in a directory, sorted by code unit. */
  readDir(path: string, options?: AccessOptions): Promise<string[]>;
  readLink(path: string, options?: AccessOptions): Promise<string>;
  statFs(path: string, options?: StatFsOptions): Promise<FileSystemStat>;
  /**
   * One HTTP request without a body; redirects are not followed, and any status is a result. The body is text (UTF-8, at
   * most 4 MiB). Throws AccessError if it could not be asked (ENOENT, EACCES, ECONNREFUSED, timeout, too-large, aborted).
   */
  request(ask: HttpAsk, options?: ExecOptions): Promise<HttpAnswer>;
  close(): Promise<void>;
}

export interface AccessOptions {
  readonly signal?: AbortSignal;
}

export interface StatFsOptions extends AccessOptions {
  /**
   * `major:minor` of the file system that is meant, as the host's own mountinfo has it. Throws ENOENT if another one, or none, is
   * mounted at the path where the asking is done (in a container, or a service with mounts of its own): the folder below it would answer.
   */
  readonly device?: string;
}

export interface ExecOptions extends AccessOptions {
  /** Milliseconds; default 10,000. On expiry the whole process group is killed. */
  readonly timeout?: number;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where to and what for. */
export type HttpAsk = (
  | {
      /** A unix socket of the host. */
      readonly socketPath: string;
    }
  | {
      /** `http://` or `https://`, a host and a port, without user, password and path. */
      readonly url: string;
    }
) & {
  /** Begins with a slash; with the query. */
  readonly path: string;
  /** Default GET. */
  readonly method?: 'GET' | 'HEAD';
  /**
   * What the answer is wanted for: JSON Pointers (RFC 6901) in which `*` is every key or element. All else of the body is
   * discarded before it is recorded or returned, a body that is not JSON wholly, and of the headers all but the type.
   */
  readonly keep?: readonly string[];
};

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** statfs(2), in units of `blockSize` bytes and in files. */
export interface FileSystemStat {
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly blocksAvailable: number;
  readonly files: number;
  readonly filesFree: number;
}

/** Could not ask. `code` is an errno name, `timeout`, `too-large`, `aborted` or `not-recorded` (replay). */
export class AccessError extends Error {
  override readonly name = 'AccessError';
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
