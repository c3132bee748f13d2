import { describe, expect, it } from 'vitest';
import type { SeriesAsk } from '../api/series.ts';
import type { LiveSample, Row } from '../api/types.ts';
import { extend } from './tail.ts';

const ask: SeriesAsk = { measurement: 'cpu', field: 'usage_active', aggregate: 'mean', groupBy: ['cpu'], where: ['!cpu:cpu-total'] };
const sample = (time: number, values: Readonly<Record<string, number | string>>): LiveSample => ({
  host: 'a',
  tier: 'fast',
  time,
  interval: 5,
  latest: { cpu: Object.entries(values).map(([cpu, usage_active]): Row => ({ tags: { cpu }, fields: { usage_active } })) },
  rates: { net: [{ tags: { interface: 'eth0' }, fields: { bytes_recv: 7 } }] },
  errors: [],
});
const columns = { times: [100_000, 105_000], step: 5000, unit: null, series: [{ tags: { cpu: 'cpu0' }, values: [10, 20] }] };

describe('live tail of a chart', () => {
  it('adds a bucket for a new sample, empty ones before it, and leaves out what the condition excludes', () => {
    const { times, series } = extend(columns, [sample(121_000, { cpu0: 40, 'cpu-total': 99 })], ask, 110_000);
    expect(times).toEqual([100_000, 105_000, 110_000, 115_000, 120_000]);
    expect(series).toEqual([{ tags: { cpu: 'cpu0' }, values: [10, 20, null, null, 40] }]);
  });

  it('makes the newest bucket the mean of what it had and what came', () => {
    const wide = { ...columns, times: [0, 60_000], step: 60_000, series: [{ tags: { cpu: 'cpu0' }, values: [10, 20] }] };
    // Asked 20 s into the bucket: its 20 stands for four samples.
    const { series } = extend(wide, [sample(81_000, { cpu0: 40 }), sample(86_000, { cpu0: 50 })], ask, 80_000);
    expect(series[0]?.values[1]).toBeCloseTo((4 * 20 + 40 + 50) / 6, 9);
  });

  it('starts a line for a series that was not there before, also from decimal strings', () => {
    const { series } = extend(columns, [sample(110_500, { cpu1: '12' })], ask, 110_000);
    expect(series[1]).toEqual({ tags: { cpu: 'cpu1' }, values: [null, null, 12] });
  });

  it('reads counters as their change per second', () => {
    const rates: SeriesAsk = { measurement: 'net', field: 'bytes_recv', aggregate: 'rate', groupBy: ['interface'] };
    const { series } = extend({ ...columns, series: [] }, [{ ...sample(110_500, {}), latest: { net: [] } }], rates, 110_000);
    expect(series).toEqual([{ tags: { interface: 'eth0' }, values: [null, null, 7] }]);
  });

  it('leaves the answer alone if nothing came since', () => {
    expect(extend(columns, [sample(101_000, { cpu0: 99 })], ask, 110_000)).toBe(columns);
    expect(extend({ ...columns, times: [], series: [] }, [sample(110_500, { cpu0: 1 })], ask, 110_000).series).toEqual([]);
  });
});
