import { describe, expect, it } from 'vitest';
import { NOON, session } from './sample-sessions.testkit.ts';
import { byHost, costOf, endsSentence, idleSince, matchesText, SORTS, type Sort, sortSessions } from './session.ts';

const names = (sessions: readonly { readonly name: string }[]): string[] => sessions.map(({ name }) => name);

describe('sessions in order', () => {
  const list = [
    session('small', { memory: 1, cpu: 9, gpuMemory: 5, lastActivity: NOON - 3000 }),
    session('unknown', { memory: null, cpu: null, lastActivity: null, created: null }),
    session('large', { memory: 9, cpu: 1, lastActivity: NOON - 9000 }),
    session('attached', { memory: 0, attached: 1, status: 'active' }),
  ];

  it('have the largest first, the unknown last, and before all those that somebody is attached to', () => {
    expect(names(sortSessions(list, 'memory'))).toEqual(['attached', 'large', 'small', 'unknown']);
    expect(names(sortSessions(list, 'cpu'))).toEqual(['attached', 'small', 'large', 'unknown']);
    expect(names(sortSessions(list, 'gpu'))).toEqual(['attached', 'small', 'large', 'unknown']);
    expect(names(sortSessions(list, 'detached'))).toEqual(['attached', 'large', 'small', 'unknown']);
  });

  it('stand by name where that is asked for, and where nothing else tells them apart', () => {
    expect(names(sortSessions(list, 'name'))).toEqual(['attached', 'large', 'small', 'unknown']);
    const same = [session('b'), session('a'), session('a', { id: 'box~2', user: 'eve' })];
    for (const sort of Object.keys(SORTS) as Sort[])
      expect(sortSessions(same, sort).map(({ user, name }) => `${user} ${name}`)).toEqual(['eve a', 'mira a', 'mira b']);
  });

  it('leave the list as it was', () => {
    const before = names(list);
    sortSessions(list, 'memory');
    expect(names(list)).toEqual(before);
  });
});

describe('since when nobody is attached', () => {
  it('is known by the last activity, else by the beginning, and never while somebody is', () => {
    expect(idleSince(session('a'))).toBe(NOON - 5e8);
    expect(idleSince(session('a', { lastActivity: null }))).toBe(NOON - 1e9);
    expect(idleSince(session('a', { lastActivity: null, created: null }))).toBeNull();
    expect(idleSince(session('a', { attached: 2 }))).toBeNull();
    expect(idleSince(session('a', { attached: null }))).toBe(NOON - 5e8);
  });
});

describe('a filter', () => {
  it('wants every word in the name, the host or the user', () => {
    const one = session('train old', { host: 'gpu-box', user: 'Mira' });
    for (const text of ['', ' ', 'train', 'OLD gpu', 'mira gpu-box']) expect(matchesText(one, text), text).toBe(true);
    for (const text of ['new', 'train eve']) expect(matchesText(one, text), text).toBe(false);
  });
});

describe('sessions by host', () => {
  it('count what is active and legacy, attached ones first', () => {
    const list = [
      session('old', { host: 'b', memory: 5 }),
      session('idle', { host: 'b', status: 'active', memory: 1 }),
      session('used', { host: 'b', status: 'active', attached: 1, memory: null }),
      session('alone', { host: 'a' }),
    ];
    const [a, b] = byHost(list);
    expect(a).toMatchObject({ host: 'a', active: 0, legacy: 1 });
    expect(b).toMatchObject({ host: 'b', active: 2, legacy: 1, memory: 6 });
    expect(names(b?.sessions ?? [])).toEqual(['used', 'idle', 'old']);
  });
});

describe('what sessions cost', () => {
  it('is the sum of what is known, and who waits longest', () => {
    const list = [session('a', { memory: null, gpuMemory: 2 }), session('b', { memory: 4, host: 'c', lastActivity: NOON - 6e8 })];
    expect(costOf(list)).toMatchObject({ count: 2, hosts: 2, cpu: 0, memory: 4, gpuMemory: 2, oldest: { name: 'b' } });
  });

  it('is unknown where none of them tells', () => {
    expect(costOf([session('a', { memory: null, cpu: null })])).toMatchObject({ cpu: null, memory: null, gpuMemory: null });
    expect(costOf([])).toMatchObject({ count: 0, hosts: 0, oldest: null });
  });
});

describe('what a kill ends', () => {
  it('is said with the right number', () => {
    const said = (windows: number | null, pids: number | null): string => endsSentence(session('a', { windows, pids }));
    expect(said(3, 4)).toBe('3 windows and 4 processes end. This cannot be undone.');
    expect(said(1, 1)).toBe('1 window and 1 process end. This cannot be undone.');
    expect(said(1, null)).toBe('1 window ends. This cannot be undone.');
    expect(said(null, null)).toBe('It ends. This cannot be undone.');
  });
});
