import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Fields, type Tags, toCatalog } from '@hostwire/model';
import type { AlertRecord } from '@hostwire/registry';
import { tempDir } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alertId, evaluate } from './evaluate.ts';
import { type HostView, type Observation, observe } from './observe.ts';
import { isFor, type RuleTable, type ThresholdRule, toRules } from './rule.ts';
import { DEFAULT_RULES_FILE, loadRules } from './rules-file.ts';

const catalog = toCatalog([
  {
    name: 'cpu',
    tier: 'fast',
    help: '',
    measurements: {
      cpu: {
        help: '',
        tags: { cpu: 'core' },
        fields: {
          usage_active: { type: 'float', unit: 'percent', kind: 'gauge', help: '' },
          time_active: { type: 'float', unit: 's', kind: 'counter', help: '' },
          model: { type: 'string', unit: '1', kind: 'state', help: '' },
        },
      },
    },
  },
]);

const table: RuleTable = {
  name: 'high_cpu',
  severity: 'warning',
  condition: 'above',
  measurement: 'cpu',
  field: 'usage_active',
  where: { cpu: 'cpu-total' },
  threshold: 90,
  clear_threshold: 80,
  for: '2m',
  summary: 'CPU {value} %, limit {threshold} %',
};

const rule = toRules([table], catalog).rules[0] as ThresholdRule;
const offline = toRules(
  [{ name: 'host_offline', severity: 'critical', condition: 'offline', for: '30s', summary: 'no data for {age}' }],
  catalog,
).rules[0];
if (offline === undefined) throw new Error('no rule');

function reading(value: number | null): Observation {
  return {
    host: 'pve1',
    labels: {},
    value,
    holds: value === null ? null : value > 90,
    lost: false,
    clears: value !== null && value <= 80,
    since: null,
  };
}

/** Feeds one reading every 10 s and gives the state after each. */
function run(values: readonly (number | null)[]): (AlertRecord['state'] | 'inactive')[] {
  let alert: AlertRecord | null = null;
  return values.map((value, index) => {
    const next = evaluate(rule, reading(value), alert, index * 10_000);
    if (next !== null) alert = next.change === 'dropped' ? null : next.alert;
    return alert === null ? 'inactive' : alert.state;
  });
}

describe('evaluate', () => {
  it('is pending for as long as the rule says, then fires, and resolves at the clear threshold only', () => {
    const states = run([95, ...Array<number>(12).fill(95), 85, 85, 79, 95]);
    expect(states.slice(0, 12)).toEqual(Array(12).fill('pending'));
    expect(states.slice(12)).toEqual(['firing', 'firing', 'firing', 'resolved', 'pending']);
  });

  it('drops a pending alert whose condition ends before its time', () => {
    expect(run([95, 95, 50, 50])).toEqual(['pending', 'pending', 'inactive', 'inactive']);
  });

  it('takes no data for neither: a firing alert stays, an inactive one does not begin', () => {
    expect(run([null, ...Array<number>(13).fill(95), null, null, 70]).slice(-3)).toEqual(['firing', 'firing', 'resolved']);
    expect(run([null, null])).toEqual(['inactive', 'inactive']);
  });

  it('drops what was pending on a host that fell silent, and keeps what fired', () => {
    const pending = evaluate(rule, reading(95), null, 0)?.alert ?? null;
    const lost = { ...reading(null), lost: true };
    expect(evaluate(rule, reading(null), pending, 60_000)?.change).toBeNull();
    expect(evaluate(rule, lost, pending, 60_000)?.change).toBe('dropped');
    const firing = evaluate(rule, reading(95), pending, 120_000)?.alert ?? null;
    expect(evaluate(rule, lost, firing, 180_000)).toMatchObject({ alert: { state: 'firing' }, change: null });
  });

  it('never fires before the condition held for the whole time, whatever the readings', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.double({ min: 0, max: 100, noNaN: true }), fc.constant(null)), { maxLength: 60 }), (values) => {
        const states = run(values);
        states.forEach((state, index) => {
          if (state !== 'firing' || states[index - 1] === 'firing') return;
          const window = values.slice(index - 12, index + 1);
          expect(window).toHaveLength(13);
          expect(window.every((value) => value === null || value > 90)).toBe(true);
        });
      }),
    );
  });

  it('writes the value and the limit into the sentence', () => {
    expect(evaluate(rule, reading(95.1234), null, 0)?.alert.summary).toBe('CPU 95.1 %, limit 90 %');
  });

  it('makes ids that are one topic level, different for different tags', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: 'binary' }), fc.string({ maxLength: 300, unit: 'binary' }), (a, b) => {
        const [x, y] = [alertId(rule, 'pve1', { path: toWellFormed(a) }), alertId(rule, 'pve1', { path: toWellFormed(b) })];
        expect(x).toMatch(/^[A-Za-z0-9_.:-]{1,128}$/);
        expect(x === y).toBe(toWellFormed(a) === toWellFormed(b));
      }),
    );
  });

  it('gives the alerts of two hosts different ids, whatever tags one of them invents', () => {
    expect(alertId(rule, 'pve', { disk: 'lan.sda' })).not.toBe(alertId(rule, 'pve.lan', { disk: 'sda' }));
  });
});

function toWellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

function view(change: Partial<HostView>): HostView {
  return {
    host: 'pve1',
    group: null,
    labels: {},
    state: 'online',
    lastSampleAt: 0,
    lastSeenAt: 0,
    interval: 10,
    offlineSince: null,
    conflict: null,
    latest: () => undefined,
    ...change,
  };
}

describe('observe', () => {
  it('accuses a host that said offline, and one that is silent for three intervals', () => {
    expect(observe(offline, view({}), 29_000, 0)[0]?.holds).toBe(false);
    expect(observe(offline, view({}), 31_000, 0)[0]).toMatchObject({ holds: true, since: 30_000 });
    expect(observe(offline, view({ offlineSince: 5_000 }), 6_000, 0)[0]).toMatchObject({ holds: true, since: 5_000 });
  });

  it('accuses nobody of the time in which the server itself was down, nor a host that never came', () => {
    const old = view({ state: 'offline', lastSampleAt: null, lastSeenAt: 1 });
    expect(observe(offline, old, 1_000_000, 990_000)[0]).toMatchObject({ holds: false, clears: false });
    expect(observe(offline, old, 1_030_000, 990_000)[0]?.holds).toBe(true);
    // Behind a gateway: its wills come one after the other, and what is gone with it is its own alert.
    const behind = { offlineSince: 5_000, gateway: 'gw' };
    expect(observe(offline, view(behind), 29_000, 0)[0]).toMatchObject({ holds: null, clears: false });
    expect(observe(offline, view(behind), 31_000, 0)[0]).toMatchObject({ holds: true, since: 5_000 });
    expect(observe(offline, view({ ...behind, state: 'unknown' }), 99_000, 0)[0]).toMatchObject({ holds: null, lost: true });
    expect(observe(offline, view({ lastSeenAt: null, lastSampleAt: null, state: 'never_connected' }), 1_000_000, 0)).toEqual([]);
  });

  it('resolves no silent host because this server lost its own connection meanwhile', () => {
    const silent = view({ lastSampleAt: 10_000, lastSeenAt: 10_000 });
    expect(observe(offline, silent, 200_000, 199_000)[0]).toMatchObject({ holds: false, clears: false });
    expect(observe(offline, { ...silent, lastSampleAt: 199_500 }, 200_000, 199_000)[0]).toMatchObject({ holds: false, clears: true });
  });

  it('names both runs of an identity, and resolves only what this server had time to hear', () => {
    const [twice] = toRules(
      [{ name: 'two', severity: 'warning', condition: 'conflict', summary: '{host}: {older} and {newer}' }],
      catalog,
    ).rules;
    if (twice === undefined) throw new Error('no rule');
    const cloned = view({ conflict: { since: 5000, runs: ['r1', 'r2'] } });
    const [seen] = observe(twice, cloned, 6000, 0);
    if (seen === undefined) throw new Error('nothing seen');
    const fired = evaluate(twice, seen, null, 6000)?.alert ?? null;
    expect(fired).toMatchObject({ id: 'two.pve1', state: 'firing', since: 5000, summary: 'pve1: r1 and r2', measurement: null });
    const [early] = observe(twice, view({}), 7000, 0);
    const [late] = observe(twice, view({}), 700_000, 0);
    if (early === undefined || late === undefined) throw new Error('nothing seen');
    expect(evaluate(twice, early, fired, 7000)).toMatchObject({ change: null, alert: { state: 'firing', summary: 'pve1: r1 and r2' } });
    expect(evaluate(twice, late, fired, 700_000)).toMatchObject({ change: 'resolved', alert: { summary: 'pve1: r1 and r2' } });
    expect(evaluate(twice, late, null, 700_000)).toBeNull();
  });

  it('reads the rows that the rule asks for, and stale ones as no data', () => {
    const rows = [
      { tags: { cpu: 'cpu0' }, fields: { usage_active: 100 } },
      { tags: { cpu: 'cpu-total' }, fields: { usage_active: 91 } },
    ];
    const busy = view({ latest: () => ({ rows, receivedAt: 0, interval: 10 }) });
    expect(observe(rule, busy, 1_000, 0)).toMatchObject([{ value: 91, holds: true, clears: false }]);
    expect(observe(rule, busy, 31_000, 0)).toMatchObject([{ holds: null, lost: true, clears: false }]);
    expect(observe(rule, busy, 31_000, 20_000)).toMatchObject([{ holds: null, lost: false }]);
    const perCore = toRules([{ ...table, where: {}, group_by: ['cpu'] }], catalog).rules[0] as ThresholdRule;
    expect(observe(perCore, busy, 1_000, 0).map(({ labels, value }) => [labels['cpu'], value])).toEqual([
      ['cpu0', 100],
      ['cpu-total', 91],
    ]);
    const worst = toRules([{ ...table, where: {} }], catalog).rules[0] as ThresholdRule;
    expect(observe(worst, busy, 1_000, 0)).toMatchObject([{ value: 100 }]);
  });
});

