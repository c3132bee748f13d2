import type { Counters } from '@hostwire/model';
import type { RejectedField } from '@hostwire/store';
import type { DeadLetters } from './dead-letters.ts';
import type { SampleMessage } from './ingest.ts';

const REJECTED_FIELD_INTERVAL_MS = 3_600_000;
const MAX_REMEMBERED_FIELDS = 10_000;

/** Counts what will never be stored, and hands it to the dead letters with the reason. */
export class Burials {
  readonly #deadLetters: DeadLetters;
  readonly #counters: Counters;
  readonly #now: () => number;
  readonly #reported = new Map<string, number>();

  constructor(deadLetters: DeadLetters, counters: Counters, now: () => number) {
    this.#deadLetters = deadLetters;
    this.#counters = counters;
    this.#now = now;
  }

  /** Resolves when the letter is written or dropped. Never rejects. */
  message({ topic, payload }: SampleMessage, reason: string, message: string): Promise<void> {
    this.#counters.add(`ingest_invalid_total{reason="${reason}"}`);
    return this.#deadLetters.add({ topic, payload, reason, message });
  }

  /** The rest of the sample is stored. The same field of the same host is one dead letter an hour, not one a tick. */
  async fields({ topic, payload }: SampleMessage, host: string, rejected: readonly RejectedField[]): Promise<void> {
    const fresh: string[] = [];
    for (const { measurement, field = '', code, message } of rejected) {
      this.#counters.add(`ingest_rejected_fields_total{code="${code}"}`);
      const key = `${host} ${measurement} ${field} ${code}`;
      const last = this.#reported.get(key);
      if (last !== undefined && this.#now() - last < REJECTED_FIELD_INTERVAL_MS) continue;
      if (this.#reported.size >= MAX_REMEMBERED_FIELDS) this.#reported.clear();
      this.#reported.set(key, this.#now());
      fresh.push(`${measurement}${field === '' ? '' : `.${field}`}: ${code}: ${message}`);
    }
    if (fresh.length > 0) await this.#deadLetters.add({ topic, payload, reason: 'fields', message: fresh.join('; ').slice(0, 4096) });
  }
}
