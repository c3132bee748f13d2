import { type Ref, ref, watch } from 'vue';

const SETTLES_FOR = 10_000;

/**
 * The order of `sorted`, but calm: it changes at most every 10 s and never while `held` (pointer or focus in the
 * grid). What is new comes at its place at once, what is gone leaves at once. `key` starts afresh (another sort).
 */
export function useSettledOrder<T>(
  sorted: Readonly<Ref<readonly T[]>>,
  identity: (item: T) => string,
  held: Readonly<Ref<boolean>>,
  key: Readonly<Ref<string>>,
  clock: () => number = Date.now,
): Readonly<Ref<readonly T[]>> {
  let order: readonly string[] = [];
  let settledAt = Number.NEGATIVE_INFINITY;
  let settledKey = key.value;
  const shown = ref(sorted.value) as Ref<readonly T[]>;

  watch(
    [sorted, held, key],
    () => {
      const fresh = settledKey !== key.value || (!held.value && clock() - settledAt >= SETTLES_FOR);
      const next = fresh ? sorted.value : keepOrder(order, sorted.value, identity);
      if (fresh) {
        settledAt = clock();
        settledKey = key.value;
      }
      order = next.map(identity);
      shown.value = next;
    },
    { immediate: true },
  );
  return shown;
}

/** `items` in the old order; new ones behind the item that they follow in the new order. */
export function keepOrder<T>(order: readonly string[], items: readonly T[], identity: (item: T) => string): readonly T[] {
  const known = new Map(items.map((item) => [identity(item), item]));
  const kept = order.filter((id) => known.has(id));
  const placed = new Set(kept);
  items.forEach((item, index) => {
    const id = identity(item);
    if (placed.has(id)) return;
    const before = index === 0 ? undefined : items[index - 1];
    const at = before === undefined ? 0 : kept.indexOf(identity(before)) + 1;
    kept.splice(at, 0, id);
    placed.add(id);
  });
  return kept.map((id) => known.get(id) as T);
}
