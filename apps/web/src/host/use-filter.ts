import { computed, ref } from 'vue';

/** The items that have every word of a text in what `textOf` says of them. */
export function useFilter<T>(items: () => readonly T[], textOf: (item: T) => string) {
  const text = ref('');
  const kept = computed(() => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    return items().filter((item) => words.every((word) => textOf(item).toLowerCase().includes(word)));
  });
  return { text, kept };
}
