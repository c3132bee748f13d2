import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { JournalError, nodeFileSystem, openJournal } from '@hostwire/journal';
import { type Catalog, type PointGroup, type Sample, toCatalog } from '@hostwire/model';
import { StoreError } from '@hostwire/store';
import { tempDir, waitFor } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { encode, type FakeStore, makeSample, NOW, type Rig, rig, topics } from './ingest.testkit.ts';
import { FailingDisk, systemError, testJournal } from './journal.testkit.ts';

const QUICK = { minMs: 5, maxMs: 20 };

/** Everything that was told to agents as durable. */
const acknowledged = ({ acks }: Rig): number[] =>
  acks
    .flatMap(({ ack }) => ack.seqs ?? [])
    .flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i))
    .sort((a, b) => a - b);

const times = (store: FakeStore): number[] =>
  store.commits
    .flat()
    .map(({ time }) => time - NOW)
    .sort((a, b) => a - b);

const numbered = (count: number, change: Partial<Sample> = {}): Sample[] =>
  Array.from({ length: count }, (_, i) => makeSample({ seq: i + 1, time: NOW + i + 1, ...change }));

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('in front of a store elsewhere', () => {
  it('a sample is acknowledged when it is in the journal, whatever the store does, and listeners hear of it', async () => {
    const made = rig({ journal: await testJournal() });
    const release = made.store.hold();
    const heard: number[] = [];
    made.ingest.onSample(({ seq }) => heard.push(seq));
    for (const sample of numbered(5)) await made.accept(sample);
    expect(acknowledged(made)).toEqual([1, 2, 3, 4, 5]);
    expect(heard).toEqual([1, 2, 3, 4, 5]);
    expect(made.store.commits).toEqual([]);
    await waitFor(() => made.ingest.stats().drain?.state === 'writing');
    release();
    await waitFor(() => times(made.store).length === 5);
    await waitFor(() => made.ingest.stats().drain?.lagSamples === 0);
    expect(times(made.store)).toEqual([1, 2, 3, 4, 5]);
    expect(made.counters.get('ingest_drained_total')).toBe(5);
  });

  it('tells how far the store is behind', async () => {
    const made = rig({ journal: await testJournal(), backoff: QUICK });
    made.store.fail = () => new StoreError('unavailable', 'no route to host');
    await Promise.all(numbered(20).map((sample) => made.accept(sample)));
    await waitFor(() => made.ingest.stats().drain?.state === 'waiting');
    const { journal, drain, storeAvailable } = made.ingest.stats();
    expect({ storeAvailable, drain }).toMatchObject({ storeAvailable: false, drain: { lagSamples: 20, lastError: 'no route to host' } });
    expect(drain?.lagBytes).toBeGreaterThan(4000);
    expect(drain?.lagBytes).toBeLessThanOrEqual(journal?.bytes ?? 0);
    made.store.fail = null;
    await waitFor(() => made.ingest.stats().storeAvailable);
    await waitFor(() => made.ingest.stats().drain?.state === 'idle');
    expect(made.ingest.stats().drain).toEqual({ state: 'idle', lastError: null, lagBytes: 0, lagSamples: 0, lagMs: 0 });
    expect(times(made.store)).toEqual(upTo(20));
    expect(made.logger.lines).toHaveLength(2);
  });

  it('types are those that are known when a sample is written', async () => {
    const agents: Catalog = toCatalog([
      {
        name: 'new',
        tier: 'fast',
        help: 'x',
        measurements: {
          gpu: { help: 'x', tags: {}, fields: { clock: { type: 'int', unit: 'hertz', kind: 'gauge', help: 'x' } } },
        },
      },
    ]);
    let known: Catalog | null = null;
    const made = rig({ journal: await testJournal(), catalogFor: async () => known });
    const release = made.store.hold();
    await made.accept(makeSample({ seq: 1 }));
    await waitFor(() => made.store.writes.length === 1);
    await made.accept(makeSample({ seq: 2, catalog: agents.hash, data: { gpu: [{ fields: { clock: 1 } }] } }));
    known = agents;
    release();
    await waitFor(() => made.store.commits.length === 2);
    expect({ ...made.store.commits[1]?.[0]?.points[0]?.types }).toEqual({ clock: 'int' });
  });

  it('what was written is not written again after a restart, what was not is', async () => {
    const folder = join(tempDir(), 'journal');
    const options = { folder, maxBytes: 64 * 1024 * 1024, minFreeBytes: 0 };
    const first = await openJournal(options);
    const before = rig({ journal: first, backoff: QUICK });
    for (const sample of numbered(3)) await before.accept(sample);
    await waitFor(() => before.ingest.stats().drain?.state === 'idle' && times(before.store).length === 3);
    before.store.fail = () => new StoreError('unavailable', 'down');
    for (const sample of numbered(6).slice(3)) await before.accept(sample);
    await before.ingest.close();
    await first.close();

    const second = await openJournal(options);
    const after = rig({ journal: second });
    await waitFor(() => times(after.store).length > 0);
    await waitFor(() => after.ingest.stats().drain?.state === 'idle');
    expect(times(after.store)).toEqual([4, 5, 6]);
    await after.ingest.close();
    await second.close();
  });

  it('a store that hangs does not hold up the end', async () => {
    const journal = await testJournal();
    const made = rig({ journal });
    made.store.hold();
    await made.accept(makeSample());
    const begun = Date.now();
    await made.ingest.close();
    expect(Date.now() - begun).toBeLessThan(3000);
  });
});

