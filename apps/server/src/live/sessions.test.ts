import { catalog as catalogOf } from '@hostwire/collectors';
import type { HostInfo, Row, Sample } from '@hostwire/model';
import { describe, expect, it } from 'vitest';
import { createCatalogIndex } from './catalog-index.ts';
import { createLiveState } from './live-state.ts';
import { servicesOf } from './services.ts';
import { sessionNews } from './session-news.ts';
import { findSession, sessionsOf } from './sessions.ts';

const catalog = catalogOf();
const START = 1_790_000_000_000;
const INFO: HostInfo = {
  ...{ agent_version: '1', hostname: 'box.lan', os: 'x', kernel: 'x', arch: 'x', user: 'hostwire', groups: [], capabilities: {} },
  ...{ run: 'r1', intervals: { fast: 30, medium: 60, slow: 300 }, actions: ['tmux.kill'] },
};

function newFleet(info: HostInfo | null = INFO) {
  const live = createLiveState(createCatalogIndex(catalog));
  live.sync([{ host: 'box', createdAt: 1, firstSeenAt: null, lastSeenAt: null, info: null, group: null, labels: {}, gateway: null }]);
  if (info !== null) live.applyInfo('box', info, { receivedAt: START, retained: false });
  let seq = 0;
  const host = live.get('box');
  if (host === undefined) throw new Error('no host');
  return {
    live,
    host,
    tick(data: Sample['data'], errors: Sample['errors'] = []) {
      const time = START + seq++ * 60_000;
      const base = { v: 1, host: 'box', tier: 'medium', run: 'r1', interval: 60, catalog: catalog.hash } as const;
      live.applySample({ ...base, seq, time, data, errors }, { receivedAt: time, retained: false });
      live.applySignOfLife('box', time);
      return time;
    },
  };
}

const row = (session: string, fields: Partial<Row['fields']> = {}, user = 'anna'): Row => ({
  tags: { user, session },
  fields: { id: '$3', socket: '/tmp/tmux-1000/default', created: 1_789_000_000, attached: 0, windows: 2, status: 'legacy', ...fields },
});

