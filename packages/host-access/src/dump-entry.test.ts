import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askLine, type DumpEntry, decodeNames, decodeStat, encodeEntry, encodeNames, encodeStat, parseAskLine } from './dump-entry.ts';
import { parseCommandsLog } from './dump-parse.ts';

const TIME = Date.UTC(2026, 3, 22, 20, 13, 19, 123);
const wellFormed = fc.string({ unit: 'binary' }).map((text) => Buffer.from(text).toString());
const output = fc.oneof(
  wellFormed,
  fc.constantFrom('\n', '\n\n', 'x\n', '===== 2026-04-22T20:13:19.123Z =====\n$ rm -rf\nexit=0  duration=1ms  size=0\n\n', '\n===== '),
);
const asked = fc.oneof(
  fc.record({ kind: fc.constant('command' as const), command: wellFormed, args: fc.array(wellFormed) }),
  fc.record({ kind: fc.constant('request' as const), method: fc.constantFrom('GET', 'HEAD'), target: wellFormed, path: wellFormed }),
  fc.record({ kind: fc.constant('dial' as const), target: wellFormed, until: wellFormed }),
  fc.record({ kind: fc.constant('resolve' as const), type: wellFormed, name: wellFormed, server: wellFormed }),
  fc.record({ kind: fc.constantFrom('file' as const, 'dir' as const, 'link' as const, 'statfs' as const), path: wellFormed }),
);
const ms = fc.integer({ min: 0, max: 1e9 }).map((us) => us / 1000);
const timings = fc.record({ dnsMs: ms, connectMs: ms, tlsMs: ms, firstByteMs: ms, totalMs: ms });
const entry: fc.Arbitrary<DumpEntry> = fc.record({
  time: fc.integer({ min: 0, max: 253_402_300_799_999 }),
  asked,
  durationMs: fc.nat(100_000),
  answer: fc.oneof(
    fc.record({ exitCode: fc.integer({ min: -1, max: 255 }), stdout: output, stderr: output }),
    fc.record({ status: fc.integer({ min: 100, max: 599 }), stdout: output, stderr: output }),
    fc.record({ status: fc.constant(200), timings, stdout: output, stderr: output }),
    fc.record({ stdout: output, stderr: fc.constant('') }),
    fc.record({ error: fc.constantFrom('ENOENT', 'EACCES', 'timeout', 'too-large') }),
  ),
});

