import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { comparePositions, type Journal, type JournalOptions, type JournalProblem, openJournal } from './index.ts';
import { MemoryFileSystem } from './memory-file-system.testkit.ts';

const text = (value: string): Buffer => Buffer.from(value);
const start = { segment: 0, offset: 0 };

async function texts(journal: Journal): Promise<string[]> {
  return (await journal.read(start, 1e6)).map(({ bytes }) => bytes.toString());
}

/** Over a file system in memory: segments of about 1000 bytes, 16,000 in all. */
async function inMemory(options: Partial<JournalOptions> = {}) {
  const fileSystem = new MemoryFileSystem();
  const problems: JournalProblem[] = [];
  const open = () => openJournal({ folder: '/j', maxBytes: 16_000, fileSystem, report: (problem) => problems.push(problem), ...options });
  return { fileSystem, problems, open, journal: await open() };
}

describe('on a real disk', () => {
  it('gives back what was appended, in order, now and after it is opened again', async () => {
    const folder = join(tempDir(), 'a', 'journal');
    const journal = await openJournal({ folder, maxBytes: 1e6, now: () => 1234 });
    expect(readdirSync(folder)).toEqual([]);
    const [a, b] = await Promise.all([journal.append([text('a'), text('bb')]), journal.append([text('')])]);
    await journal.sync();
    const records = await journal.read(journal.first, 1000);
    expect(records.map(({ bytes }) => bytes.toString())).toEqual(['a', 'bb', '']);
    expect(records.map(({ position }) => position)).toEqual([...a, ...b]);
    expect(records.map(({ appendedAt }) => appendedAt)).toEqual([1234, 1234, 1234]);
    expect(records.at(-1)?.end).toEqual(journal.end);
    expect(journal.segments()).toMatchObject([{ records: 3, firstAt: 1234, lastAt: 1234 }]);
    const { end } = journal;
    await journal.close();
    const again = await openJournal({ folder, maxBytes: 1e6 });
    expect(await again.read(again.first, 1000)).toEqual(records);
    expect(await again.readAt(b[0] ?? end)).toEqual(records[2]);
    expect(comparePositions(again.end, end)).toBeGreaterThan(0);
    await again.close();
  });

  it('keeps its folder and files to its user', async () => {
    const folder = join(tempDir(), 'journal');
    const journal = await openJournal({ folder, maxBytes: 1e6 });
    await journal.append([text('a')]);
    await journal.setCursor(journal.end);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    await journal.close();
  });

  it('sets aside what follows damage, and has the records before it', async () => {
    const folder = tempDir();
    const journal = await openJournal({ folder, maxBytes: 1e6 });
    const positions = await journal.append(['a', 'b', 'c'].map(text));
    await journal.close();
    const [name = ''] = readdirSync(folder);
    const bytes = readFileSync(join(folder, name));
    const offset = positions[1]?.offset ?? 0;
    bytes[offset + 16] = 0x7a;
    writeFileSync(join(folder, name), bytes);
    const problems: JournalProblem[] = [];
    const again = await openJournal({ folder, maxBytes: 1e6, report: (problem) => problems.push(problem) });
    expect(await texts(again)).toEqual(['a']);
    expect(problems).toEqual([{ code: 'bad-segment', message: expect.stringContaining(join(folder, name)) }]);
    const [bad = ''] = readdirSync(folder).filter((file) => file.endsWith('.bad'));
    expect(readFileSync(join(folder, bad))).toEqual(bytes.subarray(offset));
    expect(statSync(join(folder, name)).size).toBe(offset);
    expect(again.stats()).toMatchObject({ badSegments: 1, tornTails: 0, bytes: bytes.length });
    await again.close();
  });

  it('says what to do when the folder cannot be used', async () => {
    const blocked = join(tempDir(), 'file');
    writeFileSync(blocked, '');
    await expect(openJournal({ folder: join(blocked, 'x'), maxBytes: 1e6 })).rejects.toMatchObject({
      name: 'JournalError',
      code: 'io',
      message: expect.stringContaining(join(blocked, 'x')),
    });
  });

  it('takes no notice of files that are not its own', async () => {
    const folder = tempDir();
    writeFileSync(join(folder, 'notes.txt'), 'x');
    mkdirSync(join(folder, '0000000000000007.seg'));
    const journal = await openJournal({ folder, maxBytes: 1e6 });
    await journal.append([text('a')]);
    expect(await texts(journal)).toEqual(['a']);
    await journal.close();
    expect(readdirSync(folder)).toContain('notes.txt');
  });
});

