import type { FieldType, FieldValue, Point, PointGroup } from '@hostwire/model';
import { tempDir } from '@hostwire/testkit';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Scalar } from '../series-reader.ts';
import { openEmbeddedStore } from './embedded-store.ts';
import { openReader, readPoints } from './read-points.testkit.ts';

const TYPES: Readonly<Record<string, FieldType>> = { f: 'float', i: 'int', b: 'bool', s: 'string' };
const VALUES: Readonly<Record<string, fc.Arbitrary<FieldValue>>> = {
  f: fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: 0, max: 9999 }).map((x) => x / 100),
  ),
  i: fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  b: fc.boolean(),
  s: fc.oneof(fc.constantFrom('up', 'down', '', '\0', '\u00e4\u{1f600}'), fc.string({ maxLength: 60 })),
};
const START = 1_790_000_000_000;

/** Few tags and times, so that points meet: late, again, at the same time in one group, from two sources. */
const point: fc.Arbitrary<Point> = fc.record({
  measurement: fc.constantFrom('m', 'n,\\ ='),
  tags: fc.constantFrom<Record<string, string>>({}, { host: 'a' }, { host: 'b' }, { host: 'b', 'x=,': '\\y' }, { host: '' }),
  fields: fc
    .record(VALUES as Record<'f' | 'i' | 'b' | 's', fc.Arbitrary<FieldValue>>, { requiredKeys: [] })
    .filter((of) => Object.keys(of).length > 0),
  types: fc.constant(TYPES),
});
const time = fc.oneof(
  fc.integer({ min: 0, max: 60 }).map((step) => START + step * 10_000),
  fc.integer({ min: 0, max: 50 }).map((hours) => START + hours * 3_600_000),
);
const group = fc.record({
  database: fc.constant(''),
  source: fc.constantFrom('a', 'b'),
  time,
  nanos: fc.constantFrom(0, 0, 0, 1, 999_999),
  points: fc.array(point, { maxLength: 6 }),
});
/** The same points again and again, as a host sends them. */
const repeated = fc
  .tuple(group, fc.integer({ min: 2, max: 30 }))
  .map(([one, count]) => Array.from({ length: count }, (_, i) => ({ ...one, time: one.time + i * 5000 })));
const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('write' as const), groups: repeated }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('write' as const), groups: fc.array(group, { minLength: 1, maxLength: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('compact' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('read' as const) }) },
);

/** What must be read after these writes: the last value of each series, time and field. */
function remember(model: Map<string, Map<string, Scalar>>, groups: readonly PointGroup[]): void {
  for (const { time: at, nanos = 0, points } of groups) {
    for (const { measurement, tags, fields } of points) {
      const of = model.get(measurement) ?? new Map<string, Scalar>();
      model.set(measurement, of);
      const kept = Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== ''));
      for (const [field, value] of Object.entries(fields)) {
        const number = typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
        of.set(`${JSON.stringify(kept)} ${at}.${nanos} ${field}`, typeof number === 'number' ? number + 0 : number);
      }
    }
  }
}

const sorted = (points: ReadonlyMap<string, Scalar>): [string, Scalar][] => [...points].sort(([a], [b]) => (a < b ? -1 : 1));

it('whatever is written, in any order and however often rows are moved, the last value of each series, time and field is read', async () => {
  const directory = tempDir();
  const store = await openEmbeddedStore({ directory, queryWorkers: 0 });
  const longLived = openReader(directory);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { minLength: 1, maxLength: 12 }),
      fc.array(time, { minLength: 2, maxLength: 2 }),
      async (actions, range) => {
        const database = `run${run++}`;
        const model = new Map<string, Map<string, Scalar>>();
        for (const step of actions) {
          if (step.kind === 'write') {
            const groups = step.groups.map((one) => ({ ...one, database }));
            expect(await store.write(groups)).toEqual({ rejected: [] });
            remember(model, groups);
          } else if (step.kind === 'compact') {
            await store.compactNow();
          }
          longLived.refresh();
          if (step.kind === 'read')
            for (const [name, of] of model) expect(sorted(readPoints(longLived, database, name))).toEqual(sorted(of));
        }
        const fresh = openReader(directory);
        const [from, to] = [Math.min(...range), Math.max(...range)];
        for (const [name, of] of model) {
          expect(sorted(readPoints(longLived, database, name))).toEqual(sorted(of));
          expect(sorted(readPoints(fresh, database, name))).toEqual(sorted(of));
          const part = new Map([...of].filter(([key]) => within(key, from, to)));
          expect(sorted(readPoints(longLived, database, name, from, to))).toEqual(sorted(part));
          for (const series of longLived.series(database, name)) {
            for (const field of longLived.fields(database, name).keys()) {
              const prefix = `${JSON.stringify(series.tags)} `;
              const newest = [...part]
                .filter(([key]) => key.startsWith(prefix) && key.endsWith(` ${field}`))
                .map(([key, value]) => ({ key: key.slice(prefix.length).split(' ')[0] as string, value }))
                .sort((a, b) => instant(b.key) - instant(a.key))[0];
              const last = longLived.last(series, field, from, to);
              expect(last === null ? undefined : { key: `${last.time}.${last.nanos}`, value: last.value }).toEqual(newest);
            }
          }
        }
        fresh.close();
      },
    ),
    { numRuns: 30 },
  );
  longLived.close();
  await store.close();
}, 120_000);

/** ms and nanoseconds in one number, exact for the few times that are used here. */
function instant(key: string): number {
  const [ms, nanos] = key.split('.') as [string, string];
  return (Number(ms) - START) * 1_000_000 + Number(nanos);
}

function within(key: string, from: number, to: number): boolean {
  const ms = Number((/ (\d+)\.\d+ \w$/.exec(key) as RegExpExecArray)[1]);
  return ms >= from && ms <= to;
}
