import type { Counters } from '@hostwire/model';

const PREFIX = 'hostwire_';

/**
 * Counters and levels in Prometheus' text format 0.0.4. A counter `refused{reason="x"}` of part `broker` is
 * `hostwire_broker_refused_total{reason="x"}`; a level `hosts{state="online"}` is `hostwire_hosts{state="online"}`.
 */
export function metricsText(counters: ReadonlyMap<string, Counters>, gauges: ReadonlyMap<string, number>): string {
  const families = new Map<string, { type: 'counter' | 'gauge'; lines: string[] }>();
  const add = (type: 'counter' | 'gauge', name: string, labels: string, value: number): void => {
    const family = families.get(name) ?? { type, lines: [] };
    families.set(name, family);
    family.lines.push(`${name}${labels} ${value}`);
  };
  for (const [part, counter] of counters) {
    for (const [entry, value] of counter.entries()) {
      const [name, labels] = split(entry);
      const bare = name.replace(new RegExp(`^${part}_`), '').replace(/_total$/, '');
      add('counter', `${PREFIX}${part}_${bare}_total`, labels, value);
    }
  }
  for (const [entry, value] of gauges) {
    const [name, labels] = split(entry);
    add('gauge', `${PREFIX}${name}`, labels, value);
  }
  return [...families].map(([name, { type, lines }]) => `# TYPE ${name} ${type}\n${lines.join('\n')}\n`).join('');
}

function split(entry: string): [name: string, labels: string] {
  const at = entry.indexOf('{');
  return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at)];
}
