import { defineStore } from 'pinia';
import { ref } from 'vue';

export interface Toast {
  readonly id: number;
  /** `warn` stays until it is closed. */
  readonly kind: 'done' | 'warn';
  readonly text: string;
  readonly undo?: () => void;
}

const STAYS = 6000;

/** Short messages about what just happened, with Undo where it can be undone. */
export const useToasts = defineStore('toasts', () => {
  const list = ref<Toast[]>([]);
  const timers = new Map<number, ReturnType<typeof setTimeout>>();
  let last = 0;

  function show(toast: Omit<Toast, 'id'>): void {
    const id = ++last;
    list.value = [...list.value.slice(-2), { ...toast, id }];
    if (toast.kind === 'done') resume(id);
  }

  function close(id: number): void {
    hold(id);
    list.value = list.value.filter((toast) => toast.id !== id);
  }

  /** Stops the clock of a toast, while the pointer or the focus is on it. */
  function hold(id: number): void {
    clearTimeout(timers.get(id));
    timers.delete(id);
  }

  function resume(id: number): void {
    if (list.value.find((toast) => toast.id === id)?.kind !== 'done') return;
    hold(id);
    timers.set(
      id,
      setTimeout(() => close(id), STAYS),
    );
  }

  return { list, show, close, hold, resume };
});
