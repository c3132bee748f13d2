import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { type DumpEntry, encodeEntry } from './dump-entry.ts';
import { ReplayHost, type ReplayOptions } from './replay-host.ts';

const START = Date.UTC(2026, 3, 22, 20, 0, 0, 0);
const file = (path: string, time: number, stdout: string): DumpEntry => ({
  time: START + time,
  asked: { kind: 'file', path },
  durationMs: 0,
  answer: { stdout, stderr: '' },
});
const sample = (time: number) =>
  `===== 2026-04-22T20:00:00.000Z  kind=fast =====\n${JSON.stringify({ v: 1, time: START + time }, null, 2)}\n\n`;

function replay(logs: Record<string, DumpEntry[] | string>, options?: ReplayOptions): Promise<ReplayHost> {
  const folder = tempDir();
  for (const [name, log] of Object.entries(logs)) {
    writeFileSync(join(folder, name), typeof log === 'string' ? log : Buffer.concat(log.map(encodeEntry)));
  }
  return ReplayHost.open(folder, options);
}

describe('ReplayHost', () => {
  it('gives the n-th ask the n-th answer, then stays at the last', async () => {
    const host = await replay({ 'commands.log': [file('/a', 0, '1'), file('/b', 0, 'b'), file('/a', 1, '2')] });
    expect([await host.readFile('/a'), await host.readFile('/a'), await host.readFile('/a')]).toEqual(['1', '2', '2']);
    expect(await host.readFile('/b')).toBe('b');
  });

  it('starts again from the beginning in mock mode', async () => {
    const host = await replay({ 'commands.log': [file('/a', 0, '1'), file('/a', 1, '2')] }, { loop: true });
    const read = [];
    for (let i = 0; i < 5; i++) read.push(await host.readFile('/a'));
    expect(read).toEqual(['1', '2', '1', '2', '1']);
  });

  it('fails as it was recorded, and says what was never recorded', async () => {
    const failed: DumpEntry = {
      time: START,
      asked: { kind: 'command', command: 'zpool', args: ['list'] },
      durationMs: 0,
      answer: { error: 'ENOENT' },
    };
    const host = await replay({ 'commands.log': [failed] });
    await expect(host.exec('zpool', ['list'])).rejects.toMatchObject({ code: 'ENOENT', name: 'AccessError' });
    await expect(host.exec('zpool', ['list', '-H'])).rejects.toMatchObject({ code: 'not-recorded' });
    expect(await host.readFiles(['/a'])).toMatchObject([{ code: 'not-recorded' }]);
  });

  it('reads the rotated files first, and a log whose end is torn', async () => {
    const torn = Buffer.concat([encodeEntry(file('/a', 3, '3')), encodeEntry(file('/a', 4, '4444')).subarray(0, -5)]).toString();
    const host = await replay({
      'commands.log': torn,
      'commands.log.1': [file('/a', 2, '2')],
      'commands.log.10': [file('/a', 0, '0')],
      'commands.log.2': [file('/a', 1, '1')],
      'commands.log.bak': [file('/a', 9, '9')],
    });
    const read = [];
    for (let i = 0; i < 5; i++) read.push(await host.readFile('/a'));
    expect(read).toEqual(['0', '1', '2', '3', '3']);
    expect(host.damaged).toBe(1);
  });

  it('says so when the folder is no dump', async () => {
    await expect(replay({ 'samples.log': '' })).rejects.toMatchObject({ code: 'ENOENT', message: expect.stringContaining('dump_dir') });
    await expect(ReplayHost.open('/nowhere/at/all')).rejects.toMatchObject({ code: 'ENOENT' });
    const folder = tempDir();
    mkdirSync(join(folder, 'commands.log'));
    await expect(ReplayHost.open(folder)).rejects.toMatchObject({ code: 'EISDIR' });
  });
});

describe('ReplayHost: ticks', () => {
  // A probe, then ticks that are 5.01, 4.99 and 5 s apart and read /shared twice each.
  const ticks = [100, 5110, 10_100, 15_100];
  const entries = [
    file('/probe', 0, 'p'),
    file('/stat', 1, 'probed'),
    ...ticks.flatMap((at, n) => [
      file('/stat', at + 1, `stat ${n}`),
      file('/shared', at + 1, `first ${n}`),
      file('/shared', at + 2, `second ${n}`),
      file('/late', at + 900, `late ${n}`),
    ]),
    file('/slow', 101, 'slow 0'),
    file('/slow', 10_101, 'slow 1'),
  ];
  const stamps = ticks.map(sample).join('');

  async function read(host: ReplayHost) {
    return [await host.readFile('/stat'), await host.readFile('/shared'), await host.readFile('/late')];
  }

  it('have the stamps of the recorded samples, also if less is asked now than was then', async () => {
    const host = await replay({ 'commands.log': entries, 'samples.log': stamps });
    expect(await host.readFile('/stat')).toBe('probed');
    for (const [n, at] of ticks.entries()) {
      expect(host.beginTick('fast')).toEqual({ time: START + at, monotonic: at - 100 });
      expect(host.now()).toEqual({ time: START + at, monotonic: at - 100 });
      expect(await read(host)).toEqual([`stat ${n}`, `first ${n}`, `late ${n}`]);
    }
  });

  it('go by the answers alone where no samples were recorded', async () => {
    const host = await replay({ 'commands.log': entries });
    await host.readFile('/stat');
    for (const [n, at] of ticks.entries()) {
      expect(host.beginTick('fast')).toEqual({ time: START + at + 1, monotonic: at - 100 });
      expect(await read(host)).toEqual([`stat ${n}`, `first ${n}`, `late ${n}`]);
    }
  });

  it('stand still after the last one, so that no rate is made up', async () => {
    const host = await replay({ 'commands.log': entries, 'samples.log': stamps });
    await host.readFile('/stat');
    for (const _ of ticks) {
      host.beginTick();
      await read(host);
    }
    const last = host.now();
    expect(host.beginTick()).toEqual(last);
    expect(await read(host)).toEqual(['stat 3', 'second 3', 'late 3']);
  });

  it('go round in mock mode on a clock that never goes back', async () => {
    const host = await replay({ 'commands.log': entries.slice(2), 'samples.log': stamps }, { loop: true });
    const seen = [];
    for (let i = 0; i < 6; i++) {
      seen.push(host.beginTick('fast').monotonic);
      await host.readFile('/stat');
      await host.readFile('/late');
    }
    expect(seen).toEqual([0, 5010, 10_000, 15_000, 20_000, 25_010]);
  });

  it('of another tier have their own pace', async () => {
    const host = await replay({ 'commands.log': entries, 'samples.log': stamps });
    await host.readFile('/stat');
    host.beginTick('fast');
    await read(host);
    expect(host.beginTick('slow').time).toBe(START + 100);
    expect(await host.readFile('/slow')).toBe('slow 0');
    expect(host.beginTick('fast')).toEqual({ time: START + 5110, monotonic: 5010 });
    await read(host);
    expect(host.beginTick('slow')).toEqual({ time: START + 10_100, monotonic: 10_000 });
    expect(await host.readFile('/slow')).toBe('slow 1');
    expect(host.beginTick('fast').time).toBe(START + 10_100);
  });
});
