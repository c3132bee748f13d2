import { describe, expect, it } from 'vitest';
import type { Enrolment, HostDetail } from '../api/types.ts';
import { aHost } from '../fleet/sample-hosts.testkit.ts';
import { type ArrivalFacts, arrivalOf, probeOf, valuesIn } from './arrival.ts';

const T = Date.parse('2026-04-22T09:26:00Z');

function anEnrolment(change: Partial<Enrolment> = {}): Enrolment {
  return {
    ...{ id: 'e1', kind: 'once', host: 'pi-04', replaces: false, group: null, labels: {}, created_at: T, created_by: 'dashboard' },
    ...{ expires_at: T + 900_000, used_at: null, used_by: null, used_from: null },
    ...change,
  } as Enrolment;
}

function aDetail(capabilities: HostDetail['capabilities'] = {}): HostDetail {
  const rows = [{ tags: { cpu: 'cpu-total' }, fields: { name: 'x', usage_active: 12.5, usage_user: 10, none: null } }];
  return { summary: aHost(), info: null, capabilities, latest: { cpu: { time: T, tier: 'fast', rows } }, rates: {} };
}

function told(facts: Partial<ArrivalFacts>): string[] {
  const none = { enrolment: anEnrolment(), host: null, detail: null, stored: null, connectedAt: null, storedAt: null, now: T };
  return arrivalOf({ ...none, ...facts }).map(
    ({ state, text, told: words }) => `${state}: ${text.replace(/\{(\d)\}/g, (_, n: string) => words[Number(n)] ?? '')}`,
  );
}

describe('the steps of a new host', () => {
  const used = anEnrolment({ used_at: T, used_by: 'pi-04', used_from: '192.0.2.44' });
  const never = aHost({ host: 'pi-04', state: 'never_connected' });
  const online = aHost({ host: 'pi-04', agent_version: '0.4.0', arch: 'arm64' });

  it('go from the code to the first sample', () => {
    expect(told({})).toEqual([
      'current: Waiting for the command to be run',
      'wait: Its agent connects',
      'wait: Its first sample is stored',
    ]);
    expect(told({ enrolment: used, host: never, now: T + 5000 })).toEqual([
      'done: Code used from 192.0.2.44',
      'current: Waiting for its agent to connect',
      'wait: Its first sample is stored',
    ]);
    expect(told({ enrolment: used, host: online, now: T + 6000 }).slice(1)).toEqual([
      'done: Connected, agent 0.4.0, arm64',
      'current: Waiting for its first sample',
    ]);
    expect(told({ enrolment: used, host: online, stored: 118 })).toEqual([
      'done: Code used from 192.0.2.44',
      'done: Connected, agent 0.4.0, arm64',
      'done: First sample stored, 118 values',
    ]);
  });

  it('say what is wrong, and where to look', () => {
    expect(told({ now: T + 900_000 })[0]).toBe('trouble: The code expired, unused');
    expect(told({ enrolment: null })[0]).toBe('trouble: The code was cancelled');
    expect(told({ enrolment: used, host: never, now: T + 60_000 })[1]).toBe(
      'trouble: No connection for 1m. On the host, this says why: sudo hostwire-agent doctor',
    );
    expect(told({ enrolment: used, host: online, connectedAt: T, now: T + 40_000 })[2]).toMatch(/^trouble: No sample for 40s\./);
  });

  it('tell a permission that is missing from what the machine does not have', () => {
    const one = (capabilities: HostDetail['capabilities']) =>
      told({ enrolment: used, host: online, stored: 3, detail: aDetail(capabilities) })[3];
    expect(one({ cpu: { available: true }, zfs: { available: false, reason: 'no zpool' } })).toBeUndefined();
    expect(one({ cpu: { available: true }, smart: { available: false, reason: '/dev/sda cannot be read (EACCES)', hint: 'x' } })).toBe(
      'trouble: 1 of 2 collectors needs a permission',
    );
    expect(one({ temp: { available: false, reason: 'no sensor', hint: 'load the driver' } })).toBe(
      'trouble: 1 of 1 collector cannot read here yet',
    );
  });

  it('wait for a host that was there before to come with its new token', () => {
    const again = anEnrolment({ replaces: true, used_at: T, used_by: 'pi-04', used_from: '192.0.2.44' });
    expect(told({ enrolment: again, host: aHost({ last_seen: T - 1 }), now: T + 1000 })[1]).toBe(
      'current: Waiting for its agent to connect',
    );
    expect(told({ enrolment: again, host: aHost({ last_seen: T + 1 }), now: T + 1000 })[1]).toMatch(/^done: Connected/);
  });

  it('do not mind a host that was there and is silent now', () => {
    const gone = aHost({ host: 'pi-04', state: 'offline', agent_version: null, arch: null });
    expect(told({ enrolment: used, host: gone, stored: 1, now: T + 9e6 }).slice(1)).toEqual([
      'done: Connected',
      'done: First sample stored, 1 value',
    ]);
  });
});

it('counts the values of the newest rows, and finds one to ask the store for', () => {
  expect(valuesIn(aDetail())).toBe(3);
  expect(probeOf(aDetail())).toEqual({ measurement: 'cpu', field: 'usage_active', time: T });
  expect(probeOf({ ...aDetail(), latest: {} })).toBeNull();
  expect(probeOf(aDetail(), T)).toBeNull();
});
