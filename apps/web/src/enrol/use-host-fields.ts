import { computed, reactive } from 'vue';
import { groupProblem, type Labels, readLabels, writeLabels } from '../fleet/labels.ts';

/** Group and labels as they are typed, and what they mean. */
export function useHostFields(group: string | null = null, labels: Labels = {}) {
  const text = reactive({ group: group ?? '', labels: writeLabels(labels) });
  const read = computed(() => readLabels(text.labels));
  const problems = computed(() => ({
    group: groupProblem(text.group.trim()),
    labels: read.value.ok ? null : read.value.problem,
  }));
  return reactive({
    text,
    problems,
    valid: computed(() => problems.value.group === null && problems.value.labels === null),
    group: computed(() => (text.group.trim() === '' ? null : text.group.trim())),
    labels: computed<Labels>(() => (read.value.ok ? read.value.labels : {})),
    /** Begins again with these. */
    set: (to: string | null, own: Labels): void => {
      text.group = to ?? '';
      text.labels = writeLabels(own);
    },
  });
}

export type HostFields = ReturnType<typeof useHostFields>;
