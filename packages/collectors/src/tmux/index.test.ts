import { AccessError, type ExecResult } from '@hostwire/host-access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProcessForest } from '../process-table.ts';
import type { ProcessStat } from '../processes/parse.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { tmux } from './index.ts';
import { PANE_FORMAT, parseSessions, parseTmuxSockets, SESSION_FORMAT } from './parse.ts';
import { toForestReading, usageOf } from './usage.ts';

/** Of the tick of `Readings`, in seconds. */
const NOW = 1_790_000_000;
const LIST = `list-sessions -F ${SESSION_FORMAT} ; list-panes -a -F ${PANE_FORMAT}`;
const own = (name: string) => `tmux -u -L ${name} ${LIST}`;
const as = (uid: number, name: string) => `setpriv --reuid=${uid} --regid=65534 --clear-groups /usr/bin/tmux -u -L ${name} ${LIST}`;
const said = (stdout: string): ExecResult => ({ exitCode: 0, stdout, stderr: '' });
const refused = (stderr: string): ExecResult => ({ exitCode: 1, stdout: '', stderr });
const unix = (...paths: string[]) =>
  `Num       RefCount Protocol Flags    Type St Inode Path\n${paths.map((path) => `00000000deadbeef: 00000002 00000000 00010000 0001 01 77 ${path}\n`).join('')}`;
const stat = (pid: number, parent: number, { ticks = 0, childTicks = 0, start = 5, rss = 1 } = {}) =>
  `${pid} (sh) S ${parent} 1 1 0 -1 0 1 0 0 0 ${ticks} 0 ${childTicks} 0 20 0 1 0 ${start} 4096000 ${rss} 18446744073709551615\n`;

function host(sockets: readonly string[], commands: TreeHost['commands'], processes: readonly string[] = [], self = 0): TreeHost {
  return new TreeHost({
    files: {
      '/proc/net/unix': unix(...sockets),
      '/proc/self/status': `Uid:\t${self}\t${self}\t${self}\t${self}\n`,
      '/etc/passwd': 'root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n',
      '/proc/1/stat': stat(1, 0),
      ...Object.fromEntries(processes.map((text) => [`/proc/${text.split(' ')[0]}/stat`, text])),
    },
    commands,
  });
}

const read = (readings: Readings, access: TreeHost, monotonic = 0) => readings.read(access, monotonic, 'tmux_session');

