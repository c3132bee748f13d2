import { readdir, readlink, stat, statfs } from 'node:fs/promises';
import { posix } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { toAbortError, toAccessError } from './access-failure.ts';
import { CommandSlots } from './command-slots.ts';
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
  type ResolveAnswer,
  type ResolveOptions,
  type StatFsOptions,
  type TimedOptions,
} from './host-access.ts';
import { MAX_OUTPUT_BYTES, runCommand } from './local-command.ts';
import { checkDial, dialPeer, dialTarget } from './local-dial.ts';
import { isInstant, readInstant, readWhole } from './local-file.ts';
import { checkAsk, sendRequest, shownPath, targetOf } from './local-request.ts';
import { checkName, resolveName } from './local-resolve.ts';
import { deviceMountedAt } from './own-mounts.ts';
import { pathBelow } from './path-below.ts';
import { pruneOutput } from './prune-output.ts';
import { Slots } from './slots.ts';
import { sudoArgv, toSudoResult } from './sudo.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
const COMMANDS_AT_ONCE = 8;
/** One per disk may be wanted; four leave others their turn. */
const RUNS_OF_ONE_COMMAND = 4;
/** Engines take a second to answer about a container, and there may be a hundred. */
const REQUESTS_AT_ONCE = 32;
const READS_AT_ONCE = 8;
/**
 * Paths beyond /proc and /sys may lie on a network or FUSE file system that never answers, and each such call holds one
 * of libuv's 4 threads for as long. Two may; the others stay free for the rest of the process.
 */
const SLOW_READS_AT_ONCE = 2;
/** Files that are read before others get a turn on this thread: 0.2 ms. */
const INSTANT_READS_A_TURN = 20;
const KERNEL_PATH = /^\/(?:proc|sys)(?:\/|$)/;

export interface LocalHostOptions {
  /**
   * Where the host's file system is seen (HOST_ROOT, in a container that has it mounted). Every path is then read below it;
   * commands remain the container's own. A socket that this process itself has at a path goes before: somebody mounted it
   * there for this.
   */
  readonly root?: string;
  /** Whether commands that need root may be run through sudo. Default: no. */
  readonly sudo?: boolean;
}

/** The machine that this process runs on. */
export class LocalHost implements HostAccess {
  readonly #root: string;
  readonly #sudo: boolean;
  readonly #commands = new CommandSlots(COMMANDS_AT_ONCE, RUNS_OF_ONE_COMMAND);
  readonly #requests = new Slots(REQUESTS_AT_ONCE);
  readonly #kernelReads = new Slots(READS_AT_ONCE);
  readonly #slowReads = new Slots(SLOW_READS_AT_ONCE);
  /** Asks that were given up and whose system call has not come back. */
  readonly #stuck = new Set<string>();
  readonly #asks = new Set<AbortController>();
  #closed = false;

  constructor({ root = '/', sudo = false }: LocalHostOptions = {}) {
    this.#root = root;
    this.#sudo = sudo;
  }

