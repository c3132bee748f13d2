import type { Sample } from '@hostwire/model';
import type { Logger } from '@hostwire/transport';
import type { SampleListener } from './ingest.ts';

/** Who hears of live samples, each once. */
export class Listeners {
  readonly #listeners = new Set<SampleListener>();
  /** By source: the last live sample that listeners have seen. */
  readonly #seen = new Map<string, { readonly run: string; readonly seq: number }>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(listener: SampleListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(sample: Sample, receivedAt: number): void {
    if (sample.backfill === true || this.#listeners.size === 0) return;
    const source = `${sample.host}/${sample.tier}`;
    const last = this.#seen.get(source);
    // A sample that was not made durable comes again.
    if (last !== undefined && last.run === sample.run && sample.seq <= last.seq) return;
    this.#seen.set(source, { run: sample.run, seq: sample.seq });
    for (const listener of this.#listeners) {
      try {
        listener(sample, receivedAt);
      } catch (error) {
        this.#logger.error({ host: sample.host, err: error }, 'a listener of samples threw');
      }
    }
  }
}
