import { endProcess } from './end-process.ts';
import { EXIT } from './exit-codes.ts';
import type { Logger } from './logger.ts';

/** Starts and stops the parts of one process in order. */
export interface Lifecycle {
  /**
   * Remembers how to stop a part that has started. Parts are stopped in reverse order of `add`, each once and each within
   * its timeout (milliseconds, default 5,000). A part added while stopping is stopped at once.
   */
  add(name: string, stop: () => unknown, options?: { readonly timeout?: number }): void;
  /** Stops all parts, then ends the process with `exitCode` (default 0). Called again, it waits for the first call. Never throws. */
  stop(reason: string, exitCode?: number): Promise<void>;
  /** Aborted when stopping begins. */
  readonly signal: AbortSignal;
}

/** What a lifecycle needs of `process`. */
export interface ProcessHooks {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  exit(code: number): void;
}

const PROCESS: ProcessHooks = {
  on: (event, listener) => process.on(event, listener),
  exit: (code) => void endProcess(code),
};

/** One Ctrl-C can arrive twice, from the terminal and from a parent that passes signals on: that is no second wish. */
const REPEAT_MS = 500;
const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

/**
 * Listens for SIGINT and SIGTERM (stop, exit 0; another one half a second later or more exits at once with 130 or 143) and for errors that nobody caught
 * (logged, then stop, exit 1).
 */
export function createLifecycle(logger: Logger, hooks: ProcessHooks = PROCESS): Lifecycle {
  const parts: { name: string; stop: () => unknown; timeout: number }[] = [];
  const aborter = new AbortController();
  let stopping: Promise<void> | null = null;

  const stopPart = async ({ name, stop, timeout }: (typeof parts)[number]): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((done) => {
      timer = setTimeout(() => done('late'), timeout);
    });
    try {
      const result = await Promise.race([Promise.resolve().then(stop), late]);
      if (result === 'late') logger.warn({ part: name, timeout }, `${name} did not stop in ${timeout} ms, going on without it`);
    } catch (error) {
      logger.error({ part: name, err: error }, `${name} failed to stop`);
    } finally {
      clearTimeout(timer);
    }
  };

  const stopAll = async (reason: string, exitCode: number): Promise<void> => {
    logger.info({ reason }, `stopping: ${reason}`);
    aborter.abort(new Error(`stopping: ${reason}`));
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) await stopPart(part);
    hooks.exit(exitCode);
  };

  const stop = (reason: string, exitCode = 0): Promise<void> => {
    stopping ??= stopAll(reason, exitCode);
    return stopping;
  };

  let firstSignal: number | null = null;
  for (const [name, code] of Object.entries(SIGNALS)) {
    hooks.on(name, () => {
      firstSignal ??= performance.now();
      if (performance.now() - firstSignal > REPEAT_MS) hooks.exit(code);
      void stop(name);
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    hooks.on(event, (error) => {
      logger.fatal({ err: error }, `${event}: stopping; this is a defect, please report it`);
      void stop(event, 1);
    });
  }

  return {
    add(name, stopIt, { timeout = 5_000 } = {}) {
      const part = { name, stop: stopIt, timeout };
      if (stopping === null) parts.push(part);
      else void stopPart(part);
    },
    stop,
    signal: aborter.signal,
  };
}