describe('append and sync', () => {
  it('write in one go, and sync once, what is asked for at once', async () => {
    const { journal, fileSystem } = await inMemory();
    await journal.append([text('first')]);
    const { write = 0, sync = 0 } = fileSystem.counts;
    await Promise.all(Array.from({ length: 20 }, (_, i) => journal.append([text(`${i}`)])));
    await Promise.all(Array.from({ length: 20 }, () => journal.sync()));
    expect(fileSystem.counts).toMatchObject({ write: write + 1, sync: sync + 1, syncFolder: 1 });
    expect(await texts(journal)).toEqual(['first', ...Array.from({ length: 20 }, (_, i) => `${i}`)]);
    await journal.sync();
    expect(fileSystem.counts.sync).toBe(sync + 1);
  });

  it('survive a power failure once synced, also what an earlier process left unsynced', async () => {
    const { journal, fileSystem, open } = await inMemory();
    for (let i = 0; i < 30; i++) await journal.append([Buffer.alloc(100, i)]);
    const killed = await open();
    await killed.sync();
    fileSystem.powerFailure(
      () => 0,
      () => false,
    );
    expect(await texts(await open())).toHaveLength(30);
  });

  it('refuse what is too large, and anything once closed', async () => {
    const { journal } = await inMemory();
    await expect(journal.append([Buffer.alloc(20_000)])).rejects.toMatchObject({ code: 'too-large' });
    const last = journal.append([text('last')]);
    await journal.close();
    await last;
    for (const call of [
      journal.append([text('x')]),
      journal.sync(),
      journal.read(start, 1),
      journal.release(start),
      journal.setCursor(start),
    ])
      await expect(call).rejects.toMatchObject({ code: 'closed' });
  });

  it('refuse with `full` at the size, and take more once some was released', async () => {
    const { journal, fileSystem } = await inMemory();
    let count = 0;
    const fill = async () => {
      for (; ; count++) await journal.append([Buffer.alloc(200)]);
    };
    await expect(fill()).rejects.toMatchObject({ code: 'full', message: expect.stringContaining('16000') });
    expect(count).toBeGreaterThan(65);
    expect(journal.stats().bytes).toBeLessThanOrEqual(16_000);
    const held = journal.segments();
    await journal.release({ segment: (held[0]?.segment ?? 0) + 1, offset: 0 });
    expect(journal.segments().map(({ segment }) => segment)).toEqual(held.slice(1).map(({ segment }) => segment));
    expect(fileSystem.content.size).toBe(held.length - 1);
    await journal.append([Buffer.alloc(200)]);
  });

  it('leave so much of the disk free', async () => {
    const { journal, fileSystem } = await inMemory({ minFreeBytes: 1000 });
    fileSystem.free = 1500;
    await journal.append([Buffer.alloc(100)]);
    await journal.append([Buffer.alloc(200)]);
    await expect(journal.append([Buffer.alloc(200)])).rejects.toMatchObject({
      code: 'full',
      message: expect.stringContaining('1000 are to stay'),
    });
    fileSystem.free = 5000;
    await journal.release({ segment: 1, offset: 0 });
    await journal.release(journal.end);
    await journal.append([Buffer.alloc(200)]);
  });

  it('leave 10 % of a small disk free when nothing else is said', async () => {
    const { journal, fileSystem } = await inMemory();
    Object.assign(fileSystem, { total: 100_000, free: 10_500 });
    await journal.append([Buffer.alloc(300)]);
    await expect(journal.append([Buffer.alloc(300)])).rejects.toMatchObject({ code: 'full' });
  });

  it('give up the oldest files that were set aside for records', async () => {
    const { fileSystem, open } = await inMemory();
    fileSystem.content = new Map([
      ['/j/0000000000000001-000000000024.bad', Buffer.alloc(6000)],
      ['/j/0000000000000002-000000000024.bad', Buffer.alloc(6000)],
    ]);
    const journal = await open();
    expect(journal.stats().bytes).toBe(12_000);
    for (let i = 0; i < 30; i++) await journal.append([Buffer.alloc(100)]);
    expect([...fileSystem.content.keys()].filter((path) => path.endsWith('.bad'))).toHaveLength(2);
    for (let i = 0; i < 10; i++) await journal.append([Buffer.alloc(100)]);
    expect([...fileSystem.content.keys()].filter((path) => path.endsWith('.bad'))).toEqual(['/j/0000000000000002-000000000024.bad']);
    expect(await texts(journal)).toHaveLength(40);
  });
});

