import { Counters } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';

/** What one does while it leads. */
export interface Term {
  /** `lost`: another may lead already, so nothing more is said to anybody. Otherwise the last words may be said. */
  end(lost: boolean): Promise<void>;
}

export interface LeadershipOptions {
  readonly leases: Registry['leases'];
  readonly lease: string;
  /** Names this process, and no other that runs. */
  readonly holder: string;
  /** Begins a term; `isLeader` is to be asked before each thing that only one may do. */
  readonly begin: (isLeader: () => boolean) => Promise<Term>;
  /**
   * Whether to go on leading while the registry does not answer: true where it is a file of this machine, which a full
   * disk keeps from everybody alike.
   */
  readonly survivesErrors: boolean;
  readonly counters?: Counters;
  readonly logger: Logger;
  readonly ttlMs?: number;
  readonly renewMs?: number;
  readonly standbyMs?: number;
}

export interface Leadership {
  isLeader(): boolean;
  close(): Promise<void>;
}

const TTL_MS = 15_000;
const RENEW_MS = 5000;
/** One who stands by takes over within the lease's time and this. */
const STANDBY_MS = 1000;
/** Stops before the lease ends by the registry's clock, however the two clocks drift. */
const MARGIN_MS = 500;

/**
 * Leads while this process has the lease, and stands by while another has it. Resolves when it is known which. Time is
 * measured by the monotonic clock: a process that was stopped for longer than its lease leads no more when it goes on.
 */
export async function takePart(options: LeadershipOptions): Promise<Leadership> {
  const { leases, lease, holder, begin, survivesErrors, counters = new Counters(), logger } = options;
  const { ttlMs = TTL_MS, renewMs = RENEW_MS, standbyMs = STANDBY_MS } = options;
  let until = Number.NEGATIVE_INFINITY;
  let term: Term | null = null;
  let ending: Promise<void> = Promise.resolve();
  let closing = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const isLeader = (): boolean => performance.now() < until;

  const endTerm = (lost: boolean): Promise<void> => {
    const ended = term;
    term = null;
    if (lost) until = Number.NEGATIVE_INFINITY;
    if (ended === null) return ending;
    if (lost) {
      counters.add('leadership{change="lost"}');
      logger.warn({ lease }, 'another process leads the alerts now, or the registry cannot say that this one does; this one stands by');
    }
    ending = ended.end(lost).catch((error: unknown) => logger.error({ err: error, lease }, 'the lead of the alerts did not end cleanly'));
    return ending;
  };

  /** Null: the registry did not answer. */
  const ask = async (): Promise<boolean | null> => {
    const asked = performance.now();
    try {
      if (!(await inTime(leases.acquire(lease, holder, ttlMs), ttlMs))) return false;
      until = asked + ttlMs - MARGIN_MS;
      return true;
    } catch (error) {
      counters.add('leadership_failed');
      logger.debug({ err: error, lease }, 'the lease of the alerts was not asked for');
      // Once its time is over another may have it, also where this process stood still meanwhile.
      if (survivesErrors && term !== null && isLeader()) until = performance.now() + ttlMs;
      return null;
    }
  };

  const turn = async (): Promise<void> => {
    const given = await ask();
    if (given === false || !isLeader()) await endTerm(true);
    if (given === true && term === null) {
      await ending;
      counters.add('leadership{change="gained"}');
      logger.info({ lease }, 'this process leads the alerts');
      term = await begin(isLeader);
    }
  };

  const again = (): void => {
    if (closing) return;
    timer = setTimeout(
      () => {
        running = turn()
          .catch(async (error: unknown) => {
            logger.error({ err: error, lease }, 'alerts cannot be led by this process; tried again');
            await leases.release(lease, holder).catch(() => undefined);
            until = Number.NEGATIVE_INFINITY;
          })
          .then(again);
      },
      term === null ? standbyMs : renewMs,
    );
    timer.unref();
  };
  // A registry that hangs must not keep the term alive.
  const watch = setInterval(() => {
    if (term !== null && !isLeader()) void endTerm(true);
  }, 250);
  watch.unref();

  await turn();
  again();
  return {
    isLeader: () => term !== null && isLeader(),
    async close() {
      closing = true;
      clearTimeout(timer);
      clearInterval(watch);
      await running;
      const led = isLeader();
      await endTerm(!led);
      until = Number.NEGATIVE_INFINITY;
      if (led) await leases.release(lease, holder).catch((error: unknown) => logger.debug({ err: error }, 'the lease was not given back'));
    },
  };
}

/** A question that outlives the lease is worth no answer. */
async function inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_done, fail) => {
    timer = setTimeout(() => fail(new Error(`no answer in ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([answer, limit]);
  } finally {
    clearTimeout(timer);
  }
}
