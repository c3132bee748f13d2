import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Catalog, type Sample, toCatalog } from '@hostwire/model';
import { StoreError } from '@hostwire/store';
import { waitFor } from '@hostwire/testkit';
import { gzipPayload } from '@hostwire/transport';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode, makeSample, NOW, type Rig, rig, topics } from './ingest.testkit.ts';

interface Letter {
  readonly time: string;
  readonly topic: string;
  readonly reason: string;
  readonly message: string;
  readonly payload: string;
}

const letters = ({ folder }: Rig): Letter[] =>
  readdirSync(folder).flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Letter),
  );

/** All that was answered with `clock`; how it was divided into messages depends on when. */
const clocks = ({ acks }: Rig): number[] =>
  acks
    .flatMap(({ ack }) => ack.clock ?? [])
    .flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index))
    .sort((a, b) => a - b);

const seqs = ({ acks }: Rig): unknown[] => acks.map(({ ack }) => ack.seqs);

describe('accepting', () => {
  it('resolves and acknowledges after the commit, and not before', async () => {
    const made = rig();
    const release = made.store.hold();
    let done = false;
    const accepted = made.accept(makeSample()).then(() => {
      done = true;
    });
    await waitFor(() => made.store.writes.length === 1);
    await new Promise((proceed) => setTimeout(proceed, 30));
    expect({ done, acks: made.acks }).toEqual({ done: false, acks: [] });
    release();
    await accepted;
    expect(made.acks).toEqual([{ host: 'pve1', ack: { run: 'r1', seqs: [[1, 1]], time: NOW } }]);
    expect(made.store.commits[0]?.[0]).toMatchObject({ database: 'hostwire', source: 'pve1/fast', time: NOW });
  });

  it('writes what waits together in one commit, and acknowledges it in ranges', async () => {
    const made = rig();
    const release = made.store.hold();
    const all = [made.accept(makeSample({ seq: 1 }))];
    await waitFor(() => made.store.writes.length === 1);
    for (const seq of [2, 3, 4, 7]) all.push(made.accept(makeSample({ seq })));
    for (const seq of [1, 2]) all.push(made.accept(makeSample({ host: 'pve2', run: 'x', seq })));
    release();
    await Promise.all(all);
    expect(made.store.commits.map((groups) => groups.length)).toEqual([1, 6]);
    expect(made.acks).toEqual([
      { host: 'pve1', ack: { run: 'r1', seqs: [[1, 1]], time: NOW } },
      {
        host: 'pve1',
        ack: {
          run: 'r1',
          seqs: [
            [2, 4],
            [7, 7],
          ],
          time: NOW,
        },
      },
      { host: 'pve2', ack: { run: 'x', seqs: [[1, 2]], time: NOW } },
    ]);
  });

  it('takes gzip', async () => {
    const made = rig();
    await made.acceptRaw(topics.sample('pve1', 'fast'), gzipPayload(encode(makeSample())));
    expect(made.store.commits).toHaveLength(1);
  });

  it('rejects and acknowledges nothing while the store does not take it, and says so once', async () => {
    const made = rig();
    made.store.fail = () => new StoreError('unavailable', 'disk full');
    for (let attempt = 0; attempt < 3; attempt++) await expect(made.accept(makeSample())).rejects.toThrow('disk full');
    expect(made.ingest.stats()).toEqual({ queuedBytes: 0, storeAvailable: false, journal: null, drain: null });
    expect(made.logger.lines).toHaveLength(1);
    made.store.fail = () => new TypeError('a bug is no reason to lose data');
    await expect(made.accept(makeSample())).rejects.toThrow('a bug');
    expect(made.acks).toEqual([]);
    made.store.fail = null;
    await made.accept(makeSample());
    expect(made.ingest.stats().storeAvailable).toBe(true);
    expect(seqs(made)).toEqual([[[1, 1]]]);
    expect(made.logger.lines).toHaveLength(2);
  });

  it('waits while its queue is full', async () => {
    const made = rig({ maxQueueBytes: encode(makeSample()).length * 2 });
    const release = made.store.hold();
    const all = [1, 2, 3, 4, 5].map((seq) => made.accept(makeSample({ seq })));
    await waitFor(() => made.store.writes.length === 1);
    expect(made.store.writes[0]).toHaveLength(2);
    expect(made.ingest.room()).not.toBeNull();
    release();
    await Promise.all(all);
    expect(made.store.commits.flat()).toHaveLength(5);
    expect(made.ingest.room()).toBeNull();
    expect(made.ingest.stats().queuedBytes).toBe(0);
  });

  it('takes nothing after it was closed, and finishes what it has', async () => {
    const made = rig();
    const release = made.store.hold();
    const accepted = made.accept(makeSample());
    const closed = made.ingest.close();
    await expect(made.accept(makeSample({ seq: 2 }))).rejects.toMatchObject({ code: 'closed' });
    release();
    await Promise.all([accepted, closed]);
    expect(made.store.commits).toHaveLength(1);
  });
});