describe('a disk that fails', () => {
  it('is full in the middle of a write: what was written of it is cut off, the segment goes on', async () => {
    const { journal, fileSystem, problems, open } = await inMemory();
    await journal.append([text('a')]);
    for (const short of [true, false]) {
      fileSystem.fault = (call) => (call === 'write' ? { code: 'ENOSPC', partial: 30, short } : null);
      await expect(journal.append([Buffer.alloc(50)])).rejects.toMatchObject({
        code: 'io',
        message: expect.stringContaining('free some space'),
      });
    }
    fileSystem.fault = () => null;
    await journal.append([text('b')]);
    expect(journal.segments()).toHaveLength(1);
    expect(problems.map(({ code }) => code)).toEqual(['io']);
    expect(journal.stats().ioErrors).toBe(2);
    expect(await texts(await open())).toEqual(['a', 'b']);
    expect(problems).toHaveLength(1);
  });

  it('cannot be written to: the segment is closed, and all works again once the disk does', async () => {
    const { journal, fileSystem, open } = await inMemory();
    await journal.append([text('a')]);
    fileSystem.fault = (call) => (call === 'write' ? { code: 'EIO', partial: 30 } : null);
    for (let i = 0; i < 3; i++) await expect(journal.append([text('x'), text('y')])).rejects.toMatchObject({ code: 'io' });
    fileSystem.fault = () => null;
    await journal.append([text('b')]);
    await journal.sync();
    expect(await texts(journal)).toEqual(['a', 'b']);
    expect(fileSystem.content.size).toBe(2);
    expect(await texts(await open())).toEqual(['a', 'b']);
  });

  it('refuses an fsync: all that wait hear of it, and no later fsync of that file says yes for them', async () => {
    const { journal, fileSystem } = await inMemory();
    await journal.append([text('a')]);
    const paths: string[] = [];
    fileSystem.fault = (call, path) => {
      if (call === 'sync') paths.push(path);
      return call === 'sync' ? { code: 'EIO' } : null;
    };
    const first = journal.sync();
    // The fsync is under way when this one asks.
    await Promise.resolve();
    await Promise.resolve();
    const second = journal.sync();
    await expect(first).rejects.toMatchObject({ code: 'io' });
    await expect(second).rejects.toMatchObject({ code: 'io' });
    await journal.append([text('a')]);
    fileSystem.fault = (call, path) => {
      if (call === 'sync') paths.push(path);
      return null;
    };
    await journal.sync();
    expect(new Set(paths).size).toBe(2);
    expect(paths).toHaveLength(2);
  });

  it('hangs: calls wait, the process does not, and what waits is bounded', async () => {
    const { journal, fileSystem } = await inMemory({ maxBytes: 1e9 });
    let goOn = (): void => undefined;
    const hung = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const { space } = fileSystem;
    fileSystem.space = async (path) => {
      await hung;
      return space.call(fileSystem, path);
    };
    const calls = Array.from({ length: 9 }, () => journal.append([Buffer.alloc(8 * 1024 * 1024 - 16)]));
    const last = calls.pop();
    await expect(last).rejects.toMatchObject({ code: 'full', message: expect.stringContaining('does not keep up') });
    goOn();
    expect(await Promise.all(calls)).toHaveLength(8);
  });

  it('cannot be read for a while: read says so, then passes over it; it is all there when the disk is back', async () => {
    const { journal, fileSystem, problems, open } = await inMemory();
    for (let i = 0; i < 30; i++) await journal.append([text(`${i} ${'.'.repeat(90)}`)]);
    const bad = '/j/0000000000000002.seg';
    fileSystem.fault = (call, path) => (call === 'read' && path === bad ? { code: 'EIO' } : null);
    const from = { segment: 2, offset: 0 };
    await expect(journal.read(from, 1000)).rejects.toMatchObject({ code: 'io' });
    expect((await journal.read(start, 1e6)).map(({ position }) => position.segment)).not.toContain(3);
    const { now } = performance;
    performance.now = () => now.call(performance) + 61_000;
    try {
      expect((await journal.read(from, 200))[0]?.position.segment).toBe(3);
    } finally {
      performance.now = now;
    }
    expect(problems.map(({ code }) => code)).toEqual(['io', 'bad-segment']);
    fileSystem.fault = () => null;
    expect(await texts(await open())).toHaveLength(30);
  });

  it('loses a file: its records are counted as lost, the others come', async () => {
    const { journal, fileSystem, problems } = await inMemory();
    for (let i = 0; i < 30; i++) await journal.append([text(`${i} ${'.'.repeat(90)}`)]);
    await fileSystem.remove('/j/0000000000000002.seg');
    const lost = journal.segments()[1]?.records ?? 0;
    expect(await texts(journal)).toHaveLength(30 - lost);
    expect(problems.map(({ code }) => code)).toEqual(['bad-segment']);
    expect(journal.stats()).toMatchObject({ records: 30 - lost, badSegments: 1 });
  });
});