describe('tmux', () => {
  it('gives the sessions of every user with what their processes use', async () => {
    const anna = `s:$0:${NOW - 9000}:${NOW - 50}:${NOW - 60}:1:2:work\ns:$3:${NOW - 9000}:${NOW - 100}:0:0:1:a b\np:$0:20:0\np:$0:30:0\np:$3:40:1\n`;
    const commands = { [as(1000, 'default')]: said(anna), [own('default')]: said(`s:$1:${NOW - 5}:${NOW - 5}:0:0:1:root's\np:$1:50:0\n`) };
    const sockets = ['/tmp/tmux-1000/default', '/tmp/tmux-0/default', '/run/other.sock', '@/tmp/tmux-0/abstract'];
    const readings = new Readings(tmux);
    await read(readings, host(sockets, commands, [stat(20, 9), stat(21, 20, { ticks: 100 }), stat(30, 9)]), 10_000);
    const later = [stat(20, 9, { rss: 3 }), stat(21, 20, { ticks: 300, rss: 2 }), stat(30, 9), stat(50, 9)];
    expect(await read(readings, host(sockets, commands, later), 12_000)).toEqual([
      {
        tags: { user: 'root', session: "root's" },
        fields: {
          id: '$1',
          socket: '/tmp/tmux-0/default',
          created: NOW - 5,
          last_activity: NOW - 5,
          attached: 0,
          windows: 1,
          pids: 1,
          cpu_usage: 0,
          memory_rss: 4096,
          status: 'active',
        },
      },
      {
        tags: { user: 'anna', session: 'work' },
        fields: {
          id: '$0',
          socket: '/tmp/tmux-1000/default',
          created: NOW - 9000,
          last_activity: NOW - 50,
          attached: 1,
          windows: 2,
          pids: 3,
          cpu_usage: 100,
          memory_rss: 6 * 4096,
          status: 'active',
        },
      },
      {
        tags: { user: 'anna', session: 'a b' },
        fields: {
          id: '$3',
          socket: '/tmp/tmux-1000/default',
          created: NOW - 9000,
          last_activity: NOW - 100,
          attached: 0,
          windows: 1,
          pids: 0,
          status: 'active',
        },
      },
    ]);
    expect(readings.reported).toEqual([]);
  });

  it('asks for itself without setpriv where there is none', async () => {
    const rows = await read(new Readings(tmux), host(['/tmp/tmux-0/x'], { [own('x')]: said('s:$0:1:1:0:0:1:mine\n') }));
    expect(rows).toHaveLength(1);
  });

  it('runs tmux as the user whose server it is, never as root on that of another', async () => {
    const access = host(['/tmp/tmux-1000/default', '/tmp/tmux-7/x'], { [as(1000, 'default')]: said(''), [as(7, 'x')]: said('') });
    await read(new Readings(tmux), access);
    expect(access.asked.filter((asked) => asked.includes('tmux -u'))).toEqual([as(7, 'x'), as(1000, 'default')]);
  });

  it('adds up the GPU memory of all processes of a session, where a GPU tells it', async () => {
    const log = (pid: number, used: string) => `<process_info><pid>${pid}</pid><used_memory>${used}</used_memory></process_info>`;
    const smi = `<nvidia_smi_log><gpu><processes>${log(21, '300 MiB')}${log(9, '7 MiB')}</processes></gpu><gpu><processes>${log(21, '20 MiB')}${log(20, 'N/A')}</processes></gpu></nvidia_smi_log>`;
    const sessions = { [own('x')]: said('s:$0:1:1:0:0:1:train\ns:$1:1:1:0:0:1:idle\np:$0:20:0\np:$1:30:0\n') };
    const processes = [stat(20, 9), stat(21, 20), stat(30, 9)];
    const rows = await read(new Readings(tmux), host(['/tmp/tmux-0/x'], { ...sessions, 'nvidia-smi -q -x': said(smi) }, processes));
    expect(rows.map(({ fields }) => fields['gpu_memory'])).toEqual([320 * 2 ** 20, 0]);
    const without = await read(new Readings(tmux), host(['/tmp/tmux-0/x'], sessions, processes));
    expect(without.every(({ fields }) => !('gpu_memory' in fields))).toBe(true);
  });

  it('calls legacy what has been detached for longer than configured', async () => {
    const session = (idle: number, attached = 0) => {
      const commands = { [own('default')]: said(`s:$0:${NOW - 1e6}:${NOW - idle}:0:${attached}:1:x\n`) };
      return host(['/tmp/tmux-0/default'], commands);
    };
    const status = async (access: TreeHost, readings = new Readings(tmux)) => (await read(readings, access))[0]?.fields['status'];
    expect(await status(session(72 * 3600 - 1))).toBe('active');
    expect(await status(session(72 * 3600))).toBe('legacy');
    expect(await status(session(72 * 3600, 1))).toBe('active');
    expect(await status(session(3600), new Readings(tmux, { legacy_after_hours: 1 }))).toBe('legacy');
    // Nobody pressed a key for days, but it was attached until now.
    const readings = new Readings(tmux);
    expect(await status(session(80 * 3600, 1), readings)).toBe('active');
    expect(await status(session(80 * 3600), readings)).toBe('active');
  });

  it('gives nothing for a server that has gone, an error for one that hangs, and asks no other of that user', async () => {
    const hangs = new AccessError('timeout', 'tmux: no answer in time');
    const commands = {
      [own('gone')]: refused('no server running on /tmp/tmux-0/gone\n'),
      [own('hangs')]: hangs,
      [own('later')]: said(`s:$0:1:1:0:0:1:unseen\n`),
      [as(1000, 'default')]: said(`s:$0:1:1:0:0:1:work\n`),
      [as(1000, 'odd')]: refused('protocol version mismatch (client 8, server 7)\n'),
      [as(7, 'a')]: { exitCode: 127, stdout: '', stderr: 'setpriv: failed to execute /usr/bin/tmux: No such file or directory\n' },
    };
    const readings = new Readings(tmux);
    const sockets = ['gone', 'hangs', 'later'].map((name) => `/tmp/tmux-0/${name}`);
    const rows = await read(readings, host([...sockets, '/tmp/tmux-7/a', '/tmp/tmux-1000/odd', '/tmp/tmux-1000/default'], commands));
    expect(rows.map(({ tags }) => tags)).toEqual([{ user: 'anna', session: 'work' }]);
    const told = (message: string) => expect.objectContaining({ message: expect.stringContaining(message) });
    expect(readings.reported).toEqual([hangs, told('/usr/bin/tmux'), told('version mismatch')]);
  });

  it('passes over the servers of others that it may not ask, and says what grants it', async () => {
    const denied = new AccessError('EACCES', 'sudo is off');
    const version = { 'tmux -V': said('tmux 3.3a\n') };
    const access = host(['/tmp/tmux-0/default'], { [as(0, 'default')]: denied, ...version }, [], 1000);
    const readings = new Readings(tmux);
    expect(await read(readings, access)).toEqual([]);
    expect(readings.reported).toEqual([]);
    expect(await tmux.probe(access, {})).toEqual({ available: true, hint: expect.stringContaining('sudo = true') });
    expect(await tmux.probe(host(['/tmp/tmux-1000/a'], version, [], 1000), {})).toMatchObject({
      hint: expect.stringContaining('PrivateTmp'),
    });
    expect(await tmux.probe(host([], version), {})).toEqual({ available: true });
    expect(await tmux.probe(host([], {}), {})).toEqual({ available: false, reason: 'tmux cannot be run (ENOENT)' });
  });

  it('asks a bounded number of servers of one user, and keeps two sessions of one name apart', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `n${index + 10}`);
    const commands = Object.fromEntries(names.map((name) => [own(name), said('s:$0:1:1:0:0:1:same\n')]));
    const readings = new Readings(tmux);
    const paths = names.map((name) => `/tmp/tmux-0/${name}`);
    const rows = await read(readings, host(paths, commands));
    expect(rows).toHaveLength(16);
    expect(rows.slice(0, 3).map(({ tags }) => tags?.['session'])).toEqual(['same', 'same@n11', 'same@n12']);
    expect(readings.reported).toMatchObject([{ code: 'too-large' }]);
  });

  it('is not held up by a server of a user who lets it tell of sessions without end, all of one name', async () => {
    const flood = Array.from({ length: 40_000 }, (_, index) => `s:$${index}:1:1:0:0:1:same\np:$${index}:${index + 2}:0\n`).join('');
    const readings = new Readings(tmux);
    const began = performance.now();
    const rows = await read(readings, host(['/tmp/tmux-0/default'], { [own('default')]: said(flood) }));
    expect(performance.now() - began).toBeLessThan(3000);
    expect(rows).toHaveLength(1000);
    expect(new Set(rows.map(({ tags }) => tags?.['session'])).size).toBe(1000);
    expect(Math.max(...rows.map(({ tags }) => tags?.['session']?.length ?? 0))).toBeLessThan(40);
    expect(readings.reported).toMatchObject([{ code: 'too-large' }]);
  });
});

