import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type History, isLevel, isSilent, rateOf, readingsOf, reasonsOf, remember, totalOf, withLast, written } from './counters.ts';
import { aProcess, aServer } from './sample-processes.testkit.ts';

const at = (last_seen: number, samples: number, change = {}) => aProcess({ last_seen, parts: { ingest: { samples } }, ...change });
const told = (...reports: ReturnType<typeof aProcess>[]): History =>
  reports.reduce<History>((history, report) => remember(history, [report]), new Map());

describe('change of a counter', () => {
  it('is counted between reports of the last minute, not known after one', () => {
    expect(rateOf(told(at(1000, 5)), 'a/all', 'ingest', 'samples')).toBeNull();
    expect(rateOf(told(at(1000, 5), at(11_000, 25)), 'a/all', 'ingest', 'samples')).toBe(2);
    // The first is too old to say how much it is now.
    expect(rateOf(told(at(0, 0), at(60_000, 600), at(70_000, 600)), 'a/all', 'ingest', 'samples')).toBe(0);
  });

  it('begins anew with a process that was started again, and counts from nothing what was not there', () => {
    expect(rateOf(told(at(1000, 900), at(11_000, 5, { started_at: 9000 })), 'a/all', 'ingest', 'samples')).toBeNull();
    const grown = aProcess({ last_seen: 11_000, parts: { ingest: { samples: 5, clock: 10 } } });
    expect(rateOf(told(at(1000, 5), grown), 'a/all', 'ingest', 'clock')).toBe(1);
  });

  it('does not count a report twice that came again', () => {
    const history = told(at(1000, 5), at(31_000, 35), at(31_000, 35));
    expect(history.get('a/all')?.length).toBe(2);
    expect(rateOf(history, 'a/all', 'ingest', 'samples')).toBe(1);
  });

  it('is never negative or nonsense, whatever the reports are', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(200_000), fc.nat(1e9)), { minLength: 1, maxLength: 8 }), (reports) => {
        const history = told(...reports.map(([time, samples]) => at(time, samples)));
        const rate = rateOf(history, 'a/all', 'ingest', 'samples');
        expect(rate === null || (Number.isFinite(rate) && rate >= 0)).toBe(true);
      }),
    );
  });
});

describe('names', () => {
  it.each(['clients', 'resident_memory_bytes', 'drain_lag_ms', 'drain_state_waiting', 'hosts_never_connected', 'journal_segments'])(
    '%s is a level',
    (name) => expect(isLevel(name)).toBe(true),
  );
  it.each(['samples', 'bytes_received', 'refused_bad_token', 'invalid_schema', 'journal_syncs', 'commits', 'drain_retries_503'])(
    '%s is a counter',
    (name) => expect(isLevel(name)).toBe(false),
  );

  it('writes a level in the unit that its name says', () => {
    expect(written('journal_bytes', 2 ** 30)).toEqual({ text: '1.00', unit: 'GiB' });
    expect(written('uptime_seconds', 7200)).toEqual({ text: '2.00', unit: 'h' });
    expect(written('samples', 123_456)).toEqual({ text: '123456', unit: '' });
  });
});

it('adds up over processes, and lists reasons by their number', () => {
  const parts = { broker: { refused_bad_token: 3, refused_timeout: 9 } };
  const readings = readingsOf([aProcess({ parts }), aProcess({ instance: 'b/all', parts })], new Map());
  expect(reasonsOf(readings, 'broker', 'refused')).toEqual([
    { reason: 'timeout', value: 18 },
    { reason: 'bad token', value: 6 },
  ]);
  expect(totalOf(readings, ({ name }) => name === 'refused_timeout')).toEqual({ value: 18, perSecond: null });
  expect(totalOf(readings, () => false)).toEqual({ value: null, perSecond: null });
});

it('calls a process silent after three reports that did not come', () => {
  expect(isSilent(aProcess({ last_seen: 1000 }), 91_000)).toBe(false);
  expect(isSilent(aProcess({ last_seen: 1000 }), 91_001)).toBe(true);
});

it('keeps the other processes as they were last known while the store through which they are heard of is silent', () => {
  const [own, other] = [aProcess(), aProcess({ instance: 'b/ingest', last_seen: 900_000 })];
  const last = aServer({ processes: [own, other] });
  const alone = aServer({ gaps_24h: null, processes: [aProcess({ last_seen: 1_100_000 })] });
  expect(withLast(alone, last).processes.map(({ instance, last_seen }) => [instance, last_seen])).toEqual([
    ['a/all', 1_100_000],
    ['b/ingest', 900_000],
  ]);
  expect(withLast(alone, null)).toBe(alone);
  // Where the store answers, who is not there any more is gone.
  expect(withLast(aServer(), last).processes).toEqual([own]);
});
