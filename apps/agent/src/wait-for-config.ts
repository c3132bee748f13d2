import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@hostwire/service';
import { fileExists } from './agent-config.ts';

/** Time for whoever writes the file to finish. */
const SETTLE_MS = 500;

/**
 * Idle mode: says once that there is no configuration, and resolves when the file is there, or with false when `signal` aborts.
 * So a package that is installed and not yet configured is a quiet service, not one that fails again and again.
 */
export async function waitForConfig(file: string, logger: Logger, signal: AbortSignal, pollMs = 2_000): Promise<boolean> {
  if (!(await fileExists(file))) {
    logger.info({ file }, `there is no configuration at ${file}: idle until it is written`);
    try {
      while (!(await fileExists(file))) await sleep(pollMs, undefined, { signal });
      await sleep(SETTLE_MS, undefined, { signal });
    } catch {
      return false;
    }
  }
  return !signal.aborted;
}
