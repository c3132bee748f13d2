import type { Alert, HostSummary, LiveSample } from '../api/types.ts';

/** What the server tells over `/ws`. */
export type LiveEvent =
  | { readonly event: 'hello'; readonly data: { readonly server_time: number; readonly version: string } }
  | { readonly event: 'hosts_update'; readonly data: { readonly hosts: readonly HostSummary[]; readonly server_time: number } }
  | { readonly event: 'host_removed'; readonly data: { readonly host: string } }
  /** Codes or waiting hosts changed. */
  | { readonly event: 'enrolment'; readonly data: unknown }
  /** tmux sessions of a host began, ended or changed. */
  | { readonly event: 'sessions_update'; readonly data: unknown }
  | { readonly event: 'sample'; readonly data: LiveSample }
  | { readonly event: 'alert_new' | 'alert_update' | 'alert_cleared'; readonly data: Alert };

/** The part of WebSocket that is used: a real one in the browser. */
export type SocketLike = Pick<WebSocket, 'send' | 'close' | 'readyState'> & {
  onopen: (() => void) | null;
  onmessage: ((message: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
};

export interface LiveSocketOptions {
  readonly open: () => SocketLike;
  readonly onEvent: (event: LiveEvent) => void;
  /** Told when the line goes up (true, after the server's hello) or down. */
  readonly onLine: (up: boolean) => void;
  /** Asked when the line has been silent for long: is the server there? False drops the line. */
  readonly stillThere: () => Promise<boolean>;
  /** Random number in 0..1 for the jitter. */
  readonly random?: () => number;
}

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15_000;
/** A fleet at rest says nothing, and a browser hides the server's pings: after this long the server is asked, ms. */
const SILENCE = 45_000;

/**
 * One WebSocket that is opened again after every loss, with full jitter between 1 s and 15 s, and that repeats the
 * watch list on each opening. Never throws; what cannot be understood is ignored.
 */
export class LiveSocket {
  readonly #options: LiveSocketOptions;
  #socket: SocketLike | null = null;
  #watch: readonly string[] = [];
  #failures = 0;
  #up = false;
  #stopped = true;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LiveSocketOptions) {
    this.#options = options;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#drop();
  }

  /** Tries at once instead of waiting for the next turn, e.g. when the page becomes visible again. */
  nudge(): void {
    if (this.#stopped || this.#socket !== null) return;
    clearTimeout(this.#retry);
    this.#connect();
  }

  /** Asks for the samples of these hosts, instead of those asked for before. */
  watch(hosts: readonly string[]): void {
    this.#watch = hosts;
    if (this.#up) this.#socket?.send(JSON.stringify({ watch: hosts }));
  }

  #connect(): void {
    const socket = this.#options.open();
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = () => this.#lost(socket);
    this.#expect();
  }

  #receive(data: unknown): void {
    this.#expect();
    const event = parse(data);
    if (event === null) return;
    if (!this.#up) {
      this.#up = true;
      this.#failures = 0;
      if (this.#watch.length > 0) this.#socket?.send(JSON.stringify({ watch: this.#watch }));
      this.#options.onLine(true);
    }
    this.#options.onEvent(event);
  }

  #expect(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => void this.#ask(), SILENCE);
  }

  async #ask(): Promise<void> {
    const socket = this.#socket;
    const there = this.#up && (await this.#options.stillThere());
    if (socket === null || socket !== this.#socket) return;
    if (there) this.#expect();
    else this.#drop();
  }

  #drop(): void {
    const socket = this.#socket;
    if (socket === null) return;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
    this.#lost(socket);
  }

  #lost(socket: SocketLike): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    clearTimeout(this.#silence);
    const wasUp = this.#up;
    this.#up = false;
    if (wasUp) this.#options.onLine(false);
    if (this.#stopped) return;
    const ceiling = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures);
    this.#failures += 1;
    this.#retry = setTimeout(() => this.#connect(), Math.max(250, (this.#options.random ?? Math.random)() * ceiling));
  }
}

function parse(data: unknown): LiveEvent | null {
  if (typeof data !== 'string') return null;
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value !== 'object' || value === null || !('event' in value) || !('data' in value)) return null;
    return value as LiveEvent;
  } catch {
    return null;
  }
}