describe('isFor', () => {
  const of = (change: Partial<RuleTable>): ThresholdRule => toRules([{ ...table, ...change }], catalog).rules[0] as ThresholdRule;

  it('takes hosts of one of the groups that have all of the labels; without either all hosts', () => {
    const attic = { group: 'pi', labels: { site: 'home', rack: '7' } };
    const lone = { group: null, labels: {} };
    expect([isFor(rule, attic), isFor(rule, lone)]).toEqual([true, true]);
    const ofPi = of({ groups: ['pi', 'gpu'] });
    expect([isFor(ofPi, attic), isFor(ofPi, lone), isFor(ofPi, { ...attic, group: 'Pi' })]).toEqual([true, false, false]);
    const atHome = of({ labels: { site: 'home' } });
    expect([isFor(atHome, attic), isFor(atHome, lone), isFor(atHome, { ...attic, labels: { site: 'work' } })]).toEqual([
      true,
      false,
      false,
    ]);
    expect(isFor(of({ groups: ['pi'], labels: { site: 'home', rack: '8' } }), attic)).toBe(false);
    expect(isFor(of({ labels: { constructor: 'x' } }), lone)).toBe(false);
  });
});

describe('toRules', () => {
  it('reports every problem at once, each with what is allowed', () => {
    const { rules, problems } = toRules(
      [
        table,
        { ...table, field: 'usage' },
        { ...table, name: 'b', measurement: 'cpus' },
        { ...table, name: 'c', field: 'model' },
        { ...table, name: 'd', field: 'time_active' },
        { ...table, name: 'e', clear_threshold: 95 },
        { ...table, name: 'f', where: { core: '1' } },
        { name: 'g', severity: 'info', condition: 'offline', threshold: 1, summary: 'x' },
        { name: 'h', severity: 'info', condition: 'below', summary: 'x' },
      ],
      catalog,
    );
    expect(rules.map(({ name }) => name)).toEqual(['high_cpu', 'g']);
    expect(problems.map(({ key }) => key)).toEqual([
      'rule[1].name',
      'rule[1].field',
      'rule[2].measurement',
      'rule[3].field',
      'rule[4].field',
      'rule[5].clear_threshold',
      'rule[6].where',
      'rule[7].threshold',
      'rule[8].measurement',
      'rule[8].field',
      'rule[8].threshold',
    ]);
    expect(problems[1]?.allowed).toContain('usage_active');
  });
});

