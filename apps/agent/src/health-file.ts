import { closeSync, openSync, rmSync, utimesSync } from 'node:fs';

/** A file that is young while this agent is connected; see `keepHealthFile`. */
export interface HealthFile {
  /** With null: the connection stands. */
  connection(failure: unknown): void;
  close(): void;
}

const BEAT_MS = 10_000;

/**
 * Keeps a file for those who ask from outside whether this agent is well (a container's health check): touched every 10 s while the
 * connection stands, not touched while the event loop is blocked, removed when the connection ends. What cannot be written is told
 * once and disturbs nothing.
 */
export function keepHealthFile(file: string, warn: (message: string) => void): HealthFile {
  let timer: NodeJS.Timeout | undefined;
  let warned = false;
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!warned) warn(`${file} cannot be written, so nobody sees there whether this agent is connected: ${(error as Error).message}`);
      warned = true;
    }
  };
  const touch = (): void => {
    closeSync(openSync(file, 'a', 0o644));
    const now = new Date();
    utimesSync(file, now, now);
  };
  const remove = (): void => {
    clearInterval(timer);
    timer = undefined;
    guarded(() => rmSync(file, { force: true }));
  };
  remove();
  return {
    connection(failure) {
      if (failure !== null) return remove();
      guarded(touch);
      timer ??= setInterval(() => guarded(touch), BEAT_MS).unref();
    },
    close: remove,
  };
}
