import { type Catalog, type Sample, toCatalog } from '@hostwire/model';
import { beforeEach, describe, expect, it } from 'vitest';
import { createCatalogIndex } from './catalog-index.ts';
import { createLiveState, type LiveState } from './live-state.ts';
import { summaryOf } from './summary.ts';

const field = (type: 'int' | 'float', kind: 'gauge' | 'counter') => ({ type, kind, unit: 'bytes', help: '' }) as const;
const catalog: Catalog = toCatalog([
  {
    name: 'net',
    tier: 'fast',
    help: '',
    measurements: {
      net: { help: '', tags: { interface: '' }, fields: { bytes_recv: field('int', 'counter'), bytes_sent: field('int', 'counter') } },
    },
  },
]);
const NO_ALERTS = { critical: 0, warning: 0, info: 0 };
const START = 1_790_000_000_000;

let live: LiveState;
let seq = 0;

beforeEach(() => {
  seq = 0;
  live = createLiveState(createCatalogIndex(catalog));
  live.sync([
    { host: 'pve1', createdAt: 1, firstSeenAt: 2, lastSeenAt: START - 60_000, info: null, group: null, labels: {}, gateway: null },
    { host: 'new', createdAt: 1, firstSeenAt: null, lastSeenAt: null, info: null, group: null, labels: {}, gateway: null },
  ]);
});

function sample(data: Sample['data'], change: Partial<Sample> = {}): Sample {
  return {
    v: 1,
    host: 'pve1',
    tier: 'fast',
    run: 'r1',
    seq: ++seq,
    time: START + seq * 5000,
    interval: 5,
    catalog: catalog.hash,
    data,
    ...change,
  };
}
const fresh = (receivedAt: number) => ({ receivedAt, retained: false });
const kept = (receivedAt: number) => ({ receivedAt, retained: true });
const state = (host = 'pve1') => live.get(host)?.state;
const summary = (now: number) => {
  const host = live.get('pve1');
  if (host === undefined) throw new Error('no host');
  return summaryOf(host, now, NO_ALERTS);
};

describe('the state of a host', () => {
  it('is offline at the start until it is seen, and never_connected if it never was', () => {
    expect(state()).toBe('offline');
    expect(state('new')).toBe('never_connected');
    live.applyStatus('new', 'online', fresh(START));
    live.applySample(sample({}), fresh(START));
    expect([state(), state('new')]).toEqual(['online', 'online']);
  });

  it('does not believe a retained online or a retained or back-filled sample, but a retained offline', () => {
    live.applyStatus('pve1', 'online', kept(START));
    live.applySample(sample({}), kept(START));
    live.applySample(sample({}, { backfill: true }), fresh(START));
    expect(state()).toBe('offline');
    live.applyStatus('pve1', 'online', fresh(START));
    live.applyStatus('pve1', 'offline', kept(START + 1));
    expect(state()).toBe('offline');
  });

  it('is unknown behind a gateway that is not online, whatever the host itself said last', () => {
    const behind = { createdAt: 1, firstSeenAt: 2, lastSeenAt: START, info: null, group: null, labels: {}, gateway: null };
    const changes: string[] = [];
    live.sync([
      { host: 'gw', ...behind, gateway: null },
      { host: 'pi', ...behind, gateway: 'gw' },
      { host: 'fresh', ...behind, lastSeenAt: null, gateway: 'gw' },
    ]);
    live.onChange((host) => changes.push(host));
    expect([state('gw'), state('pi'), state('fresh')]).toEqual(['offline', 'unknown', 'never_connected']);
    live.applyStatus('pi', 'online', fresh(START));
    expect(state('pi')).toBe('unknown');
    changes.length = 0;
    live.applyStatus('gw', 'online', fresh(START));
    expect([state('gw'), state('pi'), changes]).toEqual(['online', 'online', ['gw', 'pi', 'fresh']]);
    changes.length = 0;
    live.applySample({ ...sample({}), host: 'gw' }, fresh(START + 1));
    expect(changes).toEqual(['gw']);
    live.applyStatus('pi', 'offline', fresh(START + 1));
    expect(state('pi')).toBe('offline');
    live.applyStatus('pi', 'online', fresh(START + 2));
    live.applyStatus('gw', 'offline', fresh(START + 3));
    expect(state('pi')).toBe('unknown');
  });

  it('is degraded while it is online and a part of its collectors fails', () => {
    const errors = [{ collector: 'zfs', code: 'timeout', message: 'x' }];
    live.applySample(sample({}, { errors }), fresh(START));
    expect(summary(START)).toMatchObject({ degraded: true, gateway: null });
    live.applyStatus('pve1', 'offline', fresh(START + 1));
    expect(summary(START)).toMatchObject({ degraded: false });
    live.applySample(sample({}), fresh(START + 2));
    expect(summary(START)).toMatchObject({ degraded: false, state: 'online' });
  });

  it('stays offline when a sample that came before the will is stored after it', () => {
    live.applySample(sample({}), fresh(START));
    live.applyStatus('pve1', 'offline', fresh(START + 10));
    live.applySample(sample({}), fresh(START + 5));
    expect(state()).toBe('offline');
    live.applySample(sample({}), fresh(START + 20));
    expect(state()).toBe('online');
  });

  it('is late after three intervals of silence', () => {
    live.applySample(sample({}), fresh(START));
    expect(summary(START + 15_000).late).toBe(false);
    expect(summary(START + 15_001).late).toBe(true);
    live.applyStatus('pve1', 'offline', fresh(START + 16_000));
    expect(summary(START + 60_000)).toMatchObject({ late: false, state: 'offline', last_seen: START });
  });

  it('goes with its registry entry', () => {
    expect(live.sync([])).toEqual(['pve1', 'new']);
    expect(live.get('pve1')).toBeUndefined();
    expect(live.applySample(sample({}), fresh(START))).toBe(false);
  });
});

