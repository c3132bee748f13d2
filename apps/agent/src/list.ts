import { COLLECTORS, type CollectorsConfig, settingsOf } from '@hostwire/collectors';
import Table from 'cli-table3';
import type { Ticks } from './ticks.ts';

/** A table of all collectors: name, tier, whether it works here (if not why, and how to grant it), measurements. */
export async function listCollectors(ticks: Ticks, config: CollectorsConfig): Promise<string> {
  const capabilities = await ticks.probeAll();
  const table = new Table({ head: ['collector', 'tier', 'available', 'measurements'], style: { head: [], border: [] } });
  for (const collector of COLLECTORS) {
    const { name, measurements } = collector;
    const { available = false, reason, hint } = capabilities[name] ?? {};
    const why = [reason, hint].filter((text) => text !== undefined && text !== '').join('\n');
    table.push([
      name,
      settingsOf(collector, config).tier,
      available ? 'yes' : `no${why === '' ? '' : `: ${why}`}`,
      Object.keys(measurements).join(', '),
    ]);
  }
  return `${table.toString()}\n`;
}
