import { describe, expect, it } from 'vitest';
import type { Catalog, HostDetail } from '../api/types.ts';
import { metricPanel, withUndeclared } from './metric.ts';

const mem = {
  help: '',
  collector: 'mem',
  tier: 'fast',
  tags: {},
  fields: { used: { type: 'int', unit: 'bytes', kind: 'gauge', help: '' } },
};
const catalog: Catalog = { hash: 'x', measurements: { mem } };
const detailOf = (latest: unknown) => ({ latest }) as HostDetail;

describe('withUndeclared', () => {
  const rows = [
    { tags: { source: 'ups', model: 'a' }, fields: { load: 12, on: true } },
    { tags: { source: 'ups' }, fields: { mode: 'line' } },
  ];
  const known = withUndeclared(catalog, detailOf({ custom_ups: { rows, tier: 'slow' }, mem: { rows: [], tier: 'fast' } }));

  it('adds what a host measures of its own, with the tags and fields of its newest rows', () => {
    expect(known.measurements['custom_ups']).toMatchObject({ tier: 'slow', tags: { source: '', model: '' } });
    expect(Object.entries(known.measurements['custom_ups']?.fields ?? {}).map(([name, { type, kind }]) => [name, type, kind])).toEqual([
      ['load', 'float', 'gauge'],
      ['on', 'bool', 'state'],
      ['mode', 'string', 'state'],
    ]);
    expect(known.measurements['mem']).toBe(mem);
  });

  it('makes numbers of it drawable', () => {
    const choice = { measurement: 'custom_ups', field: 'load', aggregate: 'mean', by: 'model', only: {} } as const;
    expect(metricPanel(known, choice)?.sources).toMatchObject([{ measurement: 'custom_ups', field: 'load', by: ['model'] }]);
    expect(metricPanel(known, { ...choice, field: 'mode' })).toBeNull();
  });

  it('is the catalog itself where there is nothing more', () => {
    expect(withUndeclared(catalog, detailOf({ mem: { rows: [], tier: 'fast' } }))).toBe(catalog);
    expect(withUndeclared(catalog, null)).toBe(catalog);
  });
});
