import { watchEffect } from 'vue';
import { useAlerts } from '../stores/alerts.ts';

/** Document title "(3) Fleet - Hostwire" with the count of open alerts, and the favicon in the shape of the worst. */
export function usePageTitle(name: () => string): void {
  const alerts = useAlerts();
  watchEffect(() => {
    const urgent = alerts.open.filter(({ severity }) => severity !== 'info');
    document.title = `${urgent.length > 0 ? `(${urgent.length}) ` : ''}${name()} - Hostwire`;
    const shape = urgent.some(({ severity }) => severity === 'critical') ? 'critical' : urgent.length > 0 ? 'warning' : 'ok';
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    const address = `/favicon-${shape}.svg`;
    if (icon !== null && icon.getAttribute('href') !== address) icon.setAttribute('href', address);
  });
}
