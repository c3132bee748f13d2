import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Journal, type JournalProblem, openJournal, type StoredRecord } from './index.ts';
import { MemoryFileSystem } from './memory-file-system.testkit.ts';

const MAX_BYTES = 64 * 1024;
const RUNS = Number(process.env['HOSTWIRE_FLIPS'] ?? 5000);
const seed = Number(process.env['HOSTWIRE_SEED'] ?? Date.now() | 0);

interface Original {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly records: readonly StoredRecord[];
}

async function open(fileSystem: MemoryFileSystem): Promise<{ journal: Journal; problems: JournalProblem[] }> {
  const problems: JournalProblem[] = [];
  const options = { fileSystem, folder: '/j', maxBytes: MAX_BYTES, segmentBytes: 1500, minFreeBytes: 0, now: () => 1_790_000_000_000 };
  return { journal: await openJournal({ ...options, report: (problem) => problems.push(problem) }), problems };
}

/** Three segments of records of many sizes; some hold what looks like frames, one a whole segment file. */
async function make(): Promise<Original> {
  const fileSystem = new MemoryFileSystem();
  const { journal } = await open(fileSystem);
  let nested: Buffer = Buffer.from('no frame yet');
  for (let i = 0; i < 40; i++) {
    const record = i % 9 === 8 ? nested.subarray(0, 700) : Buffer.from(`record ${i} ${'x'.repeat((i * 37) % 120)}`);
    await journal.append(i % 5 === 0 ? [record, Buffer.alloc(0)] : [record]);
    nested = [...fileSystem.content.values()].at(-1) ?? nested;
  }
  const records = await journal.read(journal.first, MAX_BYTES);
  await journal.setCursor(records[20]?.position ?? journal.first);
  await journal.close();
  const files = fileSystem.content;
  expect(journal.segments().length).toBeGreaterThan(2);
  return { files, records };
}

const segmentOf = (path: string): number => Number.parseInt(path.slice('/j/'.length), 10);
const plain = (records: readonly StoredRecord[]) =>
  records.map(({ position, bytes, appendedAt }) => [position, bytes.toString('latin1'), appendedAt]);
/** All but those of the damaged file that end after the damage. */
const before = ({ records }: Original, name: string, offset: number) =>
  records.filter(({ end }) => end.segment !== segmentOf(name) || end.offset <= offset);

describe('a segment cut anywhere', () => {
  it('keeps every record before the cut, goes on, and is sound from then on', async () => {
    const original = await make();
    const fileSystem = new MemoryFileSystem();
    const names = [...original.files.keys()].filter((name) => name.endsWith('.seg')).sort();
    for (const name of [names[1] ?? '', names.at(-1) ?? '']) {
      const bytes = original.files.get(name) ?? Buffer.alloc(0);
      for (let offset = 0; offset < bytes.length; offset++) {
        fileSystem.content = new Map(original.files).set(name, bytes.subarray(0, offset));
        const { journal, problems } = await open(fileSystem);
        const kept = before(original, name, offset);
        expect(plain(await journal.read(journal.first, MAX_BYTES))).toEqual(plain(kept));
        const whole = offset === 0 || kept.some(({ end }) => end.segment === segmentOf(name) && end.offset === offset) || offset === 24;
        expect(problems.map(({ code }) => code)).toEqual(whole ? [] : [name === names.at(-1) ? 'torn-tail' : 'bad-segment']);
        await journal.append([Buffer.from('later')]);
        await journal.close();
        const again = await open(fileSystem);
        const records = await again.journal.read(again.journal.first, MAX_BYTES);
        expect(records.map(({ bytes }) => bytes.toString())).toEqual([...kept.map(({ bytes }) => bytes.toString()), 'later']);
        expect(again.problems).toEqual([]);
        await again.journal.close();
      }
    }
  }, 120_000);
});

describe('a bit that flips', () => {
  it(`takes no record before it, and makes none: ${RUNS} flips, seed ${seed}`, async () => {
    const original = await make();
    const fileSystem = new MemoryFileSystem();
    const names = [...original.files.keys()].sort();
    const seen = { 'torn-tail': 0, 'bad-segment': 0, 'bad-cursor': 0, io: 0 };
    const flip = fc.record({ file: fc.nat(names.length - 1), at: fc.nat(1_000_000), bit: fc.nat(7) });
    await fc.assert(
      fc.asyncProperty(flip, async ({ file, at, bit }) => {
        const name = names[file] ?? '';
        const bytes = Buffer.from(original.files.get(name) ?? '');
        const offset = at % bytes.length;
        bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
        fileSystem.content = new Map(original.files).set(name, bytes);
        const { journal, problems } = await open(fileSystem);
        for (const { code } of problems) seen[code]++;
        const records = await journal.read(journal.first, MAX_BYTES);
        const cursor = original.records[20]?.position;
        if (name === '/j/cursor') {
          expect(problems.map(({ code }) => code)).toEqual(['bad-cursor']);
          expect(journal.cursor).toEqual(journal.first);
          expect(plain(records)).toEqual(plain(original.records));
        } else {
          expect(problems).toHaveLength(1);
          expect(journal.cursor).toEqual(cursor);
          expect(plain(records)).toEqual(plain(before(original, name, offset)));
        }
        expect(await journal.readAt(journal.end)).toBeNull();
        await journal.close();
      }),
      { numRuns: RUNS, seed, endOnFailure: RUNS > 5000 },
    );
    process.stdout.write(`journal: ${RUNS} flips, seed ${seed}: ${JSON.stringify(seen)}\n`);
  }, 1_800_000);
});