/** What the rules that ship on read, of what collectors declare. */
function shippedCatalog() {
  const measurement = (field: string, ...tags: string[]) => ({
    help: '',
    tags: Object.fromEntries(tags.map((tag) => [tag, ''])),
    fields: { [field]: { type: 'int', unit: field === 'expiry' ? 's' : '1', kind: 'gauge', help: '' } as const },
  });
  const { expiry, verification_code } = {
    expiry: measurement('expiry', 'source', 'common_name', 'type'),
    verification_code: measurement('verification_code'),
  };
  const probes = {
    http_response: measurement('result_code', 'server', 'method'),
    net_response: measurement('result_code', 'server', 'port'),
    dns_query: measurement('result_code', 'server', 'domain', 'record_type'),
    ping: measurement('result_code', 'url'),
    x509_cert: { ...expiry, fields: { ...expiry.fields, ...verification_code.fields } },
    docker_container_health: measurement('failing_streak', 'container_name'),
    nvidia_smi: measurement('temperature_gpu', 'index', 'name'),
    amd_rocm_smi: measurement('temperature_sensor_junction', 'name'),
  };
  const flag = { type: 'bool', unit: '1', kind: 'state', help: '' } as const;
  const seconds = { type: 'int', unit: 's', kind: 'gauge', help: '' } as const;
  const storage = {
    smartctl: { ...measurement('x', 'name', 'type'), fields: { health_ok: flag } },
    zpool: { ...measurement('x', 'pool'), fields: { healthy: flag, scrub_age: seconds } },
    mdstat: measurement('DisksDown', 'Name'),
    disk: { ...measurement('x', 'path'), fields: { hung: flag } },
    rpi_throttled: { ...measurement('x'), fields: { under_voltage_occurred: flag } },
  };
  const guests = {
    systemd: measurement('failed'),
    proxmox_cluster: { ...measurement('x', 'cluster'), fields: { quorate: flag } },
    proxmox_backup: { ...measurement('x', 'vm_id', 'vm_name', 'vm_type'), fields: { age: seconds } },
    proxmox_backup_task: measurement('result_code', 'vm_id'),
    updates: { ...measurement('security', 'manager'), fields: { ...measurement('security').fields, reboot_required: flag } },
  };
  const { cpu } = catalog.measurements;
  if (cpu === undefined) throw new Error('no cpu');
  return toCatalog([{ name: 'all', tier: 'medium', help: '', measurements: { ...probes, ...storage, ...guests, cpu } }]);
}

/** What becomes of an alert of this rule, reading after reading. */
const states = async (name: string, measurement: string, tags: Tags, values: readonly Fields[], stepMs: number) => {
  const shipped = (await loadRules(DEFAULT_RULES_FILE, shippedCatalog())).find((each) => each.name === name);
  if (shipped === undefined) throw new Error(`no rule ${name}`);
  let alert: AlertRecord | null = null;
  return values.map((fields, index) => {
    const now = index * stepMs;
    const seen = view({
      latest: (asked) => (asked === measurement ? { rows: [{ tags, fields }], receivedAt: now, interval: 300 } : undefined),
    });
    const [observation] = observe(shipped, seen, now, 0);
    if (observation === undefined) throw new Error('nothing seen');
    const next = evaluate(shipped, observation, alert, now);
    if (next !== null) alert = next.change === 'dropped' ? null : next.alert;
    return [alert?.state ?? 'inactive', alert?.summary];
  });
};

