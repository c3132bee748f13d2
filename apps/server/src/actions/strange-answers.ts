import type { ActionResult, Counters } from '@hostwire/model';
import type { AuditRegistry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';

export interface StrangeAnswersOptions {
  readonly audit: AuditRegistry;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly now: () => number;
}

type Heard = Omit<ActionResult, 'reason'> & { readonly reason?: string | null };

const HOUR_MS = 3_600_000;
/** A host that makes answers up must not drive all else out of the log. */
const KEPT_OF_HOST = 20;

/**
 * Answers to what this server did not ask, or did not ask a second time: somebody else speaks to that agent. They are
 * written down too, a few an hour of each host.
 */
export class StrangeAnswers {
  readonly #options: StrangeAnswersOptions;
  #hour = 0;
  readonly #kept = new Map<string, number>();

  constructor(options: StrangeAnswersOptions) {
    this.#options = options;
  }

  async heard({ host, id, action, result, reason = null, time }: Heard): Promise<void> {
    const { audit, counters, logger, now } = this.#options;
    const known = await audit.get(id);
    // Another process of this server wrote down the same answer.
    const isOthers = known !== null && known.host !== host;
    if (!isOthers && known?.result === result && known.reason === reason) return;
    counters.add('answers_strange');
    const hour = Math.floor(now() / HOUR_MS);
    if (this.#hour !== hour) this.#kept.clear();
    this.#hour = hour;
    const kept = (this.#kept.get(host) ?? 0) + 1;
    const entry = `${id.slice(0, 48)}.${time.toString(36)}`;
    if (kept > KEPT_OF_HOST || (await audit.get(entry)) !== null) return;
    this.#kept.set(host, kept);
    const what = known === null || isOthers ? 'this server did not ask it' : `it was answered before as ${id}`;
    logger.warn({ host, id, action, result, reason }, `somebody else than this server speaks to an agent: ${what}`);
    await audit.add({
      ...{ id: entry, at: now(), host, action, args: {}, actor: null, result },
      reason: reason === null ? what : `${what}; the agent says: ${reason}`,
    });
  }
}
