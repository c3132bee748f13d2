import { agentRow, type Collected } from '@hostwire/collectors';
import type { Sample, Tier } from '@hostwire/model';
import { splitPayload } from './split.ts';

export interface SamplerOptions {
  readonly host: string;
  readonly run: string;
  /** Hash of the catalog that rows are declared in. */
  readonly catalog: string;
  /** Seconds; may change. */
  readonly intervals: () => Readonly<Record<Tier, number>>;
}

/**
 * Turns what a tick collected into samples: numbers them, adds the `agent` row, and divides what is too large for one
 * message. The parts of a divided tick have one time and a `seq` each.
 */
export function createSampler({ host, run, catalog, intervals }: SamplerOptions): (tier: Tier, collected: Collected) => Sample[] {
  let seq = 0;
  return (tier, { time, data, errors }) => {
    const header = { v: 1, host, tier, run, seq: Number.MAX_SAFE_INTEGER, time, interval: intervals()[tier], catalog } as const;
    const parts = splitPayload(errors.length === 0 ? { data } : { data, errors }, header);
    return parts.map((part, index) => {
      seq++;
      return { ...header, seq, ...part, data: { ...part.data, agent: [agentRow(run, seq, tier, index + 1)] } };
    });
  };
}