describe('the rules that ship on', () => {
  it.each([
    [
      'http_failed',
      'http_response',
      { server: 'https://example.org/', method: 'GET' },
      'GET https://example.org/ does not answer as it should for 10m',
    ],
    ['port_failed', 'net_response', { server: '192.0.2.1', port: '22' }, '192.0.2.1 22 does not answer as it should for 10m'],
    [
      'dns_failed',
      'dns_query',
      { server: '192.0.2.53', domain: 'a', record_type: 'A' },
      'Name server 192.0.2.53 does not answer a A as it should for 10m',
    ],
    ['ping_failed', 'ping', { url: '192.0.2.1' }, '192.0.2.1 does not answer to ping for 10m'],
  ])('%s: a target that fails twice is an alarm, once is none', async (name, measurement, tags, summary) => {
    const codes = (...values: number[]) => values.map((result_code) => ({ result_code }));
    const seen = await states(name, measurement, tags, codes(0, 4, 0, 4, 1, 4, 0), 300_000);
    expect(seen.map(([state]) => state)).toEqual(['inactive', 'pending', 'inactive', 'pending', 'pending', 'firing', 'resolved']);
    expect(seen[5]?.[1]).toBe(summary);
  });

  it('certificate_expires: within two weeks, and says how long it has', async () => {
    const day = 86_400;
    const tags = { source: 'tcp://example.org:443', common_name: 'example.org', type: 'leaf' };
    const seen = await states(
      'certificate_expires',
      'x509_cert',
      tags,
      [15 * day, 13.9 * day, -2 * day, 89 * day].map((expiry) => ({ expiry })),
      1_800_000,
    );
    expect(seen.map(([state]) => state)).toEqual(['inactive', 'firing', 'firing', 'resolved']);
    expect(seen[1]?.[1]).toBe('Certificate example.org of tcp://example.org:443 has 13d left');
    expect(seen[2]?.[1]).toBe('Certificate example.org of tcp://example.org:443 has -2d left');
  });

  it('container_unhealthy: three failures in a row', async () => {
    const values = [0, 2, 3, 4, 1, 0].map((failing_streak) => ({ failing_streak }));
    const seen = await states('container_unhealthy', 'docker_container_health', { container_name: 'web' }, values, 300_000);
    expect(seen.map(([state]) => state)).toEqual(['inactive', 'inactive', 'firing', 'firing', 'firing', 'resolved']);
    expect(seen[2]?.[1]).toBe('Container web failed its health check 3 times in a row');
  });

  it.each([
    [
      'gpu_hot',
      'nvidia_smi',
      'temperature_gpu',
      { index: '0', name: 'A100' },
      [86, 90, 90, 82, 88, 79],
      'GPU 0 (A100) at 88 degrees for 6m',
    ],
    [
      'amd_gpu_hot',
      'amd_rocm_smi',
      'temperature_sensor_junction',
      { name: 'card0' },
      [99, 101, 104, 95, 102, 89],
      'GPU card0 at 102 degrees for 6m',
    ],
  ])('%s: for five minutes, and until it is clearly cooler', async (name, measurement, field, tags, values, summary) => {
    const seen = await states(
      name,
      measurement,
      tags,
      values.map((value) => ({ [field]: value })),
      120_000,
    );
    expect(seen.map(([state]) => state)).toEqual(['inactive', 'pending', 'pending', 'inactive', 'pending', 'inactive']);
    const hot = values[4] ?? 0;
    const long = await states(
      name,
      measurement,
      tags,
      [hot, hot, hot, hot, values[3] ?? 0, values[5] ?? 0].map((value) => ({ [field]: value })),
      120_000,
    );
    expect(long.map(([state]) => state)).toEqual(['pending', 'pending', 'pending', 'firing', 'firing', 'resolved']);
    expect(long[3]?.[1]).toBe(summary);
  });

  it('certificate_invalid: of the server itself', async () => {
    const tags = { source: 'tcp://example.org:443', common_name: 'example.org', type: 'leaf' };
    const seen = await states(
      'certificate_invalid',
      'x509_cert',
      tags,
      [0, 1, 0].map((verification_code) => ({ verification_code })),
      1_800_000,
    );
    expect(seen.map(([state]) => state)).toEqual(['inactive', 'firing', 'resolved']);
  });
});

