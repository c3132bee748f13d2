import { refDebounced } from '@vueuse/core';
import { computed, provide, ref } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { MOMENT, type Moment } from '../charts/moment.ts';

/** Longest that a resting cursor waits, so that one passing by asks nothing; ms. */
const SETTLES = 150;

/** The moment of a host's page, for all its charts: pinned in the address as `at=`, else that of the cursor. */
export function provideMoment(): Moment {
  const route = useRoute();
  const router = useRouter();
  const hovered = ref<number | null>(null);
  const settled = refDebounced(hovered, SETTLES);
  const pinned = computed(() => {
    const asked = route.query['at'];
    return typeof asked === 'string' && /^\d{1,15}$/.test(asked) ? Number(asked) : null;
  });

  function pin(time: number | null): void {
    const { at: _at, ...rest } = route.query;
    void router.replace({ query: time === null ? rest : { ...rest, at: String(Math.round(time)) } });
  }

  const moment: Moment = {
    at: computed(() => pinned.value ?? settled.value),
    pinned,
    hover: (time) => {
      hovered.value = time;
    },
    pin,
  };
  provide(MOMENT, moment);
  return moment;
}
