import fc from 'fast-check';

/*
 * Left out is what InfluxDB answers by chance: which of several points with one value percentile() finds, remainders of
 * sums that differ in the last digit, what follows a bucket with too few points for percentile(); and abs() of integers, which 1.6 gets wrong.
 */
const field = fc.constantFrom('usage', 'count', 'sparse');
const aggregate = fc.constantFrom('mean', 'sum', 'count', 'min', 'max', 'first', 'last', 'spread', 'stddev', 'median');
const call = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(aggregate, field).map(([name, of]) => `${name}(${of})`) },
  { weight: 1, arbitrary: fc.integer({ min: 50, max: 100 }).map((n) => `percentile(usage, ${n})`) },
  { weight: 1, arbitrary: fc.constantFrom('first(state)', 'last(up)', 'count(state)', 'count(distinct(state))') },
);
const numericCall = fc.tuple(fc.constantFrom('mean', 'sum', 'max', 'last'), field).map(([name, of]) => `${name}(${of})`);
const changed = fc
  .tuple(
    fc.constantFrom('derivative', 'non_negative_derivative', 'difference', 'non_negative_difference', 'cumulative_sum', 'moving_average'),
    numericCall,
  )
  .map(([name, inner]) => (name === 'moving_average' ? `${name}(${inner}, 2)` : `${name}(${inner})`));
const arithmetic = fc
  .tuple(numericCall, fc.constantFrom('+', '-', '*', '/'), fc.oneof(numericCall, fc.constantFrom('2', '0.5', '0')))
  .map((parts) => parts.join(' '));

const tagTest = fc.constantFrom(
  "host = 'alpha'",
  "host != 'beta'",
  'host =~ /a$/',
  'host !~ /^a/',
  "region = ''",
  "region = 'eu'",
  "cpu = 'cpu0'",
  "(host = 'alpha' OR region = 'us')",
);
const fieldTest = fc.constantFrom(
  'usage > 30',
  'count <= 10',
  'sparse >= 0',
  "state = 'idle'",
  'up = true',
  '(usage < 20 OR count > 30)',
  'usage > count',
);

/** Start and length in seconds within and around the data. */
const range = fc
  .tuple(fc.integer({ min: -600, max: 7000 }), fc.integer({ min: 1, max: 7200 }), fc.constantFrom('>', '>='), fc.constantFrom('<', '<='))
  .map(([from, length, above, below]) => `time ${above} ${1_600_000_000 + from}s AND time ${below} ${1_600_000_000 + from + length}s`);

const dimensions = fc.constantFrom('', 'host', 'cpu', 'host, cpu', 'region', '*', 'nope');
const interval = fc.constantFrom('1m', '90s', '7m', '10m', '1h', '10m, 3m', '1d');
const fill = fc.constantFrom('', 'fill(null)', 'fill(none)', 'fill(previous)', 'fill(linear)', 'fill(0)', 'fill(-1.5)');
const order = fc.constantFrom('', '', 'ORDER BY time DESC');
const limit = fc.constantFrom('', '', 'LIMIT 3', 'LIMIT 2 OFFSET 1', 'SLIMIT 1', 'SLIMIT 2 SOFFSET 1');

function where(...conditions: readonly (string | null)[]): string {
  const all = conditions.filter((condition) => condition !== null);
  return all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`;
}

const text = (...parts: readonly string[]) => parts.filter((part) => part !== '').join(' ');
const maybe = (condition: fc.Arbitrary<string>) => fc.option(condition, { freq: 1, nil: null });

/** Aggregates over buckets of time, with everything that goes with them. */
export const bucketQuery: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(fc.oneof(call, call, changed, arithmetic), { minLength: 1, maxLength: 3 }),
    range,
    maybe(tagTest),
    maybe(fieldTest),
    interval,
    dimensions,
    fill,
    order,
    limit,
  )
  .map(([fields, time, tag, value, every, tags, filled, ordered, limited]) =>
    text(
      `SELECT ${fields.join(', ')} FROM cpu`,
      where(time, tag, value),
      `GROUP BY time(${every})${tags === '' ? '' : `, ${tags}`}`,
      filled,
      ordered,
      limited,
    ),
  );

/** Aggregates over all of a range. */
export const wholeQuery: fc.Arbitrary<string> = fc
  .tuple(fc.array(fc.oneof(call, arithmetic), { minLength: 2, maxLength: 3 }), maybe(range), maybe(tagTest), maybe(fieldTest), dimensions)
  .map(([fields, time, tag, value, tags]) =>
    text(`SELECT ${fields.join(', ')} FROM cpu`, where(time, tag, value), tags === '' ? '' : `GROUP BY ${tags}`),
  );

/** Rows of single series, so that no LIMIT cuts among rows of one time, of which InfluxDB's order is arbitrary. */
export const rowQuery: fc.Arbitrary<string> = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom('usage', 'count', 'sparse', 'state', 'up', 'host', 'usage + count', 'count % 3', 'floor(usage)'), {
      minLength: 1,
      maxLength: 4,
    }),
    maybe(range),
    maybe(tagTest),
    maybe(fieldTest),
    order,
    limit,
  )
  .map(([fields, time, tag, value, ordered, limited]) =>
    text(`SELECT ${fields.join(', ')} FROM cpu`, where(time, tag, value), 'GROUP BY host, cpu, region', ordered, limited),
  );