describe('an entry of commands.log', () => {
  const text = (part: Pick<DumpEntry, 'asked' | 'answer'>, durationMs = 12.4) =>
    encodeEntry({ time: TIME, durationMs, ...part }).toString();

  it('has the forms that are documented, to the byte', () => {
    const zpool = { kind: 'command', command: 'zpool', args: ['list', '-Hp'] } as const;
    expect(text({ asked: zpool, answer: { exitCode: 0, stdout: 'tank\t1\n', stderr: '' } })).toBe(
      '===== 2026-04-22T20:13:19.123Z =====\n$ zpool list -Hp\nexit=0  duration=12ms  size=7\n\ntank\t1\n\n',
    );
    expect(text({ asked: zpool, answer: { exitCode: 1, stdout: 'a', stderr: 'caf\u00e9\n' } })).toBe(
      '===== 2026-04-22T20:13:19.123Z =====\n$ zpool list -Hp\nexit=1  duration=12ms  size=7 stderr=6\n\nacaf\u00e9\n\n',
    );
    expect(text({ asked: zpool, answer: { error: 'ENOENT' } }, 0)).toBe(
      '===== 2026-04-22T20:13:19.123Z =====\n$ zpool list -Hp\nerror=ENOENT  duration=0ms\n\n',
    );
    expect(text({ asked: { kind: 'file', path: '/proc/stat' }, answer: { stdout: 'no line end', stderr: '' } })).toBe(
      '===== 2026-04-22T20:13:19.123Z =====\n< /proc/stat\nduration=12ms  size=11\n\nno line end\n\n',
    );
  });

  it('names what was asked in one line, which reads back', () => {
    expect(askLine({ kind: 'dir', path: '/proc' })).toBe('< dir /proc');
    expect(askLine({ kind: 'statfs', path: '/mnt/my disk' })).toBe("< statfs '/mnt/my disk'");
    expect(askLine({ kind: 'link', path: '/proc/self/exe' })).toBe('< link /proc/self/exe');
    expect(parseAskLine('< statfs /mnt/my disk')).toEqual({ kind: 'statfs', path: '/mnt/my disk' });
    expect(parseAskLine('> GET unix:/run/docker.sock /info')).toEqual({
      kind: 'request',
      method: 'GET',
      target: 'unix:/run/docker.sock',
      path: '/info',
    });
    expect(parseAskLine('> GET unix:/run/docker.sock')).toBeNull();
    expect(parseAskLine('? x')).toBeNull();
    expect(askLine({ kind: 'dial', target: 'tls:example.org:443', until: '9 bytes' })).toBe("@ dial tls:example.org:443 '9 bytes'");
    expect(askLine({ kind: 'resolve', type: 'MX', name: 'example.org', server: '' })).toBe("@ resolve MX example.org ''");
    for (const line of ['@ dial x', '@ dial x y z', '@ resolve x y', '@ whois x y']) expect(parseAskLine(line)).toBeNull();
    fc.assert(
      fc.property(asked, (ask) => {
        expect(parseAskLine(askLine(ask))).toEqual(ask);
      }),
    );
  });

  it('reads back whatever was asked and answered, one after the other', () => {
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        expect([...parseCommandsLog(Buffer.concat(entries.map(encodeEntry)))]).toEqual(entries);
      }),
    );
  });

  it('loses no more than the entry that was torn', () => {
    const simple = entry.filter(({ answer }) => answer.error !== undefined || !`${answer.stdout}${answer.stderr}`.includes('====='));
    fc.assert(
      fc.property(fc.array(simple, { minLength: 1 }), simple, fc.nat(), (before, after, cut) => {
        const whole = before.map(encodeEntry);
        const last = whole.pop() ?? Buffer.alloc(0);
        const torn = Buffer.concat([...whole, last.subarray(0, cut % last.length), Buffer.from('\n'), encodeEntry(after)]);
        const read = [...parseCommandsLog(torn)].filter((x) => x !== 'damaged');
        expect(read.slice(0, before.length - 1)).toEqual(before.slice(0, -1));
        expect(read.at(-1)).toEqual(after);
      }),
    );
  });

  it('passes over notes, asks of a later version and noise', () => {
    const good = encodeEntry({ time: TIME, asked: { kind: 'file', path: '/a' }, durationMs: 0, answer: { stdout: 'x', stderr: '' } });
    const header = '===== 2026-04-22T20:13:19.123Z =====\n';
    const note = Buffer.from(`${header}# 3 entries were dropped: the disk is too slow\n\n`);
    const later = Buffer.from(`${header}? GET unix:/run/docker.sock /info\nstatus=200 size=2\n\n{}\n\n`);
    const entries = [...parseCommandsLog(Buffer.concat([note, good, later, good, Buffer.from('noise\n'), good]))];
    expect(entries.filter((x) => x !== 'damaged')).toHaveLength(3);
    expect(entries).toContain('damaged');
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect([...parseCommandsLog(Buffer.from(bytes))].filter((x) => x !== 'damaged')).toEqual([]);
      }),
    );
  });
});

describe('bodies', () => {
  it('of a directory: one name a line', () => {
    expect(encodeNames(['1', 'a b', 'x\ny'])).toBe("1\na b\n$'x\\x0ay'\n");
    const name = fc.string({ unit: 'binary', minLength: 1 });
    fc.assert(
      fc.property(fc.array(name), (names) => {
        expect(decodeNames(encodeNames(names))).toEqual(names);
      }),
    );
  });

  it('of a statfs: key=value lines', () => {
    const stat = { blockSize: 4096, blocks: 10, blocksFree: 5, blocksAvailable: 4, files: 100, filesFree: 50 };
    expect(encodeStat(stat)).toBe('blockSize=4096\nblocks=10\nblocksFree=5\nblocksAvailable=4\nfiles=100\nfilesFree=50\n');
    expect(decodeStat(encodeStat(stat))).toEqual(stat);
  });
});