describe('types', () => {
  const agents: Catalog = toCatalog([
    {
      name: 'new',
      tier: 'fast',
      help: 'x',
      measurements: {
        gpu: { help: 'x', tags: {}, fields: { clock: { type: 'int', unit: 'hertz', kind: 'gauge', help: 'x' } } },
        net: {
          help: 'x',
          tags: {},
          fields: {
            drops: { type: 'int', unit: '1', kind: 'counter', help: 'x' },
            speed: { type: 'float', unit: '1', kind: 'gauge', help: 'x' },
          },
        },
      },
    },
  ]);

  it('come from the server, then from the catalog that the sample names, which is asked for once', async () => {
    const asked: string[] = [];
    const made = rig({
      catalogFor: async (hash) => {
        asked.push(hash);
        return hash === agents.hash ? agents : null;
      },
    });
    const data = {
      gpu: [{ fields: { clock: '9007199254740993' } }],
      net: [{ fields: { drops: 1, speed: 2 } }],
      other: [{ fields: { x: 1 } }],
    };
    await Promise.all([1, 2, 3].map((seq) => made.accept(makeSample({ seq, catalog: agents.hash, data }))));
    await made.accept(makeSample({ seq: 4, catalog: agents.hash, data }));
    const [gpu, net, other] = made.store.commits[0]?.[0]?.points ?? [];
    expect(gpu).toMatchObject({ fields: { clock: 9007199254740993n }, types: { clock: 'int' } });
    expect({ ...net?.types }).toEqual({ drops: 'int', speed: 'int', bytes_recv: 'int' });
    expect({ ...other?.types }).toEqual({});
    expect(asked).toEqual([agents.hash]);
  });

  it('are looked for again some time after they were not found', async () => {
    let known = false;
    const made = rig({
      catalogFor: async () => {
        if (!known) throw new Error('registry is busy');
        return agents;
      },
    });
    const data = { gpu: [{ fields: { clock: 1 } }] };
    await made.accept(makeSample({ seq: 1, catalog: agents.hash, data }));
    known = true;
    await made.accept(makeSample({ seq: 2, catalog: agents.hash, data }));
    made.clock += 10_000;
    await made.accept(makeSample({ seq: 3, time: made.clock, catalog: agents.hash, data }));
    expect(made.store.commits.map(([group]) => group?.points[0]?.types['clock'])).toEqual([undefined, undefined, 'int']);
  });
});