describe('the rules on services, guests and updates that ship on', () => {
  const day = 86_400;
  it.each([
    ['unit_failed', 'systemd', {}, { failed: 0 }, { failed: 2 }, '2 systemd units have failed'],
    [
      'cluster_without_quorum',
      'proxmox_cluster',
      { cluster: 'lab' },
      { quorate: true },
      { quorate: false },
      'The Proxmox cluster has no quorum, as pve1 sees it',
    ],
  ])('%s: what holds for two readings is an alarm, once is none', async (name, measurement, tags, good, bad, summary) => {
    const seen = await states(name, measurement, tags, [good, bad, good, bad, bad, bad, {}, good], 300_000);
    const expected = ['inactive', 'pending', 'inactive', 'pending', 'pending', 'firing', 'firing', 'resolved'];
    expect(seen.map(([state]) => state)).toEqual(expected);
    expect(seen[5]?.[1]).toBe(summary);
  });

  it.each([
    [
      'backup_old',
      'proxmox_backup',
      { vm_id: '100', vm_name: 'web', vm_type: 'qemu' },
      { age: 8 * day },
      { age: 8.1 * day },
      'The newest backup of a guest of pve1 is 8d old',
    ],
    [
      'backup_failed',
      'proxmox_backup_task',
      { vm_id: 'all' },
      { result_code: 1 },
      { result_code: 2 },
      'The last backup on pve1 has failed',
    ],
    ['security_updates', 'updates', { manager: 'apt' }, { security: 0 }, { security: 3 }, '3 security updates wait to be installed'],
    [
      'reboot_required',
      'updates',
      { manager: 'apt' },
      { reboot_required: false },
      { reboot_required: true },
      'pve1 wants to be started anew, for updates to be used',
    ],
  ])('%s: fires at once, keeps through what is not known, and resolves', async (name, measurement, tags, good, bad, summary) => {
    const seen = await states(name, measurement, tags, [good, bad, {}, good], 1_800_000);
    expect(seen.map(([state]) => state)).toEqual(['inactive', 'firing', 'firing', 'resolved']);
    expect(seen[1]?.[1]).toBe(summary);
  });

  it('backup_old: goes by the worst guest, and not by one that was never backed up', async () => {
    const shipped = (await loadRules(DEFAULT_RULES_FILE, shippedCatalog())).find(({ name }) => name === 'backup_old');
    if (shipped === undefined) throw new Error('no rule backup_old');
    const rows = [{ age: day }, { age: 9 * day }, { backups: 0 }].map((fields, id) => ({ tags: { vm_id: String(id) }, fields }));
    expect(observe(shipped, view({ latest: () => ({ rows, receivedAt: 0, interval: 1800 }) }), 0, 0)).toMatchObject([
      { value: 9 * day, holds: true },
    ]);
  });
});

describe('the rules on storage that ship on', () => {
  it.each([
    [
      'smart_failing',
      'smartctl',
      { name: '/dev/sda', type: 'sat' },
      { health_ok: true },
      { health_ok: false },
      'Disk /dev/sda (sat) says that it fails',
    ],
    ['pool_unhealthy', 'zpool', { pool: 'tank' }, { healthy: true }, { healthy: false }, 'Pool tank is not ONLINE'],
    ['raid_degraded', 'mdstat', { Name: 'md0' }, { DisksDown: 0 }, { DisksDown: 2 }, 'RAID md0 lacks disks: 2'],
    [
      'scrub_overdue',
      'zpool',
      { pool: 'tank' },
      { scrub_age: 35 * 86_400 },
      { scrub_age: 36.5 * 86_400 },
      'Pool tank was last scrubbed 36d ago',
    ],
    [
      'under_voltage',
      'rpi_throttled',
      {},
      { under_voltage_occurred: false },
      { under_voltage_occurred: true },
      'The supply of pve1 fell below 4.63 V',
    ],
  ])('%s: fires at once, keeps through what is not known, and resolves', async (name, measurement, tags, good, bad, summary) => {
    const seen = await states(name, measurement, tags, [good, bad, {}, good], 1_800_000);
    expect(seen.map(([state]) => state)).toEqual(['inactive', 'firing', 'firing', 'resolved']);
    expect(seen[1]?.[1]).toContain(summary);
  });

  it('mount_hangs: longer than one reading', async () => {
    const hung = (...values: boolean[]) => values.map((value) => ({ hung: value }));
    const seen = await states('mount_hangs', 'disk', { path: '/nas' }, hung(false, true, false, true, true, true, false), 300_000);
    expect(seen.map(([state]) => state)).toEqual(['inactive', 'pending', 'inactive', 'pending', 'pending', 'firing', 'resolved']);
    expect(seen[5]?.[1]).toBe('/nas does not answer for 10m');
  });

  it('says of a flag that it is one, so that nobody makes a mean of it', () => {
    const { rules } = toRules(
      [{ ...table, measurement: 'zpool', field: 'healthy', where: {}, condition: 'below', threshold: 1, clear_threshold: 1 }],
      shippedCatalog(),
    );
    expect(rules).toMatchObject([{ unit: 'flag' }]);
  });
});

