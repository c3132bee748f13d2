import { describe, expect, it } from 'vitest';
import type { Container } from '../api/types.ts';
import { sinceOf, stateOf, summarySentence } from './containers.ts';

const container = (change: Partial<Container>): Container => ({
  ...{
    id: 'a',
    name: 'web',
    image: 'nginx',
    version: '1',
    project: null,
    service: null,
    status: 'running',
    health: null,
    failing_streak: null,
  },
  ...{ exit_code: null, oom_killed: false, restarts: 0, started_at: 1000, finished_at: null, cpu: null },
  ...{ memory: { percent: null, used: null, total: null }, network: { in: null, out: null }, disk: { read: null, write: null } },
  ...change,
});
const of = (change: Partial<Container>) => {
  const { glyph, tone, text } = stateOf(container(change));
  return [glyph, tone, text];
};

describe('the state of a container', () => {
  it('is that of its health check where there is one', () => {
    expect(of({})).toEqual(['ok', '', 'Running']);
    expect(of({ health: 'healthy' })).toEqual(['ok', '', 'Healthy']);
    expect(of({ health: 'starting' })).toEqual(['pending', '', 'Starting']);
    expect(of({ health: 'unhealthy' })).toEqual(['warn', 't-warn', 'Unhealthy']);
  });

  it('warns of an end that nobody asked for, and of no other', () => {
    for (const code of [0, 130, 143]) expect(of({ status: 'exited', exit_code: code })).toEqual(['off', '', 'Exited']);
    expect(of({ status: 'exited', exit_code: 137 })).toEqual(['warn', 't-warn', 'Exited 137']);
    expect(of({ status: 'exited', exit_code: 137, oom_killed: true })).toEqual(['warn', 't-warn', 'Out of memory']);
    expect(of({ status: 'restarting' })).toEqual(['warn', 't-warn', 'Restarting']);
    expect(of({ status: 'paused' })).toEqual(['stale', '', 'Paused']);
    expect(of({ status: '' })).toEqual(['stale', '', 'Unknown']);
  });

  it('has lasted since it began', () => {
    expect(sinceOf(container({}))).toBe(1000);
    expect(sinceOf(container({ status: 'exited', finished_at: 2000 }))).toBe(2000);
    expect(sinceOf(container({ status: 'created', started_at: null }))).toBeNull();
  });
});

it('says how many there are of what matters', () => {
  expect(summarySentence({ running: 5, stopped: 0, unhealthy: 0 })).toBe('5 running');
  expect(summarySentence({ running: 5, stopped: 1, unhealthy: 2 })).toBe('5 running, 1 stopped, 2 unhealthy');
});
