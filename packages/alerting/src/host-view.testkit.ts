import { toCatalog } from '@hostwire/model';
import type { HostView } from './observe.ts';
import type { RuleTable } from './rule.ts';

/** A catalog of one collector, in which rules are checked. */
export const catalog = toCatalog([
  {
    name: 'cpu',
    tier: 'fast',
    help: '',
    measurements: {
      cpu: {
        help: '',
        tags: { cpu: 'core' },
        fields: {
          usage_active: { type: 'float', unit: 'percent', kind: 'gauge', help: '' },
          time_active: { type: 'float', unit: 's', kind: 'counter', help: '' },
          model: { type: 'string', unit: '1', kind: 'state', help: '' },
        },
      },
    },
  },
]);

/** A host that is online and has told nothing, but for what is said. */
export function view(change: Partial<HostView>): HostView {
  return {
    host: 'pve1',
    group: null,
    labels: {},
    state: 'online',
    lastSampleAt: 0,
    lastSeenAt: 0,
    interval: 10,
    offlineSince: null,
    conflict: null,
    latest: () => undefined,
    ...change,
  };
}

/** A rule as a file has it: cpu above a limit for a time. */
export const table: RuleTable = {
  name: 'high_cpu',
  severity: 'warning',
  condition: 'above',
  measurement: 'cpu',
  field: 'usage_active',
  where: { cpu: 'cpu-total' },
  threshold: 90,
  clear_threshold: 80,
  for: '2m',
  summary: 'CPU {value} %, limit {threshold} %',
};
