// A file of its own, loaded before the first paint: the Content-Security-Policy forbids inline scripts.
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem('hostwire-theme');
  } catch {
    // Storage can be switched off; then the system's choice holds.
  }
  if (theme !== 'dark' && theme !== 'light') theme = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
  document.documentElement.dataset.theme = theme;
})();
