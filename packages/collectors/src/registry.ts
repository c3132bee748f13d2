import { type Catalog, toCatalog } from '@hostwire/model';
import * as all from './all-collectors.ts';
import type { Collector } from './collector.ts';
import { SELF_DECLARATIONS } from './self-measurement.ts';

/** Every collector that `all-collectors.ts` names, in the order of their names. */
export const COLLECTORS: readonly Collector[] = Object.values(all);

/** The union of what these collectors and the runner itself declare. */
export function catalog(collectors: readonly Collector[] = COLLECTORS): Catalog {
  return toCatalog([...collectors, ...SELF_DECLARATIONS].map(({ name, tier, help, measurements }) => ({ name, tier, help, measurements })));
}