describe('sessions', () => {
  it('are told with what is known of them', () => {
    const { host, tick } = newFleet();
    const now = tick({ tmux_session: [row('train', { last_activity: 1_789_003_600, cpu_usage: 381.2, memory_rss: 1024, pids: 9 })] });
    const [session] = sessionsOf(host, now + 5000);
    expect(session?.body).toEqual({
      ...{ id: session?.body.id, host: 'box', user: 'anna', name: 'train', windows: 2, attached: 0, status: 'legacy' },
      ...{ created: 1_789_000_000_000, lastActivity: 1_789_003_600_000, cpu: 381.2, memory: 1024, gpuMemory: null, pids: 9 },
      ...{ attachCommand: "ssh anna@box.lan -t 'tmux attach -t train'", sshUrl: 'ssh://anna@box.lan' },
      ...{ current: true, time: START, age: 5, killable: { allowed: true } },
    });
    expect(session?.body.id).toMatch(/^box~[A-Za-z0-9_-]{22}$/);
    expect(session?.target).toEqual({ user: 'anna', socket: '/tmp/tmux-1000/default', session: '$3', created: 1_789_000_000 });
  });

  it('have ids of their own, also when made anew under the same name or number', () => {
    const { live, host, tick } = newFleet();
    const variants = [
      row('a'),
      row('b', { id: '$4' }),
      row('c', { created: 1_789_000_001 }),
      row('d', { socket: '/tmp/tmux-1000/x' }),
      row('e', {}, 'bob'),
    ];
    const now = tick({ tmux_session: variants });
    const ids = sessionsOf(host, now).map(({ body }) => body.id);
    expect(new Set(ids).size).toBe(variants.length);
    for (const id of ids) expect(findSession(live, id, now).session?.body.id).toBe(id);
    expect(findSession(live, `${ids[0]}x`, now)).toEqual({ host, session: null });
    expect(findSession(live, 'other~x', now)).toEqual({ host: null, session: null });
    expect(findSession(live, 'box', now)).toEqual({ host: null, session: null });
  });

  it('are gone with the first tick that has none, and stay where the collector failed', () => {
    const { host, tick } = newFleet();
    tick({ tmux_session: [row('a')] });
    const failed = tick({}, [{ collector: 'tmux', code: 'timeout', message: 'no answer' }]);
    expect(sessionsOf(host, failed).map(({ body }) => [body.name, body.current])).toEqual([['a', false]]);
    expect(sessionsOf(host, tick({}))).toEqual([]);
  });

  it('of a host that went are given with their age, and cannot be killed', () => {
    const { live, host, tick } = newFleet();
    const now = tick({ tmux_session: [row('a')] });
    live.applyStatus('box', 'offline', { receivedAt: now + 1000, retained: false });
    expect(sessionsOf(host, now + 90_000)[0]?.body).toMatchObject({
      ...{ current: false, age: 90 },
      killable: { allowed: false, reason: expect.stringContaining('offline') },
    });
  });

  it('say what would let them be killed', () => {
    const reasonOf = (info: HostInfo | null): string | undefined => {
      const { host, tick } = newFleet(info);
      return sessionsOf(host, tick({ tmux_session: [row('a')] }))[0]?.body.killable.reason;
    };
    const { actions: _, ...older } = INFO;
    expect(reasonOf(older)).toMatch(/update it/);
    expect(reasonOf({ ...INFO, actions: [] })).toMatch(/agent\.toml/);
    expect(reasonOf(INFO)).toBeUndefined();
  });

  it('put nothing into a command for a shell that is not plain', () => {
    const commandOf = (one: Row, info: HostInfo = INFO): string | null | undefined => {
      const { host, tick } = newFleet(info);
      return sessionsOf(host, tick({ tmux_session: [one] }))[0]?.body.attachCommand;
    };
    expect(commandOf(row("x'; rm -rf ~"))).toBe("ssh anna@box.lan -t 'tmux attach -t \\$3'");
    expect(commandOf(row('-x'))).toBe("ssh anna@box.lan -t 'tmux attach -t \\$3'");
    expect(commandOf(row('a', { socket: '/tmp/tmux-1000/work' }))).toBe("ssh anna@box.lan -t 'tmux -L work attach -t a'");
    expect(commandOf(row('a', { socket: "/tmp/tmux-1000/w'k" }))).toBeNull();
    expect(commandOf(row('a b', { id: '$(id)' }))).toBeNull();
    expect(commandOf(row('a', {}, '-oProxyCommand=x'))).toBeNull();
    expect(commandOf(row('a'), { ...INFO, hostname: '-oProxyCommand=x' })).toBe("ssh anna@box -t 'tmux attach -t a'");
  });

  it('are news once a tick, and when their host goes', () => {
    const { live, tick } = newFleet();
    let now = tick({ tmux_session: [row('a')] });
    const news = sessionNews(live, () => now);
    expect(news.read()).toEqual(['box']);
    expect(news.read()).toEqual([]);
    live.applyStatus('box', 'offline', { receivedAt: now, retained: false });
    expect(news.read()).toEqual(['box']);
    now = tick({});
    expect(news.read()).toEqual(['box']);
    now = tick({});
    expect(news.read()).toEqual([]);
  });
});

it('lists the units that failed first', () => {
  const { host, tick } = newFleet();
  expect(servicesOf(host)).toEqual({ timestamp: null, services: [], allHealthy: null });
  const unit = (name: string, active: string, more: Row['fields'] = {}): Row => ({
    tags: { name },
    fields: { load: 'loaded', active, sub: active, ...more },
  });
  tick({ systemd_units: [unit('a.service', 'active', { restarts: 2, mem_current: 4096, active_enter_timestamp_us: '1789000000000000' })] });
  expect(servicesOf(host)).toEqual({
    ...{ timestamp: START, allHealthy: true },
    services: [
      {
        ...{ name: 'a.service', description: null, load: 'loaded', active: 'active', sub: 'active' },
        ...{ restarts: 2, memory: 4096, since: 1_789_000_000_000 },
      },
    ],
  });
  tick({ systemd_units: [unit('a.service', 'active'), unit('b.service', 'failed')] });
  expect(servicesOf(host)).toMatchObject({ allHealthy: false, services: [{ name: 'b.service' }, { name: 'a.service' }] });
});
