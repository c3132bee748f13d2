import { execFile } from 'node:child_process';
import type { Logger } from './logger.ts';

/** Tells the service manager how this process is (sd_notify(3)). Where there is none, every call does nothing. */
export interface ServiceNotifier {
  /** There is a service manager that listens. */
  readonly isHeard: boolean;
  /** It is up: whatever was to be started after it may start. */
  ready(status: string): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  /**
   * Shows signs of life (WATCHDOG=1) at half of the interval that the manager asks for, from now on. None goes out while
   * the event loop is blocked, nor when `silent` names parts that do not answer, rejects, or takes longer than a quarter
   * of the interval: the manager then ends this process and starts another.
   */
  watch(silent?: () => Promise<readonly string[]>): void;
  /** It is about to end. */
  stopping(): void;
}

export interface NotifierOptions {
  readonly logger: Logger;
  /** Loses NOTIFY_SOCKET and WATCHDOG_*, so that no child speaks for this process. Default the process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** What sends a message; default `systemd-notify`, found by PATH. */
  readonly command?: string;
}

const SEND_MS = 8000;
const RETRY_MS = 1000;
const READY_TRIES = 10;
/** Timers of Node.js take 31 bits of milliseconds. */
const MAX_BEAT_MS = 2 ** 31 - 1;

/** Messages go out one after the other, by a child process each: Node.js cannot write to a datagram socket of a path. */
export function createNotifier({ logger, env = process.env, command = 'systemd-notify' }: NotifierOptions): ServiceNotifier {
  const socket = env['NOTIFY_SOCKET'] ?? '';
  const interval = watchdogMs(env);
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (socket === '') return { isHeard: false, ready() {}, status() {}, watch() {}, stopping() {} };

  let last: Promise<unknown> = Promise.resolve();
  let failures = 0;
  const run = (message: readonly string[]): Promise<boolean> =>
    new Promise((done) => {
      const options = { env: { PATH: env['PATH'], NOTIFY_SOCKET: socket }, timeout: SEND_MS, killSignal: 'SIGKILL' } as const;
      execFile(command, message, options, (error) => {
        if (error !== null && failures++ === 0) {
          logger.warn({ err: error }, `the service manager was not told: ${command} failed; is the package systemd installed?`);
        }
        done(error === null);
      });
    });
  const send = (...message: string[]): Promise<boolean> => {
    const sent = last.then(() => run(message));
    last = sent;
    return sent;
  };

  let status = '';
  let silentBefore = '';
  const beat = async (silent: () => Promise<readonly string[]>): Promise<void> => {
    const parts = await within(silent(), interval / 4).catch(() => ['a part that cannot be asked']);
    const names = parts.join(', ');
    if (names === '') {
      if (silentBefore !== '') logger.info(`all parts answer again`);
      void send('WATCHDOG=1', ...(silentBefore === '' ? [] : [`STATUS=${status}`]));
    } else if (names !== silentBefore) {
      logger.error({ parts }, `no answer from ${names}: unless that changes, the service manager starts this process again`);
      void send(`STATUS=no answer from ${names}`);
    }
    silentBefore = names;
  };

  return {
    isHeard: true,
    ready(text) {
      status = oneLine(text);
      const attempt = (left: number): void => {
        void send('READY=1', `STATUS=${status}`).then((ok) => {
          // Without this message a start counts as failed.
          if (!ok && left > 1) setTimeout(attempt, RETRY_MS, left - 1).unref();
        });
      };
      attempt(READY_TRIES);
    },
    status(text) {
      if (oneLine(text) === status) return;
      status = oneLine(text);
      void send(`STATUS=${status}`);
    },
    watch(silent = () => Promise.resolve([])) {
      if (interval === 0) return;
      void beat(silent);
      setInterval(() => void beat(silent), Math.min(interval / 2, MAX_BEAT_MS)).unref();
    },
    stopping() {
      void send('STOPPING=1', 'STATUS=stopping');
    },
  };
}

/** Interval of the watchdog in ms as sd_watchdog_enabled(3) reads it; 0: none, or none for this process. */
function watchdogMs(env: NodeJS.ProcessEnv): number {
  const pid = env['WATCHDOG_PID'] ?? '';
  const usec = env['WATCHDOG_USEC'] ?? '';
  return /^[1-9]\d*$/.test(usec) && (pid === '' || Number(pid) === process.pid) ? Number(usec) / 1000 : 0;
}

async function within(answer: Promise<readonly string[]>, ms: number): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((_, fail) => {
    timer = setTimeout(() => fail(new Error('no answer in time')), ms);
    timer.unref();
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
