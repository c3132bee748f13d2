import fc from 'fast-check';
import { expect, it } from 'vitest';
import { comparePositions, type Journal, JournalError, openJournal, type Position } from './index.ts';
import { type Call, type Fault, MemoryFileSystem } from './memory-file-system.testkit.ts';

const MAX_BYTES = 6000;
const seed = Number(process.env['HOSTWIRE_SEED'] ?? Date.now() | 0);
const RUNS = Number(process.env['HOSTWIRE_MODEL_RUNS'] ?? 400);

interface Written {
  readonly text: string;
  readonly position: Position;
  /** Null if it was there when a sync was refused. */
  synced: boolean | null;
}

/** What the journal should hold: `maybe` are records whose append failed where even the cut failed. */
class Model {
  kept: Written[] = [];
  readonly maybe = new Set<string>();
  /** Released, or cut off after a write that failed: back after a power failure, perhaps. */
  readonly undone = new Set<string>();
  readonly seen = new Set<string>();
  cannotCut = false;
  journal!: Journal;
  readonly fileSystem = new MemoryFileSystem();
  #count = 0;

  async open(): Promise<void> {
    this.journal = await openJournal({
      fileSystem: this.fileSystem,
      folder: '/j',
      maxBytes: MAX_BYTES,
      segmentBytes: 400,
      minFreeBytes: 0,
    });
  }

  inject(faults: readonly Parameters<typeof inject>[0][]): void {
    const asked = faults.map(inject);
    this.cannotCut = faults.some(({ call }) => call === 'truncate');
    this.fileSystem.fault = (call, path) => asked.reduce<Fault | null>((found, ask) => found ?? ask(call, path), null);
  }

  async openWith(fault: MemoryFileSystem['fault']): Promise<void> {
    this.fileSystem.fault = fault;
    await this.open();
    this.fileSystem.fault = () => null;
  }

  /** Appends as calls made at once, some with several records. */
  async append(calls: readonly (readonly number[])[]): Promise<void> {
    const texts = calls.map((sizes) => sizes.map((size) => `${this.#count++} ${'.'.repeat(size)}`));
    const told = texts.map(async (call) => {
      let positions: Position[];
      try {
        positions = await this.journal.append(call.map((text) => Buffer.from(text)));
      } catch (error) {
        expect(error).toBeInstanceOf(JournalError);
        if ((error as JournalError).code !== 'io') expect(error).toMatchObject({ code: 'full' });
        else for (const text of call) (this.cannotCut ? this.maybe : this.undone).add(text);
        return;
      }
      for (const [k, position] of positions.entries()) {
        const key = `${position.segment}:${position.offset}`;
        expect(this.seen.has(key), `position ${key} is new`).toBe(false);
        this.seen.add(key);
        this.kept.push({ text: call[k] ?? '', position, synced: false });
      }
    });
    await Promise.all(told);
  }

  async sync(): Promise<void> {
    const covered = [...this.kept];
    try {
      await this.journal.sync();
      for (const record of covered) if (record.synced === false) record.synced = true;
    } catch (error) {
      expect(error).toMatchObject({ name: 'JournalError', code: 'io' });
      for (const record of this.kept) if (record.synced === false) record.synced = null;
    }
  }

  async together(calls: readonly (readonly number[])[], share: number): Promise<void> {
    const reading = this.journal.read(this.journal.first, 200).catch((error: unknown) => expect(error).toMatchObject({ code: 'io' }));
    const later = async (turns: number, step: () => Promise<void>): Promise<void> => {
      for (let turn = 0; turn < turns; turn++) await new Promise((next) => setImmediate(next));
      await step();
    };
    const [append, sync] = [() => this.append(calls), () => this.sync()];
    await Promise.all([
      append(),
      sync(),
      this.release(share),
      sync(),
      append(),
      later(15, append),
      later(30, sync),
      later(40, append),
      reading,
    ]);
    await sync();
  }

  async release(share: number): Promise<void> {
    const before = this.kept[Math.floor(share * this.kept.length)]?.position ?? this.journal.end;
    await this.journal.release(before).catch((error: unknown) => expect(error).toMatchObject({ code: 'io' }));
    const { first } = this.journal;
    // No more than was asked for goes, whole segments only.
    for (const { position } of this.kept)
      if (comparePositions(position, first) < 0) expect(comparePositions(position, before)).toBeLessThan(0);
    for (const { text, position } of this.kept) if (comparePositions(position, first) < 0) this.undone.add(text);
    this.kept = this.kept.filter(({ position }) => comparePositions(position, first) >= 0);
  }

