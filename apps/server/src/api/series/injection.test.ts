import type { FieldValue } from '@hostwire/model';
import { openEmbeddedStore } from '@hostwire/store';
import { tempDir } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { toColumns } from './answer.ts';
import { type SeriesPlan, toInfluxQL } from './statement.ts';

const STEP = 10_000;
const START = 1_790_000_000_000;

/** Text that would end a quote or a statement somewhere, and any other. */
const hostile = fc.oneof(
  fc.constantFrom(
    '"',
    "'",
    '\\',
    '\\"',
    "\\'",
    '" FROM "secret',
    "' OR 1=1 --",
    '; DROP DATABASE hostwire',
    '/*',
    '\n',
    '")',
    'time',
    '*',
    '::tag',
    '%00',
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
);
// The store takes no name with a NUL, as SQLite cuts text there.
const name = fc
  .tuple(hostile, hostile)
  .map(([a, b]) => `n${a}${b}`)
  .filter((text) => !text.includes('\0'));

describe('whatever stands in a question for a series', () => {
  it('stays inside its quotes: the answer is of that measurement, field and tag value, and of nothing else', async () => {
    const store = await openEmbeddedStore({ directory: tempDir() });
    onTestFinished(() => store.close());
    const point = (measurement: string, tags: Record<string, string>, fields: Record<string, FieldValue>) => ({
      measurement,
      tags,
      fields,
      types: {},
    });
    await store.write([{ database: 'hostwire', source: 'x', time: START, points: [point('secret', { host: 'a' }, { value: 666 })] }]);
    let time = START;
    await fc.assert(
      fc.asyncProperty(name, name, name, name, async (measurement, field, tag, value) => {
        time += 2 * STEP;
        const points = [
          point(measurement, { host: 'a', [tag]: value }, { [field]: 1 }),
          point(measurement, { host: 'a', [tag]: 'other' }, { [field]: 2 }),
        ];
        const { rejected } = await store.write([{ database: 'hostwire', source: 'x', time, points }]);
        expect(rejected).toEqual([]);
        const plan: SeriesPlan = {
          ...{ measurement, field, aggregate: 'sum', range: { from: time, to: time + STEP }, step: STEP, hosts: ['a'] },
          ...{ groupBy: [tag], where: [{ tag, value, exclude: false }] },
        };
        const ask = async (asked: SeriesPlan) => {
          const response = await store.query(toInfluxQL(asked), { database: 'hostwire', epoch: 'ms' });
          expect(response.results).toHaveLength(1);
          return toColumns(asked, response).series;
        };
        expect(await ask(plan)).toEqual([{ tags: { [tag]: value }, values: [1] }]);
        expect(await ask({ ...plan, where: [{ tag, value, exclude: true }] })).toEqual([{ tags: { [tag]: 'other' }, values: [2] }]);
      }),
      { numRuns: 150 },
    );
  });
});
