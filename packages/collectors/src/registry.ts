import { type Catalog, toCatalog } from '@hostwire/model';
import type { Collector } from './collector.ts';
import { cpu } from './cpu/index.ts';
import { mem } from './mem/index.ts';
import { SELF_DECLARATIONS } from './self-measurement.ts';

/** Every collector, one line each. */
export const COLLECTORS: readonly Collector[] = [cpu, mem];

/** The union of what these collectors and the runner itself declare. */
export function catalog(collectors: readonly Collector[] = COLLECTORS): Catalog {
  return toCatalog([...collectors, ...SELF_DECLARATIONS].map(({ name, tier, help, measurements }) => ({ name, tier, help, measurements })));
}