  exec(command: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const { timeout = DEFAULT_TIMEOUT_MS, maxBytes = MAX_OUTPUT_BYTES } = options;
    return this.#ask(command, { ...options, timeout }, async (signal) => {
      const viaSudo = options.sudo === true && process.geteuid?.() !== 0;
      const [file, ...argv] = viaSudo ? sudoArgv(command, args, this.#sudo) : [command, ...args];
      const turn = await this.#commands.take(command, signal);
      const ran = runCommand(file, argv, { signal, turn, maxBytes: Math.min(maxBytes, MAX_OUTPUT_BYTES) });
      const result = viaSudo ? await toSudoResult(command, ran) : await ran;
      return pruneOutput(result, options, args);
    });
  }

  readFile(path: string, options: AccessOptions = {}): Promise<string> {
    return this.#askFile('read', path, options, readWhole);
  }

  async readFiles(paths: readonly string[], options: AccessOptions = {}): Promise<(string | AccessError)[]> {
    const answers: Promise<string | AccessError>[] = [];
    let instant = 0;
    for (const path of paths) {
      if (isInstant(path)) {
        if (instant > 0 && instant % INSTANT_READS_A_TURN === 0) await nextTurn();
        instant += 1;
        answers.push(Promise.resolve(this.#readInstant(path, options.signal)));
      } else {
        answers.push(this.readFile(path, options).catch((thrown: unknown) => toAccessError(thrown, path)));
      }
    }
    return Promise.all(answers);
  }

  readDir(path: string, options: AccessOptions = {}): Promise<string[]> {
    return this.#askFile('dir', path, options, async (local) => (await readdir(local)).sort());
  }

  readLink(path: string, options: AccessOptions = {}): Promise<string> {
    return this.#askFile('link', path, options, (local) => readlink(local));
  }

  statFs(path: string, options: StatFsOptions = {}): Promise<FileSystemStat> {
    return this.#askFile('statfs', path, options, async (local) => {
      if (options.device !== undefined && (await deviceMountedAt(local)) !== options.device) {
        throw new AccessError('ENOENT', `${path}: file system ${options.device} is not mounted here`);
      }
      const found = await statfs(local);
      return {
        blockSize: found.bsize,
        blocks: found.blocks,
        blocksFree: found.bfree,
        blocksAvailable: found.bavail,
        files: found.files,
        filesFree: found.ffree,
      };
    });
  }

  request(ask: HttpAsk, options: TimedOptions = {}): Promise<HttpAnswer> {
    return this.#connect(`${targetOf(ask)} ${shownPath(ask)}`, options, async (signal) => {
      checkAsk(ask);
      return sendRequest(ask, 'socketPath' in ask ? await this.#socketAt(ask.socketPath) : null, signal);
    });
  }

  dial(ask: DialAsk, options: TimedOptions = {}): Promise<DialAnswer> {
    return this.#connect(dialTarget(ask), options, async (signal) => {
      checkDial(ask);
      return dialPeer(ask, 'socketPath' in ask ? await this.#socketAt(ask.socketPath) : null, signal);
    });
  }

  resolve(name: string, options: ResolveOptions = {}): Promise<ResolveAnswer> {
    const { type = 'A', server } = options;
    return this.#connect(name, options, async (signal) => {
      checkName(name, server);
      return resolveName(name, { type, server, signal });
    });
  }

  /** Kills the commands that still run and gives up what is still asked; later asks throw `aborted`. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const ask of this.#asks) ask.abort(new AccessError('aborted', 'access to this host was closed'));
  }

  /** One of the few asks that may be on the network at once. */
  #connect<T>(what: string, options: TimedOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#ask(what, { ...options, timeout: options.timeout ?? DEFAULT_TIMEOUT_MS }, async (signal) => {
      const release = await this.#requests.take(signal);
      try {
        return await work(signal);
      } finally {
        release();
      }
    });
  }

  /** Where a socket of the host is for this process. */
  async #socketAt(path: string): Promise<string> {
    const own = posix.normalize(path);
    if (this.#root === '/') return own;
    const isMounted = await stat(own).then(
      (found) => found.isSocket(),
      () => false,
    );
    return isMounted ? own : pathBelow(this.#root, own, false);
  }

  #readInstant(path: string, signal: AbortSignal | undefined): string | AccessError {
    if (this.#closed) return closedError(path);
    if (signal?.aborted) return toAbortError(signal, path);
    try {
      return readInstant(posix.join(this.#root, path));
    } catch (thrown) {
      return toAccessError(thrown, path);
    }
  }

  #askFile<T>(verb: string, path: string, options: AccessOptions, work: (local: string) => Promise<T>): Promise<T> {
    return this.#ask(path, options, async (signal) => {
      if (!path.startsWith('/')) throw new AccessError('EINVAL', `${path}: not an absolute path`);
      const hostPath = posix.normalize(path);
      const key = `${verb} ${hostPath}`;
      if (this.#stuck.has(key)) throw new AccessError('timeout', `${path}: an earlier ask still waits for the file system`);
      const isKernels = KERNEL_PATH.test(hostPath);
      const slots = verb !== 'statfs' && isKernels ? this.#kernelReads : this.#slowReads;
      const release = await slots.take(signal);
      // The links of /proc and /sys stay there, and those of /proc mean more than they say.
      const isPlain = isKernels || this.#root === '/';
      const local = isPlain ? posix.join(this.#root, hostPath) : pathBelow(this.#root, hostPath, verb === 'link');
      const answer = Promise.resolve(local)
        .then(work)
        .finally(() => {
          this.#stuck.delete(key);
          release();
        });
      return await new Promise<T>((resolve, reject) => {
        const giveUp = () => {
          this.#stuck.add(key);
          reject(signal.reason);
        };
        signal.addEventListener('abort', giveUp, { once: true });
        answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
      });
    });
  }

  /** Runs `work` under one signal that aborts, always with an AccessError, when the caller, the timeout or `close` says so. */
  async #ask<T>(what: string, options: TimedOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ask = new AbortController();
    const { signal } = options;
    const onAbort = () => ask.abort(signal === undefined ? undefined : toAbortError(signal, what));
    if (this.#closed) ask.abort(closedError(what));
    else if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    const timer =
      options.timeout === undefined
        ? undefined
        : setTimeout(() => ask.abort(new AccessError('timeout', `${what}: no answer in ${options.timeout} ms`)), options.timeout);
    this.#asks.add(ask);
    try {
      ask.signal.throwIfAborted();
      return await work(ask.signal);
    } catch (thrown) {
      throw toAccessError(thrown, what);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      this.#asks.delete(ask);
    }
  }
}

function closedError(what: string): AccessError {
  return new AccessError('aborted', `${what}: access to this host was closed`);
}
