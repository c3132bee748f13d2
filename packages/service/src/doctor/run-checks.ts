import type { Check, Finding, Observation } from './finding.ts';
import { warning } from './finding.ts';

/** What a check may take; one that asks over the network waits less itself, and says what it waited for. */
const TIMEOUT_MS = 10_000;

/** Runs all checks at once, each within its time (ms, default 10,000); their findings in the order of the checks. Never rejects. */
export async function runChecks<Context>(checks: readonly Check<Context>[], context: Context, timeoutMs = TIMEOUT_MS): Promise<Finding[]> {
  const found = await Promise.all(checks.map((check) => within(check, context, timeoutMs)));
  return found.flatMap((observations, at) => observations.map((seen) => ({ check: checks[at]?.name ?? '', ...seen })));
}

async function within<Context>(check: Check<Context>, context: Context, timeoutMs: number): Promise<readonly Observation[]> {
  const aborter = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly Observation[]>((done) => {
    timer = setTimeout(() => {
      aborter.abort();
      done([
        warning(
          `did not end within ${timeoutMs / 1000} s`,
          'see whether a disk, a name server or another machine does not answer, then run doctor again',
        ),
      ]);
    }, timeoutMs);
  });
  try {
    // A check may throw before it gives a promise.
    return await Promise.race([Promise.resolve().then(() => check.run(context, aborter.signal)), late]);
  } catch (error) {
    return [couldNotLook(error)];
  } finally {
    clearTimeout(timer);
  }
}

export const RUN_AS_OWNER = 'run doctor as root or as the user of the service';

/** What the operating system refused, or what was not thought of, is no fault of the thing that was to be looked at. */
export function couldNotLook(error: unknown, what?: string): Observation {
  const { code, message } = error as NodeJS.ErrnoException;
  const subject = what === undefined ? '' : ` at ${what}`;
  if (code === 'EACCES' || code === 'EPERM') {
    return warning(`this user may not look${subject}: ${message}`, RUN_AS_OWNER);
  }
  return warning(`could not look${subject}: ${message}`, 'see that what the message names exists and can be read, then run doctor again');
}