describe('clocks', () => {
  const MINUTE = 60_000;

  it('that are wrong are answered instead of stored', async () => {
    const made = rig();
    await made.accept(makeSample({ seq: 1, time: NOW - 11 * MINUTE }));
    await made.accept(makeSample({ seq: 2, time: NOW + 11 * MINUTE }));
    await made.accept(makeSample({ seq: 3, time: NOW + 11 * MINUTE, backfill: true }));
    await waitFor(() => clocks(made).length === 3);
    expect(clocks(made)).toEqual([1, 2, 3]);
    expect(seqs(made).every((ranges) => ranges === undefined)).toBe(true);
    expect(made.store.writes).toHaveLength(0);
    expect(made.counters.get('ingest_clock_total')).toBe(3);
  });

  it('are not doubted because of an old backlog, unless the live samples of its run are wrong', async () => {
    const made = rig();
    const old = NOW - 24 * 60 * MINUTE;
    await made.accept(makeSample({ seq: 1, time: NOW - 9 * MINUTE }));
    await made.accept(makeSample({ seq: 2, time: old, backfill: true }));
    expect(made.store.commits).toHaveLength(2);
    await made.accept(makeSample({ run: 'boot', seq: 9, time: 1000 }));
    await made.accept(makeSample({ run: 'boot', seq: 8, time: 500, backfill: true }));
    await made.accept(makeSample({ run: 'r1', seq: 3, time: old + 1, backfill: true }));
    expect(made.store.commits).toHaveLength(3);
    await made.accept(makeSample({ run: 'boot', seq: 10, time: NOW }));
    await made.accept(makeSample({ run: 'boot', seq: 8, time: NOW - 1000, backfill: true }));
    expect(made.store.commits).toHaveLength(5);
    await waitFor(() => clocks(made).length === 2);
    expect(clocks(made)).toEqual([8, 9]);
  });
});

function manyRows(count: number): Sample['data'] {
  const row = { fields: { a: 1 } };
  return { one: Array.from({ length: 9_000 }, () => row), two: Array.from({ length: count - 9_000 }, () => row) };
}

describe('what is no sample', () => {
  it('goes to the dead letters with its reason, and is acknowledged where it can be named', async () => {
    const made = rig();
    const topic = topics.sample('pve1', 'fast');
    const cases: [reason: string, topic: string, payload: Uint8Array | string, seq: number | null][] = [
      ['topic', topics.status('pve1'), 'online', null],
      ['too-large', topic, Buffer.alloc(256 * 1024 + 1), null],
      ['gzip', topic, Buffer.from([0x1f, 0x8b, 1, 2, 3]), null],
      ['too-large', topic, gzipPayload(Buffer.alloc(5 * 1024 * 1024)), null],
      ['utf8', topic, Buffer.from([0xff, 0xfe]), null],
      ['json', topic, '{"v":1', null],
      ['schema', topic, '[]', null],
      ['schema', topic, JSON.stringify({ ...makeSample({ seq: 11 }), v: 2 }), 11],
      ['schema', topic, JSON.stringify({ ...makeSample({ seq: 12 }), data: { cpu: [{ fields: { a: null } }] } }), 12],
      ['schema', topic, JSON.stringify({ ...makeSample(), seq: 'x' }), null],
      ['foreign-host', topic, encode(makeSample({ seq: 13, host: 'pve2' })), 13],
      ['foreign-tier', topic, encode(makeSample({ seq: 14, tier: 'slow' })), 14],
      ['reserved', topic, encode(makeSample({ seq: 15, data: { hostwire: [{ fields: { value: 1 } }] } })), 15],
      ['too-large', topic, gzipPayload(Buffer.from(encode(makeSample({ seq: 15, data: manyRows(10_001) })))), 15],
    ];
    for (const [, on, payload] of cases) await made.acceptRaw(on, payload);
    const written = letters(made);
    expect(written.map(({ reason }) => reason)).toEqual(cases.map(([reason]) => reason));
    expect(written[7]).toMatchObject({ topic, time: new Date(NOW).toISOString(), message: expect.stringContaining('/v') });
    expect(Buffer.from(written[5]?.payload ?? '', 'base64').toString()).toBe('{"v":1');
    const named = cases.flatMap(([, , , seq]) => (seq === null ? [] : [`pve1 ${seq}`]));
    const acknowledged = (): string[] =>
      made.acks.flatMap(({ host, ack }) =>
        (ack.seqs ?? []).flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => `${host} ${from + i}`)),
      );
    await waitFor(() => acknowledged().length >= named.length);
    expect(acknowledged()).toEqual(named);
    expect(made.counters.get('ingest_invalid_total{reason="schema"}')).toBe(4);
    expect(made.store.writes).toHaveLength(0);
    const [file] = readdirSync(made.folder);
    expect(statSync(join(made.folder, file ?? '')).mode & 0o777).toBe(0o600);
    expect(statSync(made.folder).mode & 0o777).toBe(0o700);
  });

  it('never makes it fail, whatever the bytes are', async () => {
    const made = rig();
    const valid = encode(makeSample());
    const mutated = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
      const bytes = Buffer.from(valid);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
    const json = fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated, json), async (bytes) => {
        await made.acceptRaw(topics.sample('pve1', 'fast'), bytes);
      }),
      { numRuns: 300 },
    );
  });
});

