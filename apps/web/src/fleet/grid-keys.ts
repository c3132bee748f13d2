import { useEventListener } from '@vueuse/core';
import { nextTick, type Ref, ref, watch } from 'vue';

/**
 * One tab stop for a grid of links: arrows move by what is beside and below on the screen, Home and End to the ends.
 */
export function useGridKeys(grid: Readonly<Ref<HTMLElement | null>>, names: Readonly<Ref<readonly string[]>>) {
  const current = ref<string | null>(null);

  watch(
    [names, grid],
    async () => {
      if (current.value === null || !names.value.includes(current.value)) current.value = names.value[0] ?? null;
      await nextTick();
      for (const link of links()) link.tabIndex = link.dataset['host'] === current.value ? 0 : -1;
    },
    { immediate: true, flush: 'post' },
  );

  function links(): HTMLElement[] {
    return [...(grid.value?.querySelectorAll<HTMLElement>('a[data-host]') ?? [])];
  }

  function move(event: KeyboardEvent): void {
    const all = links();
    const from = all.indexOf(document.activeElement as HTMLElement);
    const to = from < 0 ? null : target(all, from, event.key);
    if (to === null || to === undefined) return;
    event.preventDefault();
    for (const link of all) link.tabIndex = link === to ? 0 : -1;
    current.value = to.dataset['host'] ?? null;
    to.focus();
  }
  useEventListener(grid, 'keydown', move);
}

function target(all: readonly HTMLElement[], from: number, key: string): HTMLElement | null | undefined {
  if (key === 'ArrowRight') return all[from + 1];
  if (key === 'ArrowLeft') return all[from - 1];
  if (key === 'Home') return all[0];
  if (key === 'End') return all.at(-1);
  if (key !== 'ArrowDown' && key !== 'ArrowUp') return null;
  const here = all[from]?.getBoundingClientRect();
  if (here === undefined) return null;
  const sign = key === 'ArrowDown' ? 1 : -1;
  const column = all.filter((link) => {
    const box = link.getBoundingClientRect();
    return Math.abs(box.left - here.left) < 4 && sign * (box.top - here.top) > 4;
  });
  return sign > 0 ? column[0] : column.at(-1);
}
