import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import { api, body, sentence } from '../api/client.ts';
import type { Alert, Severity } from '../api/types.ts';
import { useToasts } from './toasts.ts';

const WEIGHT: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2 };

/** By severity; pending after firing; acknowledged ones sink inside their severity; then newest first. */
export function compareAlerts(a: Alert, b: Alert): number {
  return (
    WEIGHT[a.severity] - WEIGHT[b.severity] ||
    Number(a.state === 'pending') - Number(b.state === 'pending') ||
    Number(a.acknowledged_at !== null) - Number(b.acknowledged_at !== null) ||
    (b.fired_at ?? b.since) - (a.fired_at ?? a.since) ||
    a.host.localeCompare(b.host)
  );
}

/** Alerts that are pending or firing, and those resolved in the last 24 hours. */
export const useAlerts = defineStore('alerts', () => {
  const toasts = useToasts();
  const byId = shallowRef<ReadonlyMap<string, Alert>>(new Map());
  const loaded = ref(false);
  const error = ref<string | null>(null);

  async function load(): Promise<void> {
    try {
      const { alerts } = await body(api.GET('/api/alerts'));
      byId.value = new Map(alerts.map((alert) => [alert.id, alert]));
      loaded.value = true;
      error.value = null;
    } catch (cause) {
      error.value = sentence(cause);
      throw cause;
    }
  }

  function merge(alert: Alert): void {
    const known = new Map(byId.value);
    // What was pending and came to nothing never was an alert.
    if (alert.state === 'resolved' && alert.fired_at === null) known.delete(alert.id);
    else known.set(alert.id, alert);
    byId.value = known;
  }

  async function acknowledge(alert: Alert, note = ''): Promise<void> {
    try {
      merge(await body(api.POST('/api/alerts/{id}/ack', { params: { path: { id: alert.id } }, body: note === '' ? {} : { note } })));
      toasts.show({ kind: 'done', text: `Acknowledged, ${alert.summary}`, undo: () => void withdraw(alert) });
    } catch (cause) {
      toasts.show({ kind: 'warn', text: `Not acknowledged. ${sentence(cause)}` });
    }
  }

  async function withdraw(alert: Alert): Promise<void> {
    try {
      merge(await body(api.DELETE('/api/alerts/{id}/ack', { params: { path: { id: alert.id } } })));
    } catch (cause) {
      toasts.show({ kind: 'warn', text: `The acknowledgement stays. ${sentence(cause)}` });
    }
  }

  const all = computed(() => [...byId.value.values()].sort(compareAlerts));
  const active = computed(() => all.value.filter((alert) => alert.state !== 'resolved'));
  const firing = computed(() => all.value.filter((alert) => alert.state === 'firing'));
  /** Firing and nobody has taken it: what the banner and the count show. */
  const open = computed(() => firing.value.filter((alert) => alert.acknowledged_at === null));
  const past = computed(() =>
    all.value.filter((alert) => alert.state === 'resolved').sort((a, b) => (b.resolved_at ?? b.since) - (a.resolved_at ?? a.since)),
  );
  const ofHost = computed(() => {
    const hosts = new Map<string, Alert[]>();
    for (const alert of firing.value) hosts.set(alert.host, [...(hosts.get(alert.host) ?? []), alert]);
    return hosts as ReadonlyMap<string, readonly Alert[]>;
  });

  return { byId, loaded, error, all, active, firing, open, past, ofHost, load, merge, acknowledge, withdraw };
});
