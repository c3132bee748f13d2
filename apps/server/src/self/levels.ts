import type { Alerting } from '@hostwire/alerting';
import type { BrokerStats } from '@hostwire/broker';
import type { EmbeddedStore } from '@hostwire/store';
import type { LiveState } from '../live/live-state.ts';

/** Levels of this process, by name as Prometheus writes it; null for what is not here. */
export function levels(live: LiveState | null, broker: BrokerStats | null, store: EmbeddedStore | null): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  if (live !== null) {
    const states = { never_connected: 0, online: 0, offline: 0, unknown: 0 };
    for (const { state } of live.hosts()) states[state]++;
    for (const [state, count] of Object.entries(states)) found.set(`hosts{state="${state}"}`, count);
  }
  if (broker !== null) {
    found.set('broker_clients', broker.clients);
    found.set('broker_pending', broker.pending);
    found.set('broker_paced', broker.paced);
    found.set('broker_retained_messages', broker.retained.messages);
    found.set('broker_retained_bytes', broker.retained.bytes);
  }
  if (store !== null) {
    for (const [name, value] of Object.entries(store.stats())) {
      if (typeof value === 'number') found.set(`store_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`, value);
    }
  }
  found.set('process_resident_memory_bytes', process.memoryUsage.rss());
  found.set('process_uptime_seconds', process.uptime());
  return found;
}

/** Of who leads the alerts; null: another process does. */
export function alertLevels(alerting: Alerting | null): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  if (alerting === null) return found;
  const states = { pending: 0, firing: 0 };
  for (const { state } of alerting.list()) if (state !== 'resolved') states[state]++;
  for (const [state, count] of Object.entries(states)) found.set(`alerting_alerts{state="${state}"}`, count);
  found.set('alerting_unsaved', alerting.unsaved());
  return found;
}
