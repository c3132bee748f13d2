import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'ssh2';
import { AccessError } from '../host-access.ts';
import { Slots } from '../slots.ts';
import { dialSsh, SshFailure } from './dial-ssh.ts';
import { type HeldChannel, holdChannel } from './held-channel.ts';
import type { RemoteOutput } from './remote-answer.ts';
import { type Reach, type SshOptions, shown, UNREACHABLE } from './ssh-options.ts';

/** What is run there, and how much of an answer is taken. */
export interface RemoteCommand {
  readonly command: string;
  /** Standard input, which has no end before the command has. */
  readonly input: string;
  /** Most bytes of standard output and standard error together. */
  readonly maxBytes: number;
  /** How errors name it. */
  readonly what: string;
  /** The host itself gives up after so many ms. */
  readonly lastsMs: number;
}

/** sshd allows 10 on one connection (MaxSessions), and counts a session until its process has ended. */
const CHANNELS_AT_ONCE = 6;
/** It may be some ms late to count one that has ended. */
const OPEN_AGAIN_MS = [20, 50, 100, 200, 400];
/** So many sessions may be lost to processes that do not end, before the connection is given up for a new one. */
const MAX_LOST = 2;
/** What a host may still take to end what it was to give up. */
const GRACE_MS = 3_000;
/** Between the end of a connection's channels and its own. */
const LOSS_MS = 100;
/** A connection that stood so long is made again at once. */
const STEADY_MS = 5_000;
const DELAYS = { minDelayMs: 1_000, maxDelayMs: 30_000, refusedDelayMs: 5 * 60_000 };

/**
 * One connection, kept: made when it is first needed, and again whenever it was lost, for as long as it takes, until `close`. What
 * is asked while there is none fails at once.
 */