describe('poison', () => {
  it('is found in its commit, buried and acknowledged; the others are stored', async () => {
    const made = rig();
    made.store.fail = (groups) => (groups.some(({ time }) => time === NOW + 5) ? new StoreError('invalid', 'this one is poison') : null);
    const samples = Array.from({ length: 9 }, (_, index) => makeSample({ seq: index + 1, time: NOW + index }));
    await Promise.all(samples.map((sample) => made.accept(sample)));
    expect(made.store.commits.flat().map(({ time }) => time - NOW)).toEqual([0, 1, 2, 3, 4, 6, 7, 8]);
    expect(letters(made)).toMatchObject([{ reason: 'store', message: 'this one is poison' }]);
    await waitFor(() => made.acks.length === 4);
    // The commit is halved until the poison is alone.
    expect(seqs(made)).toEqual([[[1, 4]], [[5, 5]], [[7, 9]], [[6, 6]]]);
  });

  it('in single fields is counted, buried once an hour, and the sample is acknowledged', async () => {
    const made = rig();
    made.store.rejected = [{ group: 0, measurement: 'cpu', field: 'usage_active', code: 'type-conflict', message: 'is a string' }];
    for (const seq of [1, 2, 3]) await made.accept(makeSample({ seq }));
    expect(letters(made)).toMatchObject([{ reason: 'fields', message: 'cpu.usage_active: type-conflict: is a string' }]);
    expect(made.counters.get('ingest_rejected_fields_total{code="type-conflict"}')).toBe(3);
    expect(seqs(made)).toEqual([[[1, 1]], [[2, 2]], [[3, 3]]]);
    made.clock += 3_600_000;
    await made.accept(makeSample({ seq: 4, time: made.clock }));
    expect(letters(made)).toHaveLength(2);
  });
});

it('that a store leaves out 200,000 fields of one sample costs the others nothing', async () => {
  const made = rig();
  made.store.rejected = Array.from({ length: 200_000 }, () => ({ group: 0, measurement: 'cpu', code: 'max-series', message: 'x' }));
  await Promise.all([made.accept(makeSample({ seq: 1 })), made.accept(makeSample({ seq: 2 }))]);
  expect(seqs(made)).toEqual([[[1, 2]]]);
});

describe('listeners', () => {
  it('hear of each live sample once, before it is durable, and not of the backlog', async () => {
    const made = rig();
    const heard: [seq: number, receivedAt: number][] = [];
    made.ingest.onSample(() => {
      throw new Error('broken listener');
    });
    const stop = made.ingest.onSample((sample: Sample, receivedAt) => heard.push([sample.seq, receivedAt]));
    made.store.fail = () => new StoreError('unavailable', 'not now');
    await made.accept(makeSample({ seq: 5 })).catch(() => {});
    made.store.fail = null;
    await made.accept(makeSample({ seq: 5 }));
    await made.accept(makeSample({ seq: 3, backfill: true }));
    await made.accept(makeSample({ seq: 6, time: NOW - 3_600_000 }));
    await made.accept(makeSample({ seq: 1, run: 'r2' }));
    stop();
    await made.accept(makeSample({ seq: 2, run: 'r2' }));
    expect(heard).toEqual([
      [5, NOW],
      [1, NOW],
    ]);
  });
});
