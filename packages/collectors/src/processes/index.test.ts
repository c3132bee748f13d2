import { AccessError } from '@hostwire/host-access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { processes } from './index.ts';
import { parsePasswd, parseProcessStat } from './parse.ts';

interface Made {
  readonly name?: string;
  readonly state?: string;
  readonly ticks?: number;
  readonly threads?: number;
  readonly start?: number;
  readonly rss?: number;
  readonly uid?: number;
}
const statLine = (pid: number, { name = 'p', state = 'S', ticks = 0, threads = 1, start = 5, rss = 1 }: Made) =>
  `${pid} (${name}) ${state} 1 1 1 0 -1 0 1 0 0 0 ${ticks} 0 0 0 20 0 ${threads} 0 ${start} 4096000 ${rss} 18446744073709551615 1 1\n`;
const host = (list: Record<number, Made>, files: Record<string, string | AccessError> = {}) =>
  new TreeHost({
    files: {
      '/proc/stat': 'cpu 1 2 3 4\n',
      '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n',
      ...Object.fromEntries(
        Object.entries(list).flatMap(([pid, made]) => [
          [`/proc/${pid}/stat`, statLine(Number(pid), made)],
          [`/proc/${pid}/status`, `Name:\tp\nUid:\t${made.uid ?? 0}\t0\t0\t0\n`],
        ]),
      ),
      ...files,
    },
  });
const ranked = (rows: readonly { tags?: Readonly<Record<string, string>>; fields: Readonly<Record<string, unknown>> }[], by: string) =>
  rows.filter(({ tags }) => tags?.['by'] === by).map(({ tags, fields }) => [tags?.['rank'], fields['pid'], fields['cpu_usage']]);

describe('processes', () => {
  it('counts by state, with threads', async () => {
    const states = ['R', 'S', 'S', 'D', 'Z', 'T', 't', 'X', 'W', 'I', 'q'];
    const access = host(Object.fromEntries(states.map((state, index) => [index + 1, { state, threads: index === 0 ? 4 : 1 }])));
    expect(await new Readings(processes).read(access)).toEqual([
      {
        fields: {
          total: 11,
          total_threads: 14,
          running: 1,
          sleeping: 2,
          blocked: 1,
          zombies: 1,
          stopped: 2,
          dead: 1,
          paging: 1,
          idle: 1,
          unknown: 1,
        },
      },
    ]);
    const [row] = await new Readings(processes).read(host({ 1: { state: 'P' } }));
    expect(row?.fields['parked']).toBe(1);
  });

  it('passes over what ended while it was read', async () => {
    const ended = { '/proc/2/stat': new AccessError('ESRCH', 'no such process'), '/proc/3/stat': new AccessError('ENOENT', 'gone') };
    const [row] = await new Readings(processes).read(host({ 1: {} }, ended));
    expect(row?.fields['total']).toBe(1);
  });

  it('reports what it could not read or understand once, and counts the others', async () => {
    const readings = new Readings(processes);
    const odd = { '/proc/2/stat': new AccessError('EIO', 'i/o error'), '/proc/3/stat': '3 (a', '/proc/4/stat': '' };
    const [row] = await readings.read(host({ 1: {} }, odd));
    expect(row?.fields['total']).toBe(1);
    expect(readings.reported).toMatchObject([{ code: 'EIO' }]);
    await expect(readings.read(host({}, odd))).rejects.toMatchObject({ code: 'EIO' });
  });
});

describe('process_top', () => {
  const top = (readings: Readings, access: TreeHost, monotonic: number) => readings.read(access, monotonic, 'process_top');

  it('ranks by memory at once, and by cpu from the second reading, in percent of one core', async () => {
    const readings = new Readings(processes);
    const first = await top(readings, host({ 1: { ticks: 100, rss: 50 }, 2: { ticks: 900, rss: 70, uid: 1000 } }), 10_000);
    expect(first).toEqual([
      { tags: { by: 'memory', rank: '1' }, fields: { process_name: 'p', user: 'anna', pid: 2, memory_rss: 70 * 4096 } },
      { tags: { by: 'memory', rank: '2' }, fields: { process_name: 'p', user: 'root', pid: 1, memory_rss: 50 * 4096 } },
    ]);
    // 2 s later: 1 used 3 s of cpu on several cores, 2 used 0.5 s.
    const second = await top(readings, host({ 1: { ticks: 400, rss: 50, uid: 7 }, 2: { ticks: 950, rss: 70 } }), 12_000);
    expect(ranked(second, 'cpu')).toEqual([
      ['1', 1, 150],
      ['2', 2, 25],
    ]);
    expect(second[0]?.fields['user']).toBe('7');
  });

  it('has the exact memory of those that it names, in its order', async () => {
    const status = (rss: number) => `Name:\tp\nUid:\t0\t0\t0\t0\nVmRSS:\t    ${rss} kB\n`;
    const exact = { '/proc/1/status': status(410), '/proc/2/status': status(420) };
    const rows = await top(new Readings(processes), host({ 1: { rss: 101 }, 2: { rss: 100 } }, exact), 0);
    expect(rows.map(({ fields }) => [fields['pid'], fields['memory_rss']])).toEqual([
      [2, 420 * 1024],
      [1, 410 * 1024],
    ]);
  });

  it('counts all the time of a process that is new, also when it has the pid of another', async () => {
    const readings = new Readings(processes);
    await top(readings, host({ 1: { ticks: 500 }, 2: { ticks: 800, start: 5 } }), 0);
    const rows = await top(readings, host({ 1: { ticks: 500 }, 2: { ticks: 60, start: 90 }, 3: { ticks: 30, start: 95 } }), 1000);
    expect(ranked(rows, 'cpu')).toEqual([
      ['1', 2, 60],
      ['2', 3, 30],
      ['3', 1, 0],
    ]);
  });

  it('has no usage for a process that was there before but not seen', async () => {
    const readings = new Readings(processes);
    await top(readings, host({ 1: {} }), 0);
    const rows = await top(readings, host({ 1: {}, 2: { ticks: 1_000_000 } }), 1000);
    expect(ranked(rows, 'cpu').map(([, pid]) => pid)).toEqual([1]);
    expect(rows.filter(({ fields }) => fields['pid'] === 2).every(({ fields }) => !('cpu_usage' in fields))).toBe(true);
  });

  it('names at most as many as asked for, in an order that does not change', async () => {
    const many = host(Object.fromEntries(Array.from({ length: 30 }, (_, index) => [index + 1, { rss: 5 }])));
    expect(ranked(await top(new Readings(processes), many, 0), 'memory').map(([, pid]) => pid)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await top(new Readings(processes, { top: 3 }), many, 0)).toHaveLength(3);
    expect(await top(new Readings(processes, { top: 0 }), many, 0)).toEqual([]);
  });
});

it('any name comes out of /proc/<pid>/stat as it is, and forges no other column', () => {
  const unit = fc.constantFrom('(', ')', ' ', '\n', 'R', 'a', '1', ') Z 1');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 15 }), fc.nat(2 ** 40), (name, ticks) => {
      expect(parseProcessStat(statLine(7, { name, ticks, state: 'S', threads: 3, rss: 9 }))).toEqual({
        pid: 7,
        name,
        state: 'S',
        parent: 1,
        ticks,
        childTicks: 0,
        threads: 3,
        startTime: 5,
        rssPages: 9,
      });
    }),
  );
});

it('the first name of a user id counts, and lines that are no entries do not', () => {
  expect(parsePasswd('root:x:0:0:\n# note\ntoor:x:0:0:\n+::::\nx:x:abc:1:\n')).toEqual(new Map([['0', 'root']]));
});