describe('the newest rows', () => {
  const rows = (received: number) => ({ net: [{ tags: { interface: 'eth0' }, fields: { bytes_recv: received, bytes_sent: 0 } }] });

  it('give rates between the two newest samples, summed over interfaces without the loopback', () => {
    live.applySample(sample(rows(1000)), fresh(START));
    expect(summary(START).network).toBeNull();
    live.applySample(sample({ net: [...rows(6000).net, { tags: { interface: 'lo' }, fields: { bytes_recv: 1 } }] }), fresh(START + 5000));
    expect(summary(START + 5000).network).toEqual({ in: 1000, out: 0 });
  });

  it('are not moved back by a sample that comes twice or late', () => {
    const first = sample(rows(1000));
    live.applySample(first, fresh(START));
    live.applySample(sample(rows(2000)), fresh(START + 5000));
    live.applySample(first, fresh(START + 6000));
    expect(live.get('pve1')?.latest('net')?.rows[0]?.fields['bytes_recv']).toBe(2000);
  });

  it('follow a host whose clock was set back', () => {
    live.applySample(sample(rows(1000), { time: START }), fresh(START));
    live.applySample(sample(rows(2000), { time: START - 300_000 }), fresh(START + 5000));
    expect(live.get('pve1')?.latest('net')?.rows[0]?.fields['bytes_recv']).toBe(2000);
  });

  it('hold all parts of a tick that was split', () => {
    const time = START;
    live.applySample(sample({ net: [{ tags: { interface: 'a' }, fields: { bytes_recv: 1 } }] }, { time }), fresh(START));
    live.applySample(sample({ net: [{ tags: { interface: 'b' }, fields: { bytes_recv: 2 } }] }, { time }), fresh(START));
    expect(live.get('pve1')?.latest('net')?.rows).toHaveLength(2);
  });

  it('show the errors of the newest sample of each tier', () => {
    const error = { collector: 'zfs', code: 'timeout', message: 'no answer in 10 s' };
    live.applySample(sample({}, { errors: [error] }), fresh(START));
    live.applySample(sample({}, { tier: 'slow', errors: [{ ...error, collector: 'apt' }] }), fresh(START));
    expect(summary(START).errors.map(({ collector }) => collector)).toEqual(['zfs', 'apt']);
    live.applySample(sample({}), fresh(START));
    expect(summary(START).errors.map(({ collector }) => collector)).toEqual(['apt']);
  });
});

describe('the summary', () => {
  it('shows the fullest disk, counts a volume that is mounted twice once, and the hottest sensor', () => {
    const disk = (path: string, device: string, used: number) => ({
      tags: { path, device },
      fields: { free: 100 - used, total: 100, used, used_percent: used },
    });
    live.applySample(
      sample({
        cpu: [
          { tags: { cpu: 'cpu0' }, fields: { usage_active: 1 } },
          { tags: { cpu: 'cpu-total' }, fields: { usage_active: 12.5 } },
        ],
        disk: [disk('/', 'sda1', 40), disk('/mnt', 'sda1', 40), disk('/var', 'sda2', 90)],
        temp: [
          { tags: { sensor: 'a' }, fields: { temp: 40 } },
          { tags: { sensor: 'b' }, fields: { temp: 71.5 } },
        ],
        system: [{ fields: { load1: 1, load5: 2, load15: 3, uptime: 77n } }],
      }),
      fresh(START),
    );
    expect(summary(START)).toMatchObject({
      cpu: 12.5,
      disk: { path: '/var', percent: 90, used: 90, total: 100 },
      storage: { used: 130, free: 70, total: 200 },
      temperature: { sensor: 'b', celsius: 71.5, limit: null },
      load: [1, 2, 3],
      uptime: 77,
      memory: { percent: null, used: null, total: null },
      network: null,
    });
  });
});
