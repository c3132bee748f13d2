import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import { api, body, done, sentence } from '../api/client.ts';
import type { Enrolment, EnrolmentRequest, NewEnrolment } from '../api/types.ts';
import type { Labels } from '../fleet/labels.ts';

/** What a new code is for. */
export interface EnrolmentAsk {
  readonly kind: 'once' | 'universal';
  readonly host?: string;
  readonly group: string | null;
  readonly labels: Labels;
  /** Seconds. */
  readonly lifetime?: number;
}

/** As whom a waiting host is let in. */
export interface Approval {
  readonly host: string;
  readonly group: string | null;
  readonly labels: Labels;
}

/** Codes that hosts enrol with, and hosts that wait to be let in. */
export const useEnrolments = defineStore('enrolments', () => {
  const list = shallowRef<readonly Enrolment[]>([]);
  const requests = shallowRef<readonly EnrolmentRequest[]>([]);
  const loaded = ref(false);
  const error = ref<string | null>(null);
  /** Codes that this page made: only it knows them in clear, until it is left. */
  const made = shallowRef<ReadonlyMap<string, NewEnrolment>>(new Map());

  async function load(): Promise<void> {
    try {
      const answer = await body(api.GET('/api/enrolments'));
      list.value = answer.enrolments;
      requests.value = answer.requests;
      loaded.value = true;
      error.value = null;
    } catch (cause) {
      error.value = sentence(cause);
      throw cause;
    }
  }

  /** After a change of this page; what fails here is told by the page's own line to the server. */
  const refresh = (): Promise<void> => load().catch(() => undefined);

  /** Makes a code. Throws an ApiError if the server refuses. */
  async function make({ kind, host, group, labels, lifetime }: EnrolmentAsk): Promise<NewEnrolment> {
    const ask = {
      kind,
      ...(host === undefined ? {} : { host }),
      ...(group === null ? {} : { group }),
      ...(Object.keys(labels).length === 0 ? {} : { labels: { ...labels } }),
      ...(lifetime === undefined ? {} : { expires_in: lifetime }),
    };
    const answer = await body(api.POST('/api/enrolments', { body: ask }));
    made.value = new Map(made.value).set(answer.id, answer);
    await refresh();
    return answer;
  }

  /** Makes a code worthless. Throws an ApiError if the server refuses. */
  async function cancel(id: string): Promise<void> {
    await done(api.DELETE('/api/enrolments/{id}', { params: { path: { id } } }));
    await refresh();
  }

  async function approve(id: string, { host, group, labels }: Approval): Promise<void> {
    const as = { host, ...(group === null ? {} : { group }), labels: { ...labels } };
    await done(api.POST('/api/enrolments/requests/{id}/approve', { params: { path: { id } }, body: as }));
    await refresh();
  }

  async function deny(id: string): Promise<void> {
    await done(api.POST('/api/enrolments/requests/{id}/deny', { params: { path: { id } } }));
    await refresh();
  }

  const waiting = computed(() => requests.value.filter(({ state }) => state === 'pending'));
  const byId = computed(() => new Map(list.value.map((one) => [one.id, one])) as ReadonlyMap<string, Enrolment>);
  return { list, requests, waiting, byId, loaded, error, made, load, make, cancel, approve, deny };
});