describe('rules over what hosts measure of their own', () => {
  it('name measurements that nobody declares, and only those', () => {
    const own: RuleTable = { ...table, measurement: 'custom_ups', field: 'load', where: { model: 'a' }, group_by: ['source'] };
    expect(toRules([own], catalog)).toMatchObject({ problems: [], rules: [{ measurement: 'custom_ups', groupBy: ['source'], unit: '1' }] });
    expect(toRules([{ ...own, measurement: 'ups' }], catalog).problems[0]?.allowed).toContain('custom_*');
  });
});

describe('loadRules', () => {
  it('loads the rules that ship on', async () => {
    const rules = await loadRules(DEFAULT_RULES_FILE, shippedCatalog());
    expect(rules.map(({ name, forMs }) => [name, forMs])).toEqual([
      ['host_offline', 30_000],
      ['high_cpu', 120_000],
      ['identity_conflict', 0],
      ['http_failed', 360_000],
      ['port_failed', 360_000],
      ['dns_failed', 360_000],
      ['ping_failed', 360_000],
      ['certificate_expires', 0],
      ['certificate_invalid', 0],
      ['smart_failing', 0],
      ['pool_unhealthy', 0],
      ['raid_degraded', 0],
      ['scrub_overdue', 0],
      ['mount_hangs', 360_000],
      ['under_voltage', 0],
      ['container_unhealthy', 0],
      ['gpu_hot', 300_000],
      ['amd_gpu_hot', 300_000],
      ['unit_failed', 360_000],
      ['cluster_without_quorum', 360_000],
      ['backup_old', 0],
      ['backup_failed', 0],
      ['security_updates', 0],
      ['reboot_required', 0],
    ]);
  });

  it('names the file, the line, the key, the value and what is allowed', async () => {
    const file = join(tempDir(), 'rules.toml');
    writeFileSync(
      file,
      '[[rule]]\nname = "x"\nseverity = "loud"\ncondition = "above"\nmeasurement = "cpu"\nfield = "usage"\nthreshold = 1\nsummary = "s"\n',
    );
    await expect(loadRules(file, catalog)).rejects.toThrow(/rules\.toml[\s\S]*severity[\s\S]*loud[\s\S]*critical/);
    writeFileSync(
      file,
      '[[rule]]\nname = "x"\nseverity = "info"\ncondition = "above"\nmeasurement = "cpu"\nfield = "usage"\nthreshold = 1\nsummary = "s"\n',
    );
    await expect(loadRules(file, catalog)).rejects.toThrow(/field[\s\S]*usage[\s\S]*usage_active/);
    const narrow = '[[rule]]\nname = "x"\nseverity = "info"\ncondition = "offline"\nsummary = "s"\n';
    writeFileSync(file, `${narrow}groups = []\nlabels = { Site = "x" }\n`);
    await expect(loadRules(file, catalog)).rejects.toThrow(/groups[\s\S]*labels/);
    writeFileSync(file, `${narrow}groups = ["Raspberry Pis"]\nlabels = { site = "home" }\n`);
    expect(await loadRules(file, catalog)).toMatchObject([{ groups: ['Raspberry Pis'], labels: { site: 'home' } }]);
  });
});
