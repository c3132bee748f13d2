import type { EmbeddedStore } from '@hostwire/store';
import type { LiveState } from '../live/live-state.ts';

/** Levels of this process, by name as Prometheus writes it; null for what is not here. */
export function levels(live: LiveState | null, clients: number | null, store: EmbeddedStore | null): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  if (live !== null) {
    const states = { never_connected: 0, online: 0, offline: 0 };
    for (const { state } of live.hosts()) states[state]++;
    for (const [state, count] of Object.entries(states)) found.set(`hosts{state="${state}"}`, count);
  }
  if (clients !== null) found.set('broker_clients', clients);
  if (store !== null) {
    for (const [name, value] of Object.entries(store.stats())) {
      if (typeof value === 'number') found.set(`store_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`, value);
    }
  }
  found.set('process_resident_memory_bytes', process.memoryUsage.rss());
  found.set('process_uptime_seconds', process.uptime());
  return found;
}
