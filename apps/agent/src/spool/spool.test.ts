import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tempDir, waitFor } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TickClock } from '../tick-clock.ts';
import { FaultyFileSystem, gapsIn, makeSample, missingBy, openTestSpool, pendingOf, seqsOf } from './spool.testkit.ts';

describe('Spool', () => {
  it('gives back after a restart what was not acknowledged, in order, as it was', async () => {
    const folder = tempDir();
    const first = await openTestSpool(folder);
    const samples = [1, 2, 3, 4, 5, 6].map((seq) => makeSample(seq));
    for (const sample of samples) await first.spool.append(sample, sample.seq).settled;
    expect(first.spool.forget('other', [[1, 6]])).toEqual([]);
    expect(
      first.spool.forget('r1', [
        [2, 3],
        [6, 9],
      ]),
    ).toHaveLength(3);
    await first.close();
    const second = await openTestSpool(folder);
    expect(second.held).toEqual([
      {
        run: 'r1',
        seqs: [
          [1, 1],
          [4, 5],
        ],
      },
    ]);
    await second.spool.append(makeSample(1, { run: 'r2' }), 9).settled;
    const pending = pendingOf(second);
    expect(pending.map(({ run, seq }) => `${run}/${seq}`)).toEqual(['r1/1', 'r1/4', 'r1/5', 'r2/1']);
    const [one] = pending;
    expect(one).toMatchObject({ tier: 'fast', interval: 5, monotonic: 1, time: samples[0]?.time, boot: first.spool.boot });
    expect(one && JSON.parse((await second.spool.read(one)) ?? '')).toEqual(samples[0]);
  });

  it('holds exactly what was appended and not forgotten, whenever it is closed and opened', async () => {
    const step = fc.oneof(fc.constant('append'), fc.constant('reopen'), fc.tuple(fc.integer({ min: 1, max: 30 }), fc.nat({ max: 5 })));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const folder = tempDir();
        let opened = await openTestSpool(folder);
        let expected: number[] = [];
        let next = 1;
        for (const what of steps) {
          if (what === 'append') {
            await opened.spool.append(makeSample(next), next).settled;
            expected.push(next++);
          } else if (what === 'reopen') {
            await opened.close();
            opened = await openTestSpool(folder);
          } else {
            const [from, more] = what;
            opened.spool.forget('r1', [[from, from + more]]);
            expected = expected.filter((seq) => seq < from || seq > from + more);
          }
        }
        expect(seqsOf(opened)).toEqual(expected);
        await opened.close();
      }),
      { numRuns: 30 },
    );
  });

  it('refuses a folder that another one uses, with one sentence that names it', async () => {
    const folder = tempDir();
    await openTestSpool(folder);
    await expect(openTestSpool(folder)).rejects.toMatchObject({ code: 'locked', message: expect.stringContaining(folder) });
  });

  it('gives up its oldest segments when it is full, and tells how many samples went, also after a restart', async () => {
    const folder = tempDir();
    const maxBytes = 1024 * 1024;
    let opened = await openTestSpool(folder, { maxBytes });
    let dropped = 0;
    for (let seq = 1; seq <= 600; seq++) {
      await opened.spool.append(makeSample(seq, { bytes: 4000 }), seq).settled;
      if (seq % 150 !== 0) continue;
      dropped += opened.spool.stats().dropped;
      await opened.close();
      opened = await openTestSpool(folder, { maxBytes });
    }
    dropped += opened.spool.stats().dropped;
    await opened.spool.append(makeSample(601), 601).settled;
    const seqs = seqsOf(opened);
    expect(dropped).toBeGreaterThan(200);
    expect(opened.spool.stats().bytes).toBeLessThanOrEqual(maxBytes);
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => 601 - seqs.length + 1 + i));
    expect(await missingBy(opened)).toBe(601 - seqs.length);
    const last = pendingOf(opened).at(-1);
    const gaps = last === undefined ? [] : gapsIn(await opened.spool.read(last));
    expect(gaps.every(({ reason, from, to }) => reason === 'full' && from <= to)).toBe(true);
  });

  it.each([
    ['in memory', (): string | null => null],
    ['on disk', (): string | null => tempDir()],
  ])('given up under way %s, a sample is missing only if no acknowledgement comes', async (_where, folderOf) => {
    const folder = folderOf();
    const opened = await openTestSpool(folder, { ringSamples: 20, maxBytes: 1024 * 1024, timing: { doubtMs: 300 } });
    const size = folder === null ? 0 : 30_000;
    let last = 0;
    const append = async () => opened.spool.append(makeSample(++last, { bytes: size }), last).settled;
    for (let made = 0; made < 20; made++) await append();
    // These are on their way when they lose their place, and four of them arrive.
    opened.spool.isUnderWay = ({ seq }) => seq <= 6;
    while ((seqsOf(opened)[0] ?? 0) <= 6) await append();
    opened.spool.forget('r1', [[1, 4]]);
    await append();
    // The one that the last sample pushed out is told by the next.
    const untold = async () => last - 4 - seqsOf(opened).length - (await missingBy(opened));
    await waitFor(async () => {
      await append();
      return (await untold()) <= 1;
    });
    expect(await untold()).toBeGreaterThanOrEqual(0);
    expect(opened.spool.stats().dropped).toBe(last - 4 - seqsOf(opened).length);
  });

  it('gives up as much as it must where less room is allowed than before', async () => {
    const folder = tempDir();
    const first = await openTestSpool(folder, { maxBytes: 4 * 1024 * 1024 });
    for (let seq = 1; seq <= 600; seq++) await first.spool.append(makeSample(seq, { bytes: 4000 }), seq).settled;
    await first.close();
    const second = await openTestSpool(folder, { maxBytes: 1024 * 1024 });
    for (let seq = 601; seq <= 605; seq++) {
      await second.spool.append(makeSample(seq, { bytes: 4000 }), seq).settled;
      await sleep(50);
    }
    expect(second.spool.stats().bytes).toBeLessThanOrEqual(1024 * 1024);
    await second.spool.append(makeSample(606), 606).settled;
    expect(await missingBy(second)).toBe(606 - pendingOf(second).length);
  });

  it('starts without a disk that does not answer or that cannot be used', async () => {
    const fileSystem = new FaultyFileSystem();
    fileSystem.list = () => new Promise(() => undefined);
    const hung = await openTestSpool(tempDir(), { fileSystem, timing: { openMs: 50 } });
    await hung.spool.append(makeSample(1), 1).settled;
    expect(hung.log()).toContain('does not answer');
    const file = join(tempDir(), 'file');
    writeFileSync(file, '');
    const unusable = await openTestSpool(join(file, 'spool'));
    await unusable.spool.append(makeSample(1), 1).settled;
    expect(unusable.log()).toContain('cannot be used');
    expect([seqsOf(hung), seqsOf(unusable)]).toEqual([[1], [1]]);
  });

  it('gives back the room of what was acknowledged', async () => {
    const opened = await openTestSpool(tempDir(), { maxBytes: 1024 * 1024 });
    for (let seq = 1; seq <= 1000; seq++) {
      await opened.spool.append(makeSample(seq, { bytes: 4000 }), seq).settled;
      if (seq > 5) opened.spool.forget('r1', [[seq - 5, seq - 5]]);
    }
    await waitFor(() => opened.spool.stats().bytes < 400_000, { what: 'segments to go' });
    expect(opened.spool.stats().dropped).toBe(0);
    opened.spool.forget('r1', [[1, 1000]]);
    await waitFor(() => opened.spool.stats().bytes < 100_000, { what: 'all segments to go' });
  });

  it('goes on in memory while the disk refuses, and brings all of it to the disk afterwards', async () => {
    for (const code of ['ENOSPC', 'EIO']) {
      const folder = tempDir();
      const fileSystem = new FaultyFileSystem();
      const first = await openTestSpool(folder, { fileSystem });
      await first.spool.append(makeSample(1), 1).settled;
      fileSystem.fault = { on: ['write', 'create'], code };
      for (let seq = 2; seq <= 50; seq++) {
        const { stored, settled } = first.spool.append(makeSample(seq), seq);
        await settled;
        expect(stored.settled).toBe(true);
      }
      first.spool.forget('r1', [[2, 10]]);
      expect(first.spool.stats().ioErrors).toBeGreaterThan(0);
      expect(first.log().match(/refuses/g)).toHaveLength(1);
      fileSystem.fault = null;
      await waitFor(() => first.log().includes('takes samples again'));
      await first.close();
      const second = await openTestSpool(folder);
      expect(seqsOf(second)).toEqual([1, ...Array.from({ length: 40 }, (_, i) => i + 11)]);
      expect(await missingBy(second)).toBe(0);
    }
  });

  it('counts what memory had no room for while the disk refused, and what it was to tell', async () => {
    const folder = tempDir();
    const fileSystem = new FaultyFileSystem();
    const opened = await openTestSpool(folder, { fileSystem, ringSamples: 10 });
    await opened.spool.append(makeSample(1), 1).settled;
    fileSystem.fault = { on: ['write', 'create'], code: 'EIO' };
    for (let seq = 2; seq <= 100; seq++) await opened.spool.append(makeSample(seq), seq).settled;
    expect(seqsOf(opened)).toEqual([1, ...Array.from({ length: 10 }, (_, i) => i + 91)]);
    fileSystem.fault = null;
    await waitFor(() => opened.log().includes('takes samples again'));
    await opened.close();
    const again = await openTestSpool(folder);
    await again.spool.append(makeSample(101), 101).settled;
    expect(seqsOf(again)).toEqual([1, ...Array.from({ length: 11 }, (_, i) => i + 91)]);
    expect(await missingBy(again)).toBe(89);
  });

  it('does not wait for a disk that hangs', async () => {
    const folder = tempDir();
    const fileSystem = new FaultyFileSystem();
    const opened = await openTestSpool(folder, { fileSystem });
    let go: () => void = () => undefined;
    fileSystem.hang = new Promise((done) => {
      go = done;
    });
    const from = performance.now();
    await opened.spool.append(makeSample(1), 1).settled;
    expect(performance.now() - from).toBeGreaterThan(150);
    for (let seq = 2; seq <= 20; seq++) await opened.spool.append(makeSample(seq), seq).settled;
    expect(performance.now() - from).toBeLessThan(1_500);
    opened.spool.forget('r1', [[1, 3]]);
    const [fourth] = pendingOf(opened);
    expect(fourth && (await opened.spool.read(fourth))).toContain('"seq":4');
    fileSystem.hang = null;
    go();
    await waitFor(() => opened.log().includes('answers again'));
    await sleep(50);
    await opened.close();
    const again = await openTestSpool(folder);
    expect(seqsOf(again)).toEqual(Array.from({ length: 17 }, (_, i) => i + 4));
  });

  it('does not wait for a disk that does not answer what is read', async () => {
    const fileSystem = new FaultyFileSystem();
    const opened = await openTestSpool(tempDir(), { fileSystem });
    await opened.spool.append(makeSample(1), 1).settled;
    const [first] = pendingOf(opened);
    let go: () => void = () => undefined;
    fileSystem.hangReads = new Promise((done) => {
      go = done;
    });
    const read = () => (first === undefined ? Promise.resolve(null) : opened.spool.read(first));
    await expect(read()).rejects.toMatchObject({ code: 'io' });
    const from = performance.now();
    await expect(read()).rejects.toMatchObject({ code: 'io' });
    expect(performance.now() - from).toBeLessThan(100);
    fileSystem.hangReads = null;
    go();
    await waitFor(async () => (await read().catch(() => null)) !== null);
  });

  it('keeps what it could not read when it was opened', async () => {
    const folder = tempDir();
    const maxBytes = 1024 * 1024;
    const first = await openTestSpool(folder, { maxBytes });
    for (let seq = 1; seq <= 20; seq++) await first.spool.append(makeSample(seq, { bytes: 16_000 }), seq).settled;
    await first.close();
    const fileSystem = new FaultyFileSystem();
    fileSystem.unreadable = '0000000000000002';
    const second = await openTestSpool(folder, { maxBytes, fileSystem });
    const unseen = Array.from({ length: 20 }, (_, i) => i + 1).filter((seq) => !seqsOf(second).includes(seq));
    expect(unseen.length).toBeGreaterThan(2);
    fileSystem.unreadable = null;
    second.spool.forget('r1', [[1, 20]]);
    await sleep(100);
    await second.spool.append(makeSample(1, { run: 'r2' }), 21).settled;
    await second.close();
    const third = await openTestSpool(folder, { maxBytes });
    const kept = pendingOf(third).filter(({ run }) => run === 'r1');
    expect(kept.map(({ seq }) => seq)).toEqual(unseen);
  });

  it('does not take for a backlog what was set aside', async () => {
    const folder = tempDir();
    const maxBytes = 1024 * 1024;
    writeFileSync(join(folder, '0000000000000001-000000000024.bad'), Buffer.alloc(maxBytes - 100_000));
    const opened = await openTestSpool(folder, { maxBytes });
    for (let seq = 1; seq <= 40; seq++) await opened.spool.append(makeSample(seq, { bytes: 16_000 }), seq).settled;
    await sleep(50);
    expect(opened.spool.size).toBe(40);
    expect(opened.spool.stats().bytes).toBeLessThanOrEqual(maxBytes);
  });

  it('fsyncs what is not acknowledged for long, and writes anew what the disk did not make durable', async () => {
    const fileSystem = new FaultyFileSystem();
    const clock = new TickClock();
    const opened = await openTestSpool(tempDir(), { fileSystem, clock, timing: { syncMs: 100 } });
    await opened.spool.append(makeSample(1), clock.monotonic()).settled;
    opened.spool.forget('r1', [[1, 1]]);
    await sleep(200);
    expect(fileSystem.syncs).toBe(0);
    fileSystem.fault = { on: ['sync'], code: 'EIO' };
    await opened.spool.append(makeSample(2), clock.monotonic()).settled;
    await waitFor(() => opened.spool.stats().ioErrors > 0);
    fileSystem.fault = null;
    await waitFor(() => fileSystem.syncs > 0, { what: 'an fsync that succeeds' });
    const [kept] = pendingOf(opened);
    expect(kept && (await opened.spool.read(kept))).toContain('"seq":2');
    const { syncs } = fileSystem;
    await sleep(300);
    expect(fileSystem.syncs).toBe(syncs);
  });

  it('keeps the time of a restamped sample for later runs', async () => {
    const folder = tempDir();
    const first = await openTestSpool(folder);
    for (let seq = 1; seq <= 3; seq++) await first.spool.append(makeSample(seq, { time: 1000 + seq }), seq * 10.25).settled;
    await first.spool.restamp(pendingOf(first).slice(1), 5_000_000);
    await first.close();
    const second = await openTestSpool(folder);
    const pending = pendingOf(second);
    expect(pending.map(({ time }) => time)).toEqual([1001, 5_000_021, 5_000_031]);
    const text = pending[1] && (await second.spool.read(pending[1]));
    expect(JSON.parse(text ?? '')).toEqual(makeSample(2, { time: 5_000_021 }));
  });

  it('gives up what is too old: of this boot by the monotonic clock, of another only by a clock that was confirmed', async () => {
    const folder = tempDir();
    const hour = 3_600_000;
    const clock = new TickClock();
    const first = await openTestSpool(folder, { boot: 'a' });
    await first.spool.append(makeSample(1, { run: 'a1', time: Date.now() - 73 * hour }), 1).settled;
    await first.spool.append(makeSample(2, { run: 'a1' }), 1).settled;
    await first.close();
    const second = await openTestSpool(folder, { boot: 'b', clock });
    const now = clock.monotonic();
    await second.spool.append(makeSample(1, { run: 'b1' }), now - 73 * hour).settled;
    await second.spool.append(makeSample(2, { run: 'b1', time: 0 }), now).settled;
    second.spool.expire();
    expect(pendingOf(second).map(({ run, seq }) => `${run}/${seq}`)).toEqual(['a1/1', 'a1/2', 'b1/2']);
    clock.confirm(Date.now());
    second.spool.expire();
    expect(pendingOf(second).map(({ run, seq }) => `${run}/${seq}`)).toEqual(['a1/2', 'b1/2']);
    const { text } = second.spool.append(makeSample(3, { run: 'b1' }), now);
    expect(gapsIn(text)).toMatchObject([{ reason: 'age', count: 2 }]);
  });

  it('tells each gap once, never two in samples of one time', async () => {
    const opened = await openTestSpool(null, { ringSamples: 2 });
    const time = 1_000_000;
    const append = async (seq: number, at: number) => {
      const { text, settled } = opened.spool.append(makeSample(seq, { time: at }), seq);
      await settled;
      return gapsIn(text);
    };
    for (let seq = 1; seq <= 4; seq++) expect(await append(seq, seq)).toHaveLength(seq === 4 ? 1 : 0);
    // What told of one is itself given up: it is told again, with it.
    expect(await append(5, time)).toMatchObject([{ reason: 'full', from: 2, to: 2, count: 1 }]);
    expect(await append(6, time)).toEqual([]);
    const [gap] = await append(7, time + 1);
    expect(gap).toMatchObject({ reason: 'full', from: 1, count: 3 });
  });
});
