import { chmodSync, chownSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { DiagnosticDump, type DiagnosticDumpOptions } from './diagnostic-dump.ts';
import type { DumpEntry } from './dump-entry.ts';
import { parseCommandsLog } from './dump-parse.ts';

const TIME = Date.UTC(2026, 3, 22, 20, 13, 19, 456);
const entry = (path: string, stdout = 'x\n'): DumpEntry => ({
  time: TIME,
  asked: { kind: 'file', path },
  durationMs: 1,
  answer: { stdout, stderr: '' },
});

function dumpIn(directory: string, options: Partial<DiagnosticDumpOptions> = {}) {
  const warnings: string[] = [];
  const dump = new DiagnosticDump(directory, { warn: (message) => warnings.push(message), ...options });
  const log = (name: string) => readFileSync(join(directory, name), 'utf8');
  const mode = (name: string) => statSync(join(directory, name)).mode & 0o777;
  return { dump, warnings, log, mode };
}

describe('DiagnosticDump', () => {
  it('writes both logs, for the eyes of their owner alone', async () => {
    const { dump, warnings, log, mode } = dumpIn(join(tempDir(), 'a', 'dump'));
    dump.command(entry('/proc/stat', 'cpu 1\n'));
    dump.payload('fast', '{"v":1,"data":{}}', TIME);
    dump.payload('status', 'online', TIME);
    await dump.close();
    expect(log('commands.log')).toBe('===== 2026-04-22T20:13:19.456Z =====\n< /proc/stat\nduration=1ms  size=6\n\ncpu 1\n\n');
    expect(log('samples.log')).toBe(
      '===== 2026-04-22T20:13:19.456Z  kind=fast =====\n{\n  "v": 1,\n  "data": {}\n}\n\n' +
        '===== 2026-04-22T20:13:19.456Z  kind=status =====\nonline\n\n',
    );
    expect([mode('.'), mode('commands.log'), mode('samples.log')]).toEqual([0o700, 0o600, 0o600]);
    expect(warnings).toEqual([]);
  });

  it('goes on in logs that are there, tightened, after whatever a killed process left', async () => {
    const folder = tempDir();
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'commands.log'), '===== 2026-04-22T20:13:19.4', { mode: 0o644 });
    const { dump, mode } = dumpIn(folder);
    dump.command(entry('/a'));
    await dump.close();
    expect([...parseCommandsLog(readFileSync(join(folder, 'commands.log')))]).toEqual(['damaged', entry('/a')]);
    expect([mode('.'), mode('commands.log')]).toEqual([0o755, 0o600]);
  });

  it('is bounded: rotates between entries and keeps two', async () => {
    const folder = tempDir();
    const { dump, warnings } = dumpIn(folder, { maxBytes: 1000 });
    for (let i = 0; i < 40; i++) dump.command(entry(`/n/${i}`, 'y'.repeat(150)));
    await dump.close();
    const read = ['commands.log.2', 'commands.log.1', 'commands.log'].map((name) => [
      ...parseCommandsLog(readFileSync(join(folder, name))),
    ]);
    expect(read.map((entries) => entries.length)).toEqual([4, 4, 4]);
    expect(read.flat()).toEqual(Array.from({ length: 12 }, (_, i) => entry(`/n/${28 + i}`, 'y'.repeat(150))));
    expect(existsSync(join(folder, 'commands.log.3'))).toBe(false);
    expect(statSync(join(folder, 'commands.log.1')).size).toBeLessThanOrEqual(1000);
    expect(warnings).toEqual([]);
  });

  it('is off where no folder can be made, also where mkdir(2) says ENOENT for ever', async () => {
    const { dump, warnings } = dumpIn('/proc/hostwire/dump');
    dump.command(entry('/a'));
    await dump.close();
    expect(warnings).toEqual([expect.stringContaining('set [debug] dump_dir to a folder that the agent may write to')]);
  });

  it.runIf(process.getuid?.() === 0)('writes into no file of another user, who could read it', async () => {
    const folder = tempDir();
    writeFileSync(join(folder, 'samples.log'), '');
    chownSync(join(folder, 'samples.log'), 65534, 65534);
    const { dump, warnings } = dumpIn(folder);
    dump.payload('fast', '{}');
    await dump.close();
    expect(warnings).toEqual([expect.stringContaining('belongs to another user')]);
    expect(statSync(join(folder, 'samples.log')).size).toBe(0);
  });

  it('drops what the disk is too slow for, counts it and notes it', async () => {
    const { dump, log } = dumpIn(tempDir(), { queueBytes: 1000 });
    for (let i = 0; i < 20; i++) dump.command(entry(`/n/${i}`, 'y'.repeat(150)));
    await dump.flush();
    dump.command(entry('/after'));
    await dump.close();
    expect(dump.dropped).toBe(16);
    expect(log('commands.log')).toContain('\n# 16 entries were dropped');
    const kept = [...parseCommandsLog(Buffer.from(log('commands.log')))];
    expect(kept).toHaveLength(5);
    expect(kept).not.toContain('damaged');
  });

  it('is off with one warning where its folder cannot be made', async () => {
    const file = join(tempDir(), 'file');
    writeFileSync(file, '');
    const { dump, warnings } = dumpIn(join(file, 'dump'));
    for (let i = 0; i < 3; i++) dump.command(entry('/a'));
    await dump.flush();
    dump.payload('fast', '{}');
    await dump.close();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/the diagnostic dump is off: .*ENOTDIR.*dump_dir/);
    expect(dump.active).toBe(false);
  });

  it.each([
    ['a symbolic link', (target: string, log: string) => symlinkSync(target, log)],
    ['a hard link', (target: string, log: string) => linkSync(target, log)],
    ['a folder', (_target: string, log: string) => mkdirSync(log)],
  ])('does not write through %s', async (_what, make) => {
    const folder = tempDir();
    const target = join(folder, 'target');
    writeFileSync(target, 'untouched');
    make(target, join(folder, 'commands.log'));
    const { dump, warnings } = dumpIn(folder);
    dump.command(entry('/a'));
    await dump.close();
    expect(warnings).toHaveLength(1);
    expect(readFileSync(target, 'utf8')).toBe('untouched');
  });

  it('is off with one warning when it cannot be written any more', async () => {
    const folder = join(tempDir(), 'dump');
    const { dump, warnings } = dumpIn(folder, { maxBytes: 100 });
    dump.command(entry('/a', 'y'.repeat(90)));
    await dump.flush();
    rmSync(folder, { recursive: true });
    for (let i = 0; i < 3; i++) dump.command(entry('/b', 'y'.repeat(90)));
    await dump.close();
    expect(warnings).toHaveLength(1);
    expect(existsSync(folder)).toBe(false);
  });
});