  /** Everything that is kept comes back, in order, by `read` in pieces and by `readAt`; nothing else does, but what may. */
  async check(mayMiss: (record: Written) => boolean = () => false): Promise<void> {
    const { journal } = this;
    const read: { text: string; position: Position }[] = [];
    let at: Position = { segment: 0, offset: 0 };
    for (;;) {
      const some = await journal.read(at, 150);
      if (some.length === 0) break;
      for (const { bytes, position, end } of some) {
        expect(comparePositions(position, at)).toBeGreaterThanOrEqual(0);
        read.push({ text: bytes.toString(), position });
        at = end;
      }
    }
    expect(comparePositions(at, journal.end)).toBeLessThanOrEqual(0);
    const wanted = new Map(this.kept.map((record) => [record.text, record]));
    for (const { text } of read) if (!wanted.has(text)) expect(this.maybe, `unknown record ${text}`).toContain(text);
    const found = read.filter(({ text }) => wanted.has(text));
    const texts = new Set(found.map(({ text }) => text));
    for (const record of this.kept) if (!mayMiss(record)) expect(texts, record.text).toContain(record.text);
    this.kept = this.kept.filter(({ text }) => texts.has(text));
    expect(found).toEqual(this.kept.map(({ text, position }) => ({ text, position })));
    for (const { text, position } of this.kept.slice(-3)) expect((await journal.readAt(position))?.bytes.toString()).toBe(text);
    expect(journal.stats().bytes).toBeLessThanOrEqual(MAX_BYTES);
    const records = journal.segments().reduce((sum, segment) => sum + segment.records, 0);
    expect(records).toBe(read.length);
  }
}

const fault = fc.record({
  call: fc.constantFrom<Call>('write', 'write', 'write', 'sync', 'truncate', 'open', 'remove', 'syncFolder', 'rename'),
  code: fc.constantFrom('ENOSPC', 'EIO'),
  partial: fc.nat(300),
  short: fc.boolean(),
  after: fc.nat(4),
  times: fc.integer({ min: 1, max: 4 }),
});
const faultAtOpen = fc.record({
  call: fc.constantFrom<Call>('read', 'read', 'size', 'open', 'truncate', 'remove', 'rename'),
  code: fc.constant('EIO'),
  after: fc.nat(6),
  times: fc.integer({ min: 1, max: 4 }),
});
const calls = fc.array(fc.array(fc.nat(120), { maxLength: 3 }), { maxLength: 4 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      calls,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('together' as const), calls, share: fc.double({ min: 0, max: 1.2, noNaN: true }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('sync' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), share: fc.double({ min: 0, max: 1.2, noNaN: true }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('close' as const, 'kill' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('faultyOpen' as const), fault: faultAtOpen }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('power' as const), keep: fc.nat(500), hole: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fault' as const), faults: fc.array(fault, { minLength: 1, maxLength: 2 }) }) },
);

/** The next calls of a kind fail, some later. */
function inject({ call, code, partial, short, after, times }: { call: Call; after: number; times: number } & Fault) {
  let count = 0;
  return (asked: Call, path: string): Fault | null => {
    if (asked !== call || !path.endsWith('.seg') || count++ < after || count > after + times) return null;
    return { code, ...(partial === undefined ? {} : { partial }), ...(short === undefined ? {} : { short }) };
  };
}

it(`holds what was appended, whatever fails in between: ${RUNS} runs, seed ${seed}`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), fc.nat(), async (steps, turns) => {
      const model = new Model();
      let state = turns;
      model.fileSystem.turns = (call) => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return (state >>> 16) % (call === 'sync' ? 6 : 3);
      };
      const { fileSystem } = model;
      await model.open();
      for (const one of steps) {
        if (one.do === 'append') await model.append(one.calls);
        else if (one.do === 'together') await model.together(one.calls, one.share);
        else if (one.do === 'sync') await model.sync();
        else if (one.do === 'release') await model.release(one.share);
        else if (one.do === 'fault') model.inject(one.faults);
        else {
          model.inject([]);
          if (one.do === 'close') await model.journal.close();
          // What could not be read is there when it can be.
          if (one.do === 'faultyOpen') await model.openWith(inject(one.fault));
          if (one.do === 'power') {
            fileSystem.powerFailure(
              () => one.keep,
              () => one.hole,
            );
            // Nothing on disk names a position of a segment whose very name is lost.
            model.seen.clear();
            // Nor is a deletion or a cut on disk at once.
            for (const text of model.undone) model.maybe.add(text);
          }
          await model.open();
          await model.check((record) => one.do === 'power' && record.synced !== true);
        }
      }
      model.inject([]);
      await model.check();
      // Usable again as soon as the disk is.
      await model.release(1.1);
      await model.append([[1]]);
      expect(model.kept.at(-1)?.text).toMatch(/ \.$/);
      await model.journal.sync();
      await model.check();
    }),
    { numRuns: RUNS, seed },
  );
}, 600_000);
