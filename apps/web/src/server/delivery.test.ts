import { expect, it } from 'vitest';
import type { ServerProcess } from '../api/types.ts';
import { readingsOf, remember } from './counters.ts';
import { deliveryOf } from './delivery.ts';
import { aProcess } from './sample-processes.testkit.ts';

const NOW = 1_000_000;
function stations(processes: readonly ServerProcess[], before: readonly ServerProcess[] = []) {
  const history = remember(remember(new Map(), before), processes);
  return new Map(deliveryOf(processes, readingsOf(processes, history), NOW).map((station) => [station.name, station]));
}
const factsOf = (found: ReturnType<typeof stations>, name: string) =>
  Object.fromEntries((found.get(name)?.facts ?? []).map(({ label, ...fact }) => [label, fact]));

it('shows flows by the second, and what should not happen with its reasons', () => {
  const parts = (samples: number, refused: number) => ({
    broker: { clients: 3, messages_received: samples, bytes_received: samples * 1000, refused_bad_token: refused },
    ingest: { samples, invalid_json: 2, invalid_schema: 1 },
  });
  const found = stations([aProcess({ parts: parts(100, 4) })], [aProcess({ last_seen: NOW - 10_000, parts: parts(50, 3) })]);
  expect(factsOf(found, 'Broker')).toMatchObject({
    Clients: { value: { text: '3' } },
    Received: { value: { text: '5.00', unit: 'kB/s' } },
    Refused: { value: { text: '4' }, detail: 'bad token 4', tone: 'warn' },
  });
  expect(factsOf(found, 'Ingest')).toMatchObject({
    'Samples, acknowledged': { value: { text: '5.00', unit: '/s' }, also: '100' },
    Invalid: { value: { text: '3' }, detail: 'json 2, schema 1' },
  });
  expect(factsOf(found, 'Ingest')['Invalid']).not.toHaveProperty('tone');
});

it('says what a part is that is not there: an external broker, no journal', () => {
  const found = stations([aProcess({ parts: { ingest: { samples: 1 }, store: { commits: 5, file_bytes: 2048 } } })]);
  expect(found.get('Broker')?.absent).toContain('external');
  expect(found.get('Journal')?.absent).toContain('embedded store');
  expect(factsOf(found, 'Store')['On disk']).toMatchObject({ value: { text: '2.00', unit: 'KiB' } });
});

it('does not claim what it cannot know while the store is silent', () => {
  const alone = [aProcess({ parts: { live: { hosts_online: 1 } } })];
  const absent = deliveryOf(alone, readingsOf(alone, new Map()), NOW, false)
    .slice(0, 3)
    .map((station) => station.absent);
  expect(new Set(absent)).toEqual(new Set(['Not known: no process that is heard of tells.']));
});

it('adds up the journals, and marks them while the store takes nothing', () => {
  const ingest = {
    samples: 1,
    drain_lag_ms: 120_000,
    drain_lag_samples: 10,
    drain_lag_bytes: 1024,
    journal_bytes: 4096,
    drain_state_waiting: 1,
  };
  const one = (instance: string) => aProcess({ instance, degraded: ['store'], parts: { ingest: { ...ingest, drain_retries_503: 7 } } });
  const found = stations([one('a'), one('b')]);
  expect(found.get('Journal')?.tone).toBe('warn');
  expect(found.get('Ingest')?.tone).toBe('ok');
  expect(factsOf(found, 'Journal')).toMatchObject({
    Waiting: { value: { text: '20' }, also: '2.00 KiB', tone: 'warn' },
    'Oldest waits': { value: { text: '2m' } },
    Drain: { value: 'waits to try again' },
    'Writes tried again': { value: { text: '14' }, detail: '503 14' },
  });
});

it('leaves out what a silent process said last, and lists every drop', () => {
  const gone = aProcess({ instance: 'b', last_seen: NOW - 100_000, parts: { ingest: { samples: 7 }, api: { ws_dropped_slow: 9 } } });
  const found = stations([aProcess({ parts: { ingest: { samples: 1, dead_letters_dropped: 2 } } }), gone]);
  expect(factsOf(found, 'Ingest')['Samples, acknowledged']?.also).toBe('1');
  expect(Object.keys(factsOf(found, 'Set aside and dropped'))).toEqual(['Dead letters', 'ingest dead letters dropped']);
});
