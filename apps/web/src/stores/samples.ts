import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import type { HostDetail, LiveSample, Row } from '../api/types.ts';

/** Live samples kept for the tail of the charts: enough for 30 minutes at 5 s. */
const KEPT = 360;

/** The newest samples of the watched hosts, oldest first, and how many came in all. */
export const useSamples = defineStore('samples', () => {
  const byHost = shallowRef<ReadonlyMap<string, readonly LiveSample[]>>(new Map());
  const received = ref(0);

  function add(sample: LiveSample): void {
    const before = byHost.value.get(sample.host) ?? [];
    const newest = before.at(-1);
    // A sample that the server repeats, or that comes late, is already or better in the store's answer.
    if (newest !== undefined && sample.tier === newest.tier && sample.time <= newest.time) return;
    byHost.value = new Map(byHost.value).set(sample.host, [...before.slice(1 - KEPT), sample]);
    received.value += 1;
  }

  /** The polled detail of a host, taken as the sample that the WebSocket would have brought. */
  function addDetail(detail: HostDetail): void {
    const latest: Record<string, readonly Row[]> = {};
    let time = 0;
    for (const [measurement, entry] of Object.entries(detail.latest)) {
      if (entry.tier !== 'fast') continue;
      latest[measurement] = entry.rows;
      time = Math.max(time, entry.time);
    }
    if (time === 0) return;
    const { host, interval, errors } = detail.summary;
    add({ host, tier: 'fast', time, interval: interval ?? 30, latest, rates: detail.rates, errors });
  }

  return { byHost, received, add, addDetail };
});