describe('usageOf', () => {
  const process = (pid: number, parent: number, more: Partial<ProcessStat> = {}): ProcessStat => {
    return { pid, parent, name: 'p', state: 'S', ticks: 0, childTicks: 0, threads: 1, startTime: 5, rssPages: 1, ...more };
  };
  const reading = (monotonic: number, stats: ProcessStat[]) => toForestReading(new ProcessForest(stats), stats, monotonic);
  /** Over one second, of the tree of process 1: ticks are percent. */
  const usage = (before: ProcessStat[], now: ProcessStat[]) =>
    usageOf(new ProcessForest(now).below([1]), reading(0, before), reading(1000, now));

  it('counts what children used that began, ended or did both between the readings', () => {
    const before = [process(1, 0, { ticks: 10 }), process(2, 1, { ticks: 500 }), process(3, 2, { ticks: 40 })];
    expect(usage(before, [process(1, 0, { ticks: 30 }), process(4, 1, { ticks: 7, startTime: 9 })])).toBe(27);
    // 2 used 50 more and was waited for, with 3, which used 5 more; a child that was never seen used 11.
    expect(usage(before, [process(1, 0, { ticks: 10, childTicks: 550 + 45 + 11 })])).toBe(66);
    // 2 ended, and 3 went to another parent.
    expect(usage(before, [process(1, 0, { ticks: 10, childTicks: 520 }), process(3, 9, { ticks: 60 })])).toBe(20);
  });

  it('is not taken in by a pid that is used again, by what was not seen before, or by what nobody waited for', () => {
    const before = [process(1, 0), process(2, 1, { ticks: 900, startTime: 8 })];
    expect(usage(before, [process(1, 0), process(2, 1, { ticks: 3, startTime: 20 })])).toBe(3);
    expect(usage(before, [process(1, 0), process(5, 1, { ticks: 9000, startTime: 6 })])).toBe(0);
    expect(usage(before, [process(1, 0)])).toBe(0);
    expect(usageOf([], reading(5, []), reading(5, []))).toBeUndefined();
  });

  it('is a number that is not negative, whatever the readings', () => {
    const any = fc.record({
      pid: fc.integer({ min: 1, max: 6 }),
      parent: fc.nat(6),
      ticks: fc.nat(),
      childTicks: fc.nat(),
      startTime: fc.nat(3),
    });
    const stats = fc.array(any.map(({ pid, parent, ...more }) => process(pid, parent, more)));
    fc.assert(
      fc.property(stats, stats, (before, now) => {
        expect(usage(before, now)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

it('a name is what it is, and forges no column, session or pane', () => {
  const unit = fc.constantFrom('s:', 'p:', '$0:', '1:', '"', "'", '#{pane_pid}', '\\n', '\u00fc', ':', ';', ' ');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 30 }), (name) => {
      const text = `s:$0:1:2:3:0:1:${name}\ns:$7:1:2:9:1:4:other\np:$0:5:0\np:$7:6:0\np:$7:8:1\n`;
      expect(parseSessions(text)).toEqual([
        { id: '$0', name, created: 1, activity: 3, attached: 0, windows: 1, panes: [5] },
        { id: '$7', name: 'other', created: 1, activity: 9, attached: 1, windows: 4, panes: [6] },
      ]);
    }),
  );
  expect(parseSessions('s:$0:1:::::of\nold\n')).toEqual([
    { id: '$0', name: 'of old', created: 1, activity: 0, attached: 0, windows: 0, panes: [] },
  ]);
});

it('finds the sockets that are listened at', () => {
  const text = `${unix('/tmp/tmux-5/a.b', '/tmp/tmux-5/default', '/tmp/tmux-5/a/b', '/tmp/tmux-5/-S', '/tmp/tmux-5/a b', '/tmp/tmux-x/a', 'tmp/tmux-5/rel')}
0: 00000003 00000000 00000000 0001 03 78 /tmp/tmux-5/connected\n`;
  expect(parseTmuxSockets(text).map(({ uid, name }) => [uid, name])).toEqual([
    [5, 'default'],
    [5, 'a.b'],
  ]);
});