describe('read', () => {
  it('gives at most so many bytes, at least one record, and goes on where it ended, over segments', async () => {
    const { journal } = await inMemory();
    for (let i = 0; i < 40; i++) await journal.append([text(String(i).padEnd(100))]);
    const seen: string[] = [];
    for (let at = journal.first; ; ) {
      const records = await journal.read(at, 250);
      if (records.length === 0) break;
      expect(records.length).toBeLessThanOrEqual(2);
      seen.push(...records.map(({ bytes }) => bytes.toString().trim()));
      at = records.at(-1)?.end ?? at;
    }
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => `${i}`));
    expect(await journal.read(start, 1)).toHaveLength(1);
    expect(await journal.read(journal.end, 1)).toEqual([]);
  });

  it('from no place where a record begins, goes on at the next one and takes it for no damage', async () => {
    const { journal, problems } = await inMemory();
    const positions = await journal.append([text('a'), text('b'), text('c')]);
    const [, b] = positions;
    const within = { segment: 1, offset: (b?.offset ?? 0) - 3 };
    expect((await journal.read(within, 100)).map(({ bytes }) => bytes.toString())).toEqual(['b', 'c']);
    expect(await journal.readAt(within)).toBeNull();
    expect(problems).toEqual([]);
  });

  it('passes over damage that came while it was open, reports it once, and sets it aside when it is released', async () => {
    const { journal, fileSystem, problems } = await inMemory();
    const positions = await journal.append(['a', 'b', 'c'].map(text));
    await journal.sync();
    const [[path, bytes] = ['', Buffer.alloc(0)]] = fileSystem.content;
    const damaged = Buffer.from(bytes);
    damaged[(positions[1]?.offset ?? 0) + 16] = 0;
    fileSystem.content = new Map([[path, damaged]]);
    expect(await texts(journal)).toEqual(['a']);
    expect(await journal.readAt(positions[2] ?? start)).toBeNull();
    await journal.append([text('d')]);
    expect(await texts(journal)).toEqual(['a', 'd']);
    expect(problems.map(({ code }) => code)).toEqual(['bad-segment']);
    await journal.release({ segment: 2, offset: 0 });
    expect([...fileSystem.content.keys()]).toEqual(['/j/0000000000000002.seg', expect.stringMatching(/\.bad$/)]);
  });
});

describe('release and cursor', () => {
  it('deletes whole segments only, the one being written too, and never gives a position again', async () => {
    const { journal, fileSystem, open } = await inMemory();
    const used = new Set<string>();
    const append = async (to: Journal) => {
      for (const { segment, offset } of await to.append([text('x')])) {
        expect(used.has(`${segment} ${offset}`)).toBe(false);
        used.add(`${segment} ${offset}`);
      }
    };
    await append(journal);
    await append(journal);
    await journal.release(journal.first);
    await journal.release({ ...journal.end, offset: journal.end.offset - 1 });
    expect(await texts(journal)).toHaveLength(2);
    await journal.release(journal.end);
    expect(await texts(journal)).toEqual([]);
    expect(journal.first).toEqual(journal.end);
    expect(journal.stats()).toMatchObject({ bytes: 0, records: 0, segments: 0 });
    for (let i = 0; i < 3; i++) {
      const again = await open();
      await append(again);
      await again.release(again.end);
    }
    expect(fileSystem.content.size).toBe(1);
    await append(await open());
    expect(fileSystem.content.size).toBe(1);
  });

  it('says when it cannot delete, and does so later', async () => {
    const { journal, fileSystem } = await inMemory();
    for (let i = 0; i < 30; i++) await journal.append([Buffer.alloc(100)]);
    fileSystem.fault = (call) => (call === 'remove' ? { code: 'EROFS' } : null);
    await expect(journal.release(journal.end)).rejects.toMatchObject({ code: 'io' });
    expect(await texts(journal)).toHaveLength(30);
    fileSystem.fault = () => null;
    await journal.release(journal.end);
    expect(await texts(journal)).toEqual([]);
  });

  it('keeps the cursor, never before the oldest record', async () => {
    const { journal, fileSystem, open } = await inMemory();
    expect(journal.cursor).toEqual(journal.first);
    for (let i = 0; i < 30; i++) await journal.append([Buffer.alloc(100)]);
    const { end } = journal;
    await Promise.all([journal.setCursor(journal.first), journal.setCursor(end)]);
    expect((await open()).cursor).toEqual(end);
    await journal.setCursor(journal.first);
    const { first } = journal;
    await journal.release({ segment: 2, offset: 0 });
    expect(comparePositions(journal.cursor, first)).toBeGreaterThan(0);
    fileSystem.fault = (call) => (call === 'rename' ? { code: 'EIO' } : null);
    await expect(journal.setCursor(end)).rejects.toMatchObject({ code: 'io' });
    fileSystem.fault = () => null;
    const again = await open();
    expect(again.cursor).toEqual(again.first);
  });
});
