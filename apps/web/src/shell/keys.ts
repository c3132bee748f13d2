import { useEventListener } from '@vueuse/core';
import { useRouter } from 'vue-router';

/** Is the key meant for a text field, or part of a shortcut of the browser? */
export function isTyping(event: KeyboardEvent): boolean {
  const { target } = event;
  const field = target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));
  return field || event.ctrlKey || event.metaKey || event.altKey;
}

const PAGES: Readonly<Record<string, string>> = { f: 'fleet', a: 'alerts', s: 'sessions', v: 'server', n: 'add-host' };
const CHORD = 1500;

/** "g" and then "f", "a", "s", "v" or "n" goes to a page; "?" calls `help`. */
export function useShellKeys(help: () => void): void {
  const router = useRouter();
  let chordAt = Number.NEGATIVE_INFINITY;
  useEventListener(window, 'keydown', (event: KeyboardEvent) => {
    if (isTyping(event)) return;
    const page = PAGES[event.key];
    if (event.key === 'g') chordAt = event.timeStamp;
    else if (event.key === '?') help();
    else if (page !== undefined && event.timeStamp - chordAt < CHORD) void router.push({ name: page });
  });
}
