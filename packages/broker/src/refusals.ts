import type { Counters } from '@hostwire/model';
import type { Logger } from '@hostwire/transport';

/** Why something was refused or a client was disconnected; the client is never told. */
export type Refusal =
  | 'unknown-host'
  | 'bad-token'
  | 'expired'
  | 'bad-secret'
  | 'no-scope'
  | 'client-id'
  | 'will'
  | 'foreign-topic'
  | 'foreign-filter'
  | 'too-many-subscriptions'
  | 'oversized'
  | 'protocol'
  | 'tls'
  | 'no-certificate'
  | 'bad-certificate'
  | 'too-many-connections'
  | 'timeout'
  | 'keepalive'
  | 'slow'
  | 'revoked'
  | 'store-unavailable'
  | 'registry-unavailable'
  | 'retained-limit';

const LOG_INTERVAL_MS = 10_000;

/** Counts every refusal, and logs each reason at most once in ten seconds: strangers must not be able to fill the disk. */
export class Refusals {
  readonly #counters: Counters;
  readonly #logger: Logger;
  readonly #logged = new Map<Refusal, { at: number; silent: number }>();

  constructor(counters: Counters, logger: Logger) {
    this.#counters = counters;
    this.#logger = logger;
  }

  add(reason: Refusal, fields: Readonly<Record<string, unknown>>): void {
    this.#counters.add(`broker_refused_total{reason="${reason}"}`);
    const now = Date.now();
    const last = this.#logged.get(reason);
    if (last !== undefined && now - last.at < LOG_INTERVAL_MS) {
      last.silent++;
      return;
    }
    this.#logged.set(reason, { at: now, silent: 0 });
    const more = last === undefined || last.silent === 0 ? {} : { moreSinceThen: last.silent };
    this.#logger.warn({ reason, ...shortened(fields), ...more }, `the MQTT broker refused a client: ${reason}`);
  }
}

function shortened(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, typeof value === 'string' ? value.slice(0, 128) : value]));
}