describe('a disk that fails', () => {
  it.each(['EIO', 'ENOSPC'])('in fsync, by %s: nothing is acknowledged, and all that comes again is', async (code) => {
    const disk = new FailingDisk();
    const made = rig({ journal: await testJournal({ fileSystem: disk.fileSystem }), backoff: QUICK });
    await made.accept(makeSample({ seq: 1 }));
    expect(acknowledged(made)).toEqual([1]);
    disk.sync = systemError(code);
    const outcomes = await Promise.allSettled(
      numbered(9)
        .slice(1)
        .map((sample) => made.accept(sample)),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(Array(8).fill('rejected'));
    for (let seq = 2; seq <= 9; seq++)
      await expect(made.accept(makeSample({ seq, time: NOW + seq }))).rejects.toMatchObject({ code: 'io' });
    expect(acknowledged(made)).toEqual([1]);
    expect(made.ingest.stats()).toMatchObject({ storeAvailable: true, journal: { accepting: false } });
    expect(made.counters.get('ingest_journal_refused_total{reason="io"}')).toBe(16);
    disk.sync = null;
    await Promise.all(
      numbered(9)
        .slice(1)
        .map((sample) => made.accept(sample)),
    );
    expect(acknowledged(made)).toEqual(upTo(9));
    expect(made.ingest.stats().journal?.accepting).toBe(true);
    await waitFor(() => new Set(times(made.store)).size === 9);
    expect(made.logger.lines).toHaveLength(2);
  });

  it('in write: nothing is acknowledged', async () => {
    const disk = new FailingDisk();
    const made = rig({ journal: await testJournal({ fileSystem: disk.fileSystem }) });
    disk.write = systemError('EIO');
    await expect(made.accept(makeSample())).rejects.toBeInstanceOf(JournalError);
    expect(made.acks).toEqual([]);
    disk.write = null;
    await made.accept(makeSample());
    expect(acknowledged(made)).toEqual([1]);
  });
});

describe('a journal that is full', () => {
  it('takes nothing and acknowledges nothing, tells listeners all the same, and recovers by itself', async () => {
    const journal = await testJournal({ maxBytes: 4 * 1024 * 1024 });
    const made = rig({ journal, backoff: QUICK });
    made.store.fail = () => new StoreError('unavailable', 'down');
    let heard = 0;
    made.ingest.onSample(() => {
      heard++;
    });
    const text = 'x'.repeat(60_000);
    const samples = numbered(120, { data: { cpu: [{ fields: { text } }] } });
    const outcomes = await Promise.allSettled(samples.map((sample) => made.accept(sample)));
    const refused = outcomes.filter(({ status }) => status === 'rejected').length;
    expect(refused).toBeGreaterThan(30);
    expect(heard).toBe(120);
    expect(acknowledged(made)).toHaveLength(120 - refused);
    expect(made.counters.get('ingest_journal_refused_total{reason="full"}')).toBe(refused);
    const stored = (sample: Sample): Promise<boolean> =>
      made.accept(sample).then(
        () => true,
        () => false,
      );
    // What is left takes a single one.
    await waitFor(async () => !(await stored(samples[0] as Sample)));
    expect(made.ingest.stats()).toMatchObject({ storeAvailable: false, journal: { accepting: false } });
    made.store.fail = null;
    for (const sample of samples) await waitFor(() => stored(sample));
    expect(new Set(acknowledged(made)).size).toBe(120);
    expect(made.ingest.stats().journal?.accepting).toBe(true);
    await waitFor(() => new Set(times(made.store)).size === 120);
  });
});

it('gives a full disk its room back, although the cursor cannot be kept there', async () => {
  const fileSystem = { ...nodeFileSystem, rename: () => Promise.reject(systemError('ENOSPC')) };
  const folder = join(tempDir(), 'journal');
  const journal = await testJournal({ folder, fileSystem, segmentBytes: 64 * 1024 });
  const made = rig({ journal });
  const text = 'x'.repeat(16_000);
  for (const sample of numbered(40, { data: { cpu: [{ fields: { text } }] } })) await made.accept(sample);
  await waitFor(() => times(made.store).length === 40);
  await waitFor(() => (made.ingest.stats().journal?.segments ?? 9) < 3);
  await made.ingest.close();
  await journal.close();
  const again = rig({ journal: await testJournal({ folder }) });
  await waitFor(() => again.ingest.stats().drain?.state === 'idle');
  expect(times(again.store).length).toBeLessThanOrEqual(8);
});

describe('what the store will never take', () => {
  const letters = (made: Rig): { reason: string; message: string; payload: string }[] =>
    readdirSync(made.folder).flatMap((name) =>
      readFileSync(join(made.folder, name), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { reason: string; message: string; payload: string }),
    );

  it('is a dead letter with the reason and the message as it came; the others are stored', async () => {
    const made = rig({ journal: await testJournal() });
    made.store.fail = (groups) => (groups.some(({ time }) => time === NOW + 5) ? new StoreError('invalid', 'this one is poison') : null);
    const samples = numbered(9);
    await Promise.all(samples.map((sample) => made.accept(sample)));
    await waitFor(() => times(made.store).length === 8);
    expect(times(made.store)).toEqual([1, 2, 3, 4, 6, 7, 8, 9]);
    await waitFor(() => made.ingest.stats().drain?.state === 'idle');
    expect(letters(made)).toMatchObject([{ reason: 'store', message: 'this one is poison' }]);
    expect(Buffer.from(letters(made)[0]?.payload ?? '', 'base64')).toEqual(encode(samples[4] as Sample));
    expect(acknowledged(made)).toEqual(upTo(9));
  });

  it('because the code of the store breaks on it, holds up nobody for long, and is no reason to lose what it does not take now', async () => {
    const made = rig({ journal: await testJournal(), backoff: QUICK });
    made.store.fail = () => new TypeError('broken for everybody');
    await Promise.all(numbered(9).map((sample) => made.accept(sample)));
    await waitFor(() => made.counters.get('ingest_drain_retries_total{reason="other"}') > 8);
    expect(made.counters.get('ingest_invalid_total{reason="store"}')).toBe(0);
    made.store.fail = (groups) => (groups.some(({ time }) => time === NOW + 5) ? new TypeError('broken for one') : null);
    await waitFor(() => made.ingest.stats().drain?.state === 'idle');
    expect(times(made.store)).toEqual([1, 2, 3, 4, 6, 7, 8, 9]);
    expect(letters(made)).toMatchObject([{ reason: 'store', message: 'TypeError: broken for one' }]);
  });

  it('and is larger than what is read at once from a slow store, holds up nobody either', async () => {
    const made = rig({ journal: await testJournal(), backoff: QUICK });
    const text = 'x'.repeat(20_000);
    const isLarge = (group: PointGroup): boolean => group.points.some(({ fields }) => fields['text'] !== undefined);
    made.store.fail = () => new StoreError('unavailable', 'slow');
    await made.accept(makeSample({ seq: 1, time: NOW + 1, data: { cpu: [{ fields: { text } }] } }));
    await waitFor(() => made.counters.get('ingest_drain_retries_total{reason="no-answer"}') > 8);
    made.store.fail = (groups) => (groups.some(isLarge) ? new TypeError('broken for one') : null);
    await made.accept(makeSample({ seq: 2, time: NOW + 2 }));
    await waitFor(() => made.counters.get('ingest_dead_letters_total') === 1);
    expect(times(made.store)).toEqual([2]);
    expect(letters(made)).toMatchObject([{ reason: 'store', message: 'TypeError: broken for one' }]);
  });

  it('is one dead letter, however often what came with it is tried', async () => {
    const journal = await testJournal();
    await journal.append([Buffer.from('what is this')]);
    const made = rig({ journal, backoff: QUICK });
    made.store.fail = () => new StoreError('unavailable', 'down');
    await made.accept(makeSample());
    await waitFor(() => made.counters.get('ingest_drain_retries_total{reason="no-answer"}') > 3);
    made.store.fail = null;
    await waitFor(() => times(made.store).length === 1);
    await waitFor(() => made.ingest.stats().drain?.state === 'idle');
    expect(letters(made)).toMatchObject([{ reason: 'journal' }]);
  });

  it('in single fields is a dead letter too', async () => {
    const made = rig({ journal: await testJournal() });
    made.store.rejected = [{ group: 0, measurement: 'cpu', field: 'usage_active', code: 'type-conflict', message: 'is a string' }];
    await made.accept(makeSample());
    await waitFor(() => made.counters.get('ingest_dead_letters_total') === 1);
    expect(letters(made)).toMatchObject([{ reason: 'fields', message: 'cpu.usage_active: type-conflict: is a string' }]);
  });

  it('is a record that nobody can read (any more)', async () => {
    const journal = await testJournal();
    await journal.append([Buffer.from('what is this'), Buffer.alloc(0)]);
    const made = rig({ journal });
    await made.accept(makeSample());
    await waitFor(() => made.counters.get('ingest_dead_letters_total') === 2);
    expect(times(made.store)).toHaveLength(1);
    expect(letters(made)).toMatchObject([{ reason: 'journal' }, { reason: 'journal' }]);
  });
});

it('a journal of another process is written into the store, and that of this one too', async () => {
  const folder = join(tempDir(), 'other');
  const other = await openJournal({ folder, maxBytes: 1e8, minFreeBytes: 0 });
  const gone = rig({ journal: other, backoff: QUICK });
  gone.store.fail = () => new StoreError('unavailable', 'down');
  for (const sample of numbered(4)) await gone.accept(sample);
  await gone.ingest.close();
  await other.close();

  const made = rig({ backoff: QUICK });
  made.store.fail = () => new StoreError('unavailable', 'down');
  const adopted = await openJournal({ folder, maxBytes: 1e8, minFreeBytes: 0 });
  let done = false;
  const adopting = made.ingest.adopt(adopted).then(() => {
    done = true;
  });
  await waitFor(() => made.ingest.stats().drain?.state === 'waiting');
  expect({ done, lag: made.ingest.stats().drain?.lagSamples }).toEqual({ done: false, lag: 4 });
  made.store.fail = null;
  await adopting;
  expect(times(made.store)).toEqual([1, 2, 3, 4]);
  expect(made.ingest.stats().drain).toBeNull();
  expect(topics.root).toBe('hostwire');
  await adopted.close();
});