export class SshConnection {
  readonly #options: SshOptions;
  readonly #channels = new Slots(CHANNELS_AT_ONCE);
  readonly #listeners = new Set<(reach: Reach) => void>();
  #client: Client | null = null;
  #dialling: Promise<Client> | null = null;
  #failure: AccessError | null = null;
  #reach: Reach | null = null;
  #attempts = 0;
  #lost = 0;
  #since = 0;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SshOptions) {
    this.#options = options;
  }

  /** Null until the first attempt has ended. */
  get reach(): Reach | null {
    return this.#reach;
  }

  /** Hears each change. The result removes the listener. */
  onReach(listener: (reach: Reach) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The connection that stands, or is being made. Rejects with AccessError `unreachable`. */
  async client(): Promise<Client> {
    if (this.#closed) throw this.#closedError();
    if (this.#client !== null) return this.#client;
    if (this.#dialling === null && this.#failure !== null) throw this.#failure;
    return this.#dialling ?? this.#dial();
  }

  /**
   * Runs a command and resolves with all that it gave. Rejects with the signal's reason, or AccessError `too-large`, `unreachable`,
   * or EIO if the host ends the channel in the middle. `ended` is called when the host has let go of it.
   */
  async run(asked: RemoteCommand, signal: AbortSignal, ended: () => void = () => undefined): Promise<RemoteOutput> {
    let release: () => void = () => undefined;
    const letGo = (): void => {
      release();
      ended();
    };
    let client: Client;
    try {
      client = await abortable(this.client(), signal);
      release = await this.#channels.take(signal);
    } catch (error) {
      letGo();
      throw error;
    }
    const opening = this.#open(client, asked);
    const gone = opening.then(
      ({ closed }) => closed,
      () => undefined,
    );
    void gone.then(letGo);
    try {
      const { output } = await abortable(opening, signal);
      const whole = await abortable(output, signal);
      if (whole.exitCode !== null) return whole;
    } catch (error) {
      if (signal.aborted) this.#abandon(opening, gone, client, { lastsMs: asked.lastsMs, letGo });
      throw error;
    }
    // Of a connection that ends the channels end first.
    await sleep(LOSS_MS);
    if (this.#client !== client) throw this.#failure ?? this.#closedError();
    throw new AccessError('EIO', `${asked.what}: the host ended it in the middle (EIO)`);
  }

  /** Nobody waits any more. Closed now, the channel would be free here and the process still a session there: it may end by itself first. */
  #abandon(
    opening: Promise<HeldChannel>,
    gone: Promise<void>,
    client: Client,
    { lastsMs, letGo }: { readonly lastsMs: number; readonly letGo: () => void },
  ): void {
    const timer = setTimeout(() => {
      opening.then(
        (held) => held.close(),
        () => undefined,
      );
      this.#loseSession(client);
      letGo();
    }, lastsMs + GRACE_MS).unref();
    void gone.then(() => clearTimeout(timer));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#listeners.clear();
    const client = this.#client;
    this.#client = null;
    client?.end();
    // A host that does not answer any more does not take leave either.
    setTimeout(() => client?.destroy(), 500).unref();
  }

  async #open(client: Client, asked: RemoteCommand): Promise<HeldChannel> {
    for (const delay of OPEN_AGAIN_MS) {
      try {
        return await this.#openOnce(client, asked);
      } catch (error) {
        if (!(error instanceof AccessError && error.code === 'EAGAIN')) throw error;
        await sleep(delay);
      }
    }
    try {
      return await this.#openOnce(client, asked);
    } catch (error) {
      this.#loseSession(client);
      throw error;
    }
  }

  #openOnce(client: Client, { command, input, what, maxBytes }: RemoteCommand): Promise<HeldChannel> {
    return new Promise((resolve, reject) => {
      try {
        client.exec(command, (error, channel) => {
          if (error === undefined) {
            resolve(holdChannel(channel, { maxBytes, what }));
            if (input !== '') channel.write(input);
            return;
          }
          if (this.#client !== client) return reject(this.#failure ?? this.#closedError());
          reject(
            new AccessError(
              'EAGAIN',
              `${what}: the host opens no further session (${error.message}); sshd's MaxSessions is to be 10 or more`,
            ),
          );
        });
      } catch (error) {
        reject(new AccessError(UNREACHABLE, `${shown(this.#options.target)}: ${(error as Error).message}`, { cause: error }));
      }
    });
  }

  /** A new connection begins with all its sessions. */
  #loseSession(client: Client): void {
    if (this.#client === client && ++this.#lost >= MAX_LOST) client.end();
  }

  #dial(): Promise<Client> {
    clearTimeout(this.#retry);
    const dialling = dialSsh(this.#options).then(
      (client) => {
        this.#dialling = null;
        if (this.#closed) {
          client.end();
          throw this.#closedError();
        }
        client.once('close', () => this.#ended(client));
        this.#client = client;
        this.#since = performance.now();
        this.#failure = null;
        this.#attempts = 0;
        this.#lost = 0;
        this.#tell({ reachable: true });
        return client;
      },
      (error: unknown) => {
        this.#dialling = null;
        throw this.#fail(error instanceof SshFailure ? error : new SshFailure(String(error), false, { cause: error }));
      },
    );
    this.#dialling = dialling;
    return dialling;
  }

  #ended(client: Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    const message = `${shown(this.#options.target)}: the connection ended`;
    this.#failure = new AccessError(UNREACHABLE, message);
    // A host that is there is not told to be gone for a moment; but one that ends each connection is not asked without end.
    if (performance.now() - this.#since > STEADY_MS && !this.#closed) void this.#dial().catch(() => undefined);
    else this.#fail(new SshFailure(message, false));
  }

  /** Tries again later. */
  #fail(cause: SshFailure): AccessError {
    const failure = new AccessError(UNREACHABLE, cause.message, { cause });
    this.#failure = failure;
    if (this.#closed) return failure;
    const { minDelayMs, maxDelayMs, refusedDelayMs } = { ...DELAYS, ...this.#options.timing };
    const delay = cause.refused ? Math.max(maxDelayMs, refusedDelayMs) : Math.min(maxDelayMs, minDelayMs * 2 ** this.#attempts++);
    this.#retry = setTimeout(() => void this.#dial().catch(() => undefined), delay * (0.75 + Math.random() * 0.25)).unref();
    this.#tell({ reachable: false, reason: cause.message, refused: cause.refused });
    return failure;
  }

  #tell(reach: Reach): void {
    const before = this.#reach;
    this.#reach = reach;
    const isSame =
      before !== null && before.reachable === reach.reachable && (reach.reachable || (!before.reachable && before.reason === reach.reason));
    if (!isSame) for (const listener of [...this.#listeners]) listener(reach);
  }

  #closedError(): AccessError {
    return new AccessError('aborted', `${shown(this.#options.target)}: access to this host was closed`);
  }
}

/** What `work` gives, or the reason of the signal as soon as that aborts; `work` goes on. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
