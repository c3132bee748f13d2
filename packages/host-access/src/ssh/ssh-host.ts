import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { toAbortError, toAccessError } from '../access-failure.ts';
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
} from '../host-access.ts';
import { MAX_OUTPUT_BYTES } from '../local-command.ts';
import { dialTarget } from '../local-dial.ts';
import { MAX_FILE_BYTES } from '../local-file.ts';
import { checkAsk, MAX_BODY_BYTES, shownPath, targetOf } from '../local-request.ts';
import { pruneOutput } from '../prune-output.ts';
import { toSudoResult } from '../sudo.ts';
import { readHttp } from './http-answer.ts';
import { type BatchWord, ReadBatch } from './read-batch.ts';
import { afterMark, batchAnswers, checkOutput, commandErrors, garbled, REFUSED, type RemoteOutput } from './remote-answer.ts';
import { GATE_VERSION, gateCommand, type RemoteAsk, remoteScript } from './remote-asks.ts';
import { abortable, SshConnection } from './ssh-connection.ts';
import { type Reach, type SshOptions, shown } from './ssh-options.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
/** Of all files of one round trip together. */
const MAX_BATCH_BYTES = 32 * 1024 * 1024;
/** Of what the worker and a login shell add. */
const MARGIN_BYTES = 64 * 1024;
const KERNEL_PATH = /^\/(?:proc|sys)(?:\/|$)/;

/**
 * A host that is asked over SSH (ssh2), on one connection that is kept: through the gate where the key forces it
 * (infra/gate/hostwire-gate), else by the same script through `sh`. HTTP to a URL, `dial` and `resolve` are not offered
 * (`unsupported`): what a host reaches is not found out from here, and a key of a collector opens no ways.
 */
export class SshHost implements HostAccess {
  readonly #connection: SshConnection;
  readonly #options: SshOptions;
  readonly #kernel = new ReadBatch((words) => this.#askBatch(words));
  /** Asks of file systems that were given up and that the host has not let go of. */
  readonly #stuck = new Set<string>();
  readonly #asks = new Set<AbortController>();
  /** Whether the key forces a gate, by connection. */
  #gated: { readonly client: object; readonly answer: Promise<boolean> } | null = null;
  #closed = false;

  constructor(options: SshOptions) {
    this.#options = options;
    this.#connection = new SshConnection(options);
  }

  /** Null until the first attempt to connect has ended. */
  get reach(): Reach | null {
    return this.#connection.reach;
  }

  /** Hears when the host can be reached, or no longer. The result removes the listener. */
  onReach(listener: (reach: Reach) => void): () => void {
    return this.#connection.onReach(listener);
  }

  /** Connects if there is no connection. Rejects with AccessError `unreachable`; then it tries again by itself. */
  async connect(): Promise<void> {
    await this.#connection.client();
  }

