export const TAB_NAMES = [
  'overview',
  'processes',
  'containers',
  'services',
  'guests',
  'probes',
  'storage',
  'network',
  'metrics',
  'sample',
  'capabilities',
  'settings',
] as const;
export type TabName = (typeof TAB_NAMES)[number];

/** The tab that an address names; overview for anything else. */
export function tabIn(value: unknown): TabName {
  return TAB_NAMES.find((name) => name === value) ?? 'overview';
}
