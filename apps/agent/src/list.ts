import { COLLECTORS, type Runner } from '@hostwire/collectors';
import Table from 'cli-table3';

/** A table of all collectors: name, tier, whether it works here (if not why, and how to grant it), measurements. */
export async function listCollectors(runner: Runner): Promise<string> {
  const capabilities = await runner.probeAll();
  const tiers = new Map(runner.collectors.map(({ name, tier }) => [name, tier]));
  const table = new Table({ head: ['collector', 'tier', 'available', 'measurements'], style: { head: [], border: [] } });
  for (const { name, tier, measurements } of COLLECTORS) {
    const { available = false, reason, hint } = capabilities[name] ?? {};
    const why = [reason, hint].filter((text) => text !== undefined && text !== '').join('\n');
    table.push([
      name,
      tiers.get(name) ?? tier,
      available ? 'yes' : `no${why === '' ? '' : `: ${why}`}`,
      Object.keys(measurements).join(', '),
    ]);
  }
  return `${table.toString()}\n`;
}
