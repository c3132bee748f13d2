import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aHost, anAlert } from './sample-hosts.testkit.ts';
import { compareHosts, guiltyCells, missing, reasonOf, statusOf } from './status.ts';

const critical = { critical: 1, warning: 0, info: 0 };
const warning = { critical: 0, warning: 1, info: 0 };

describe('worst first', () => {
  it('is critical, offline, warning, late, never connected, OK', () => {
    const hosts = [
      aHost({ host: 'g' }),
      aHost({ host: 'f', paused: true }),
      aHost({ host: 'e', state: 'never_connected' }),
      aHost({ host: 'd', late: true }),
      aHost({ host: 'c', alerts: warning }),
      aHost({ host: 'b', state: 'offline', alerts: critical }),
      aHost({ host: 'a', alerts: critical }),
    ];
    expect(hosts.sort(compareHosts).map(({ host }) => host)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  });

  it('then the most alerts, then nearest to a limit, then the name', () => {
    const hosts = [
      aHost({ host: 'b' }),
      aHost({ host: 'a' }),
      aHost({ host: 'full', disk: { path: '/', percent: 97, used: 97, total: 100 } }),
    ];
    expect(hosts.sort(compareHosts).map(({ host }) => host)).toEqual(['full', 'a', 'b']);
    const bad = [aHost({ host: 'one', alerts: critical }), aHost({ host: 'two', alerts: { ...critical, critical: 2 } })];
    expect(bad.sort(compareHosts)[0]?.host).toBe('two');
  });

  it('is an order: the same for any shuffle', () => {
    const hosts = ['a', 'b', 'c', 'd', 'e'].map((host, i) =>
      aHost({ host, late: i % 2 === 0, cpu: i * 13, alerts: i === 3 ? warning : { critical: 0, warning: 0, info: 0 } }),
    );
    const expected = [...hosts].sort(compareHosts).map(({ host }) => host);
    fc.assert(
      fc.property(fc.shuffledSubarray(hosts, { minLength: 5 }), (shuffled) => {
        expect([...shuffled].sort(compareHosts).map(({ host }) => host)).toEqual(expected);
      }),
    );
  });
});

describe('the reason', () => {
  const now = new Date(2026, 3, 22, 9, 26).getTime();

  it('of a silent host is its silence, not its alert', () => {
    const host = aHost({ state: 'offline', last_seen: now - 38 * 60_000, alerts: critical });
    expect(statusOf(host)).toBe('offline');
    expect(reasonOf(host, [anAlert()], now)).toBe('No data for 38m, last seen 08:48');
  });

  it('of an alert says for how long, or how many more', () => {
    const host = aHost({ alerts: critical });
    const alert = anAlert({ fired_at: now - 9 * 60_000 });
    expect(reasonOf(host, [alert], now)).toBe('CPU 97.2 %, limit 90 % for 9m');
    expect(reasonOf(host, [alert, anAlert({ id: 'a2' })], now)).toBe('CPU 97.2 %, limit 90 %, and 1 more');
  });

  it('of a late host says what was missed', () => {
    expect(reasonOf(aHost({ late: true, interval: 30, last_seen: now - 130_000 }), [], now)).toBe(
      'Late, expected every 30s, 4 intervals missed',
    );
  });

  it('of a paused host says that it was told to be', () => {
    expect(reasonOf(aHost({ paused: true }), [], now)).toBe('Paused: told to take no samples');
  });

  it('of a failing collector names it', () => {
    const errors = [{ collector: 'disk', code: 'timeout', message: 'no answer in 10 s' }];
    expect(reasonOf(aHost({ errors }), [], now)).toBe('1 collector fails: disk, no answer in 10 s');
    expect(missing(aHost({ errors }), 'disk')).toBe('no data');
    expect(missing(aHost({ errors }), 'cpu')).toBeNull();
  });
});

it('blames the cell that shows what the rule was judged on', () => {
  const disk = anAlert({ rule: 'nas_full', measurement: 'disk', field: 'used_percent', severity: 'warning' });
  expect(guiltyCells([anAlert(), disk])).toEqual({ cpu: 'crit', disk: 'warn' });
  const offline = anAlert({ rule: 'host_offline', measurement: null, field: null, where: {} });
  expect(guiltyCells([offline, anAlert({ severity: 'info' })])).toEqual({});
});
