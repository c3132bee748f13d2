import { setTimeout as sleep } from 'node:timers/promises';

/** Names of what is done in one of libuv's threads: calls of the file system, look-ups of names. */
const IN_A_THREAD = /^(?:FSReq|GetAddrInfo|GetNameInfo)/;
const GRACE_MS = 200;

/**
 * Ends this process with `code`. In `process.exit` Node.js waits for its threads, for ever where a mount or a name server
 * does not answer (libuv, uv_library_shutdown): then a signal ends it, SIGTERM for code 0, which service managers take for
 * a clean end, else SIGKILL.
 */
export async function endProcess(code: number): Promise<void> {
  const isWaiting = () => process.getActiveResourcesInfo().some((name) => IN_A_THREAD.test(name));
  const until = performance.now() + GRACE_MS;
  while (isWaiting() && performance.now() < until) await sleep(10);
  if (isWaiting()) {
    process.removeAllListeners('SIGTERM');
    process.kill(process.pid, code === 0 ? 'SIGTERM' : 'SIGKILL');
  }
  // Also for process 1 of a container, which the kernel keeps from such signals.
  process.exit(code);
}
