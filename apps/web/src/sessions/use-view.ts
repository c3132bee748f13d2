import { computed } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { SORTS, type Sort, STANDARD_SORT, TABS, type Tab } from './session.ts';

/** What the page of sessions shows, kept in the address so that it can be sent to somebody. */
export function useSessionsView() {
  const route = useRoute();
  const router = useRouter();
  const param = (name: string): string => {
    const value = route.query[name];
    return typeof value === 'string' ? value : '';
  };
  const set = (name: string, value: string): void => {
    const { [name]: _, ...rest } = route.query;
    void router.replace({ query: value === '' ? rest : { ...rest, [name]: value } });
  };
  const kept = (name: string) => computed({ get: () => param(name), set: (value) => set(name, value) });

  const tab = computed<Tab>(() => TABS.find((one) => one === param('tab')) ?? 'active');
  const standard = computed<Sort>(() => (tab.value === 'hosts' ? 'name' : STANDARD_SORT[tab.value]));
  const sort = computed<Sort>({
    get: () => (param('sort') in SORTS ? (param('sort') as Sort) : standard.value),
    set: (value) => set('sort', value === standard.value ? '' : value),
  });
  return { tab, sort, text: kept('q'), host: kept('host'), open: kept('open') };
}
