import { defineStore } from 'pinia';
import { ref } from 'vue';

export type Theme = 'dark' | 'light';
const KEY = 'hostwire-theme';

/** Dark or light. `theme.js` sets it before the first paint; this is the same choice, changed by a button. */
export const useTheme = defineStore('theme', () => {
  const theme = ref<Theme>(document.documentElement.dataset['theme'] === 'light' ? 'light' : 'dark');

  function toggle(): void {
    theme.value = theme.value === 'dark' ? 'light' : 'dark';
    document.documentElement.dataset['theme'] = theme.value;
    try {
      localStorage.setItem(KEY, theme.value);
    } catch {
      // Storage can be switched off; then the choice holds until the page is left.
    }
  }

  return { theme, toggle };
});
