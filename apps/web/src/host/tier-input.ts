import type { HostDetail } from '../api/types.ts';
import type { PanelInput } from '../charts/use-panel.ts';
import { stepFor } from './range.ts';

/** The page's input for a measurement of this tier: what is sampled seldom has wider buckets. */
export function inputOfTier(input: PanelInput, detail: HostDetail | null, tier: string): PanelInput {
  if (tier === 'fast') return input;
  const intervals = (detail?.info?.['intervals'] ?? {}) as Readonly<Record<string, unknown>>;
  const told = Number(intervals[tier]) * 1000;
  const interval = told > 0 ? told : input.interval;
  return { ...input, interval, step: stepFor(input.to - input.from, interval) };
}