  exec(command: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const { timeout = DEFAULT_TIMEOUT_MS, sudo = false } = options;
    const maxBytes = Math.min(options.maxBytes ?? MAX_OUTPUT_BYTES, MAX_OUTPUT_BYTES);
    const rights = sudo ? (this.#options.sudo === true ? 'root' : 'never') : 'direct';
    return this.#ask(command, { ...options, timeout }, async (signal) => {
      const ran = this.#run('run', [rights, command, ...args], { what: command, timeout, maxBytes, signal }).then((output): ExecResult => {
        checkOutput(output.raw, output.nonce, command);
        const stdout = afterMark(output.raw.stdout, output.nonce, command).toString('utf8');
        return { exitCode: output.raw.exitCode ?? 0, stdout, stderr: commandErrors(output.raw.stderr, output.nonce) };
      });
      const result = sudo ? await toSudoResult(command, ran) : await ran;
      return pruneOutput(result, options, args);
    });
  }

  async readFile(path: string, options: AccessOptions = {}): Promise<string> {
    return (await this.#file('r', path, options)).toString('utf8');
  }

  readFiles(paths: readonly string[], options: AccessOptions = {}): Promise<(string | AccessError)[]> {
    return Promise.all(paths.map((path) => this.readFile(path, options).catch((thrown: unknown) => toAccessError(thrown, path))));
  }

  async readDir(path: string, options: AccessOptions = {}): Promise<string[]> {
    const names = (await this.#file('d', path, options)).toString('utf8').split('\0');
    if (names.pop() !== '') throw garbled(path);
    return names.sort();
  }

  async readLink(path: string, options: AccessOptions = {}): Promise<string> {
    return (await this.#file('l', path, options)).toString('utf8');
  }

  statFs(path: string, options: StatFsOptions = {}): Promise<FileSystemStat> {
    return this.#askAlone('statfs', path, options, async (plain, signal, ended) => {
      const bounds = { what: path, timeout: DEFAULT_TIMEOUT_MS, maxBytes: MARGIN_BYTES, signal, ended };
      const { raw, nonce } = await this.#run('file_system', [plain, options.device ?? '-'], bounds);
      checkOutput(raw, nonce, path);
      const numbers = afterMark(raw.stdout, nonce, path).toString('latin1').trim().split(' ');
      if (numbers.length !== 6 || !numbers.every((each) => /^\d{1,20}$/.test(each))) throw garbled(path);
      const [blockSize = 0, blocks = 0, blocksFree = 0, blocksAvailable = 0, files = 0, filesFree = 0] = numbers.map(Number);
      return { blockSize, blocks, blocksFree, blocksAvailable, files, filesFree };
    });
  }

  request(ask: HttpAsk, options: TimedOptions = {}): Promise<HttpAnswer> {
    const what = `${targetOf(ask)} ${shownPath(ask)}`;
    const timeout = options.timeout ?? DEFAULT_TIMEOUT_MS;
    const maxBytes = Math.min(ask.maxBytes ?? MAX_BODY_BYTES, MAX_BODY_BYTES);
    return this.#ask(what, { ...options, timeout }, async (signal) => {
      checkAsk(ask);
      if (!('socketPath' in ask)) throw unsupported(what);
      if (ask.headers !== undefined) throw unsupported(`${what} with headers`);
      const began = performance.now();
      const words = [ask.method === 'HEAD' ? '-I' : '-i', posix.normalize(ask.socketPath), ask.path];
      const { raw, nonce } = await this.#run('http', words, { what, timeout, maxBytes: maxBytes + MARGIN_BYTES, signal });
      checkOutput(raw, nonce, what);
      return readHttp(afterMark(raw.stdout, nonce, what), ask, { maxBytes, totalMs: performance.now() - began });
    });
  }

  dial(ask: DialAsk, options: TimedOptions = {}): Promise<DialAnswer> {
    return this.#ask(dialTarget(ask), options, () => Promise.reject(unsupported(dialTarget(ask))));
  }

  resolve(name: string, options: ResolveOptions = {}): Promise<ResolveAnswer> {
    return this.#ask(name, options, () => Promise.reject(unsupported(name)));
  }

  /** Gives up what is asked, and leaves the host. Later asks throw `aborted`. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const ask of this.#asks) ask.abort(closedError(shown(this.#options.target)));
    this.#connection.close();
  }

  /** What is of the kernel goes with others in one round trip; every other file system may hang, and by itself. */
  #file(kind: 'r' | 'd' | 'l', path: string, options: AccessOptions): Promise<Buffer> {
    const plain = posix.normalize(path);
    if (!KERNEL_PATH.test(plain)) {
      return this.#askAlone(kind, path, options, async (alone, signal, ended) => {
        const [answer] = await this.#askBatch([`${kind}${alone}`], signal, ended);
        return answered(answer, path);
      });
    }
    return this.#ask(path, options, async (signal) => {
      checkPath(path);
      return answered(await abortable(this.#kernel.add(`${kind}${plain}`), signal), path);
    });
  }

  async #askBatch(words: readonly BatchWord[], signal?: AbortSignal, ended?: () => void): Promise<readonly (Buffer | AccessError)[]> {
    const timeout = AbortSignal.timeout(DEFAULT_TIMEOUT_MS);
    const what = words.length === 1 ? (words[0] ?? '').slice(1) : `${words.length} files`;
    const maxBytes = words.length === 1 ? MAX_FILE_BYTES + MARGIN_BYTES : MAX_BATCH_BYTES;
    const bounds = { what, timeout: DEFAULT_TIMEOUT_MS, maxBytes, signal: signal ?? timeout, ...(ended === undefined ? {} : { ended }) };
    const { raw, nonce } = await this.#run('batch', words, bounds).catch((thrown: unknown) => {
      throw thrown === timeout.reason ? toAbortError(timeout, what) : thrown;
    });
    // A gate that refuses one of the files answers for the others.
    if (raw.exitCode !== REFUSED) checkOutput(raw, nonce, what);
    return batchAnswers(raw, nonce, words);
  }

  /** At most once at a time for each path, as long as the host still waits for its file system. */
  #askAlone<T>(
    verb: string,
    path: string,
    options: AccessOptions,
    work: (plain: string, signal: AbortSignal, ended: () => void) => Promise<T>,
  ): Promise<T> {
    return this.#ask(path, { ...options, timeout: DEFAULT_TIMEOUT_MS }, async (signal) => {
      checkPath(path);
      const plain = posix.normalize(path);
      const key = `${verb} ${plain}`;
      if (this.#stuck.has(key)) throw new AccessError('timeout', `${path}: an earlier ask still waits for the file system`);
      const giveUp = (): void => void this.#stuck.add(key);
      signal.addEventListener('abort', giveUp, { once: true });
      return work(plain, signal, () => {
        signal.removeEventListener('abort', giveUp);
        this.#stuck.delete(key);
      });
    });
  }

  async #run(
    verb: RemoteAsk['verb'],
    words: readonly string[],
    bounds: { what: string; timeout: number; maxBytes: number; signal: AbortSignal; ended?: () => void },
  ): Promise<{ readonly raw: RemoteOutput; readonly nonce: string }> {
    const { what, timeout, maxBytes, signal, ended = () => undefined } = bounds;
    if (words.some((word) => word.includes('\0'))) {
      ended();
      throw new AccessError('EINVAL', `${what}: holds a NUL`);
    }
    let isGated: boolean;
    try {
      isGated = await abortable(this.#isGated(), signal);
    } catch (error) {
      ended();
      throw error;
    }
    const ask = newAsk(verb, words, timeout);
    const raw = await this.#connection.run(commandOf(ask, isGated, { what, maxBytes }), signal, ended);
    return { raw, nonce: ask.nonce };
  }

  /** Asked once on each connection: somebody may have forced the gate since. */
  async #isGated(): Promise<boolean> {
    const client = await this.#connection.client();
    if (this.#gated?.client !== client) {
      const answer = this.#hello();
      this.#gated = { client, answer };
      answer.catch(() => {
        if (this.#gated?.answer === answer) this.#gated = null;
      });
    }
    return this.#gated.answer;
  }

  async #hello(): Promise<boolean> {
    const what = shown(this.#options.target);
    const signal = AbortSignal.timeout(DEFAULT_TIMEOUT_MS);
    const ask = newAsk('hello', [], DEFAULT_TIMEOUT_MS);
    try {
      const { stdout, stderr } = await this.#connection.run(commandOf(ask, true, { what, maxBytes: MARGIN_BYTES }), signal);
      const gate = /^gate (\d{1,6})$/.exec(stdout.includes(ask.nonce) ? afterMark(stdout, ask.nonce, what).toString('latin1') : '')?.[1];
      if (gate !== undefined) return true;
      if (!stderr.startsWith('hostwire-gate: ')) return false;
    } catch (thrown) {
      throw thrown === signal.reason ? toAbortError(signal, what) : thrown;
    }
    throw new AccessError('EACCES', `${what}: its gate does not speak version ${GATE_VERSION}; deploy the key again (infra/deploy-key.sh)`);
  }

  /** Runs `work` under one signal that aborts, always with an AccessError, when the caller, the timeout or `close` says so. */
  async #ask<T>(what: string, options: TimedOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ask = new AbortController();
    const { signal, timeout } = options;
    const onAbort = () => ask.abort(signal === undefined ? undefined : toAbortError(signal, what));
    if (this.#closed) ask.abort(closedError(what));
    else if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    const timer =
      timeout === undefined
        ? undefined
        : setTimeout(() => ask.abort(new AccessError('timeout', `${what}: no answer in ${timeout} ms`)), timeout);
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

function newAsk(verb: RemoteAsk['verb'], words: readonly string[], timeout: number): RemoteAsk {
  // The host gives up after us, so that its killing is not taken for an answer.
  return { verb, words, nonce: randomBytes(16).toString('hex'), seconds: Math.ceil(timeout / 1000) + 1 };
}

function commandOf(ask: RemoteAsk, isGated: boolean, { what, maxBytes }: { readonly what: string; readonly maxBytes: number }) {
  const lastsMs = ask.seconds * 1000;
  return isGated
    ? { command: gateCommand(ask), input: '', what, maxBytes, lastsMs }
    : { command: 'exec sh -s', input: remoteScript(ask), what, maxBytes, lastsMs };
}

function checkPath(path: string): void {
  if (!path.startsWith('/')) throw new AccessError('EINVAL', `${path}: not an absolute path`);
}

function answered(answer: Buffer | AccessError | undefined, path: string): Buffer {
  if (answer === undefined) throw garbled(path);
  if (answer instanceof AccessError) throw answer;
  if (answer.length > MAX_FILE_BYTES) throw new AccessError('too-large', `${path}: more than ${MAX_FILE_BYTES} bytes`);
  return answer;
}

function unsupported(what: string): AccessError {
  return new AccessError('unsupported', `${what}: cannot be asked for over SSH; an agent on the host itself can`);
}

function closedError(what: string): AccessError {
  return new AccessError('aborted', `${what}: access to this host was closed`);
}
