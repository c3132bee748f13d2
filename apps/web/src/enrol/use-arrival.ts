import { useQuery } from '@tanstack/vue-query';
import { computed, type Ref, ref, watch } from 'vue';
import { api, body } from '../api/client.ts';
import { fetchSeries } from '../api/series.ts';
import { serverNow, useNow } from '../live/now.ts';
import { useEnrolments } from '../stores/enrolments.ts';
import { useHosts } from '../stores/hosts.ts';
import { arrivalOf, isConnected, probeOf, valuesIn } from './arrival.ts';

const SOON = 1000;
const LATER = 10_000;

/** Follows the host that comes with one code. `id`: of the enrolment. */
export function useArrival(id: Readonly<Ref<string>>) {
  const hosts = useHosts();
  const enrolments = useEnrolments();
  const now = useNow();

  const enrolment = computed(() => enrolments.byId.get(id.value) ?? null);
  const used = computed(() => enrolment.value?.used_at != null);
  const name = computed(() => enrolment.value?.used_by ?? enrolment.value?.host ?? '');
  // Until the code was used, a host of this name is another one, or an earlier life of it.
  const host = computed(() => (used.value ? (hosts.byName.get(name.value) ?? null) : null));
  const connected = computed(() => isConnected(host.value, enrolment.value));

  /** Samples from before are of another agent, or of this one before it was let in anew. */
  const since = computed(() => (enrolment.value?.replaces === true ? (enrolment.value.used_at ?? 0) : 0));

  const stored = ref<number | null>(null);
  const storedAt = ref<number | null>(null);
  const connectedAt = ref<number | null>(null);
  let sawBefore = false;

  const detail = useQuery({
    queryKey: ['arrival', id, name],
    queryFn: ({ signal }) => body(api.GET('/api/hosts/{host}', { params: { path: { host: name.value } }, signal })),
    enabled: connected,
    refetchInterval: () => (stored.value === null ? SOON : LATER),
    staleTime: 0,
  }).data;

  const probe = computed(() => (detail.value === undefined ? null : probeOf(detail.value, since.value)));
  const found = useQuery({
    queryKey: ['arrival-stored', id, name],
    queryFn: ({ signal }) => isStored(name.value, probe.value, signal),
    enabled: computed(() => probe.value !== null && stored.value === null),
    refetchInterval: SOON,
    staleTime: 0,
  }).data;

  watch(
    [id, connected, () => enrolments.loaded && hosts.loaded],
    ([now, is, loaded], [before]) => {
      if (now !== before) {
        stored.value = null;
        storedAt.value = null;
        connectedAt.value = null;
        sawBefore = false;
      }
      if (!loaded) return;
      if (!is) sawBefore = true;
      else if (sawBefore && connectedAt.value === null) connectedAt.value = serverNow();
    },
    { immediate: true },
  );
  watch(
    [found, detail],
    ([there, known]) => {
      if (there !== true || known === undefined || stored.value !== null) return;
      stored.value = valuesIn(known);
      if (sawBefore) storedAt.value = serverNow();
    },
    { immediate: true },
  );

  const steps = computed(() =>
    arrivalOf({
      enrolment: enrolment.value,
      host: host.value,
      detail: detail.value ?? null,
      stored: stored.value,
      connectedAt: connectedAt.value,
      storedAt: storedAt.value,
      now: now.value,
    }),
  );
  return { enrolment, used, name, host, steps, arrived: computed(() => stored.value !== null) };
}

/** Asks the store itself for one value of the newest sample: what is live may not be stored yet. */
async function isStored(host: string, probe: ReturnType<typeof probeOf>, signal: AbortSignal): Promise<boolean> {
  if (probe === null) return false;
  const { measurement, field, time } = probe;
  const from = Math.floor(time / 10_000) * 10_000 - 10_000;
  const span = { from, to: from + 30_000, step: 10_000 };
  const answer = await fetchSeries({ measurement, field, aggregate: 'count', host, groupBy: ['host'] }, span, signal);
  return answer.series.some(({ values }) => values.some((value) => value !== null && value > 0));
}
