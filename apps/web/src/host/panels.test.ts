import { describe, expect, it } from 'vitest';
import type { Columns } from '../charts/tail.ts';
import { isWholeDisk, linesOf, MOST_LINES, OVERVIEW, total } from './panels.ts';

const context = { detail: null, interval: 5000 };
const columns = (series: readonly (readonly [tags: Record<string, string>, values: (number | null)[]])[]): Columns => ({
  times: [0, 5000, 10_000],
  step: 5000,
  unit: null,
  series: series.map(([tags, values]) => ({ tags, values })),
});
const panel = (id: string) => OVERVIEW.find((spec) => spec.id === id);

describe('panels of a host', () => {
  it('stack the CPU modes and add them up for now, without modes that never matter', () => {
    const values = [48, 2, 20, 5, 0.1, 0.2, 1];
    const model = panel('cpu')?.build(
      values.map((value) => columns([[{}, [value, value, value]]])),
      context,
    );
    expect(model?.lines.map(({ label }) => label)).toEqual(['user', 'system', 'iowait', 'steal']);
    expect(model?.now).toEqual([76]);
    expect(model?.lines[0]?.values).toEqual([50, 50, 50]);
    expect(model?.y).toEqual({ kind: 'fixed', low: 0, high: 100 });
  });

  it('draw memory over the whole, in one unit', () => {
    const gib = 2 ** 30;
    const model = panel('memory')?.build(
      [columns([[{}, [4 * gib, null, 4 * gib]]]), columns([[{}, [12 * gib, null, 12 * gib]]]), columns([[{}, [2 * gib, null, 2 * gib]]])],
      context,
    );
    expect(model?.unitWords).toBe('GiB of 16');
    expect(model?.lines.map(({ values }) => values)).toEqual([
      [4, undefined, 4],
      [10, undefined, 10],
    ]);
  });

  it('mirror what goes out, and count a disk once', () => {
    const io = columns([
      [{ name: 'sda' }, [1e6, 2e6, 3e6]],
      [{ name: 'sda1' }, [1e6, 2e6, 3e6]],
      [{ name: 'loop0' }, [9e9, 9e9, 9e9]],
    ]);
    const model = panel('disk')?.build([io, io], context);
    expect(model?.unitWords).toBe('MB/s, reads up, writes down');
    expect(model?.lines.map(({ values, down }) => [values, down === true])).toEqual([
      [[1, 2, 3], false],
      [[1, 2, 3], true],
    ]);
  });

  it('say nothing of what was not answered', () => {
    for (const spec of OVERVIEW) {
      const model = spec.build(
        spec.sources.map(() => columns([])),
        context,
      );
      expect(model?.lines ?? []).toEqual([]);
      expect((model?.now ?? []).every((value) => value === null)).toBe(true);
    }
  });
});

it.each([
  ['sda', true],
  ['sda1', false],
  ['nvme0n1', true],
  ['nvme0n1p2', false],
  ['mmcblk0', true],
  ['mmcblk0p1', false],
  ['vda', true],
  ['loop3', false],
  ['dm-0', false],
])('%s is a whole disk: %s', (name, whole) => expect(isWholeDisk(name)).toBe(whole));

it('draws at most eight lines, the highest', () => {
  const many = columns(Array.from({ length: 12 }, (_, n) => [{ name: `d${n}` }, [n, n, n]] as const));
  const lines = linesOf(many, ({ tags }) => tags['name'] ?? '', 5000);
  expect(lines.length).toBe(MOST_LINES);
  expect(lines[0]?.label).toBe('d11');
  expect(new Set(lines.map(({ color }) => color)).size).toBe(MOST_LINES);
});

it('sums bucket by bucket; unknown only where nobody knows', () => {
  expect(
    total(
      columns([
        [{}, [1, null, null]],
        [{}, [2, 3, null]],
      ]).series,
    ),
  ).toEqual([3, 3, null]);
});
