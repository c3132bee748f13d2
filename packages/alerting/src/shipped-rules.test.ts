import { type Fields, type Tags, toCatalog } from '@hostwire/model';
import type { AlertRecord } from '@hostwire/registry';
import { describe, expect, it } from 'vitest';
import { evaluate } from './evaluate.ts';
import { catalog, table, view } from './host-view.testkit.ts';
import { observe } from './observe.ts';
import { toRules } from './rule.ts';
import { DEFAULT_RULES_FILE, loadRules } from './rules-file.ts';

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

it('loadRules loads the rules that ship on', async () => {
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
