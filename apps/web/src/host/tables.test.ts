import { describe, expect, it } from 'vitest';
import type { Row, Service } from '../api/types.ts';
import { backupState, guestState, guestTables } from './guests.ts';
import { certificateState, pingState, probeState, probeTables } from './probes.ts';
import { detailOf, row } from './rows.testkit.ts';
import { serviceState, serviceTable } from './services.ts';
import { arrayState, diskState, scrubState, storageHealth, zfsState } from './storage-health.ts';
import type { State, TableModel } from './table-model.ts';
import { sensorState, upkeepTables } from './upkeep.ts';

const DAY = 86_400;
const of = (fields: Row['fields']): Row => row({}, fields);
const said = ({ tone, text }: State): string => `${tone} ${text}`.trim();
/** What stands in a table, as words. */
const texts = ({ rows }: TableModel): string[][] =>
  rows.map(({ cells }) =>
    cells.map((cell) => {
      if (cell.kind === 'text') return cell.text;
      if (cell.kind === 'state') return said(cell.state);
      return cell.kind === 'level' ? `${cell.percent} %` : `${cell.q.text} ${cell.q.unit}`.trim();
    }),
  );

describe('a disk', () => {
  it.each<[Row['fields'], string]>([
    [{ health_ok: true, reallocated_sectors_count: 0 }, 'OK'],
    [{ health_ok: false, pending_sector_count: 3 }, 't-crit Failing'],
    [{ health_ok: true, attributes_failing: 1 }, 't-crit Below threshold'],
    [{ health_ok: true, critical_warning: 4 }, 't-crit Critical warning'],
    [{ health_ok: true, pending_sector_count: 8, reallocated_sectors_count: 1 }, 't-warn 8 pending'],
    [{ health_ok: true, media_errors: 2 }, 't-warn 2 media errors'],
    [{ health_ok: true, percentage_used: 104 }, 't-warn 104 % worn'],
    [{ health_ok: true, self_test_passed: false }, 't-warn Self-test failed'],
    [{ power_mode: 'STANDBY' }, 'Asleep'],
    [{}, 'Unknown'],
  ])('%j is %s', (fields, words) => {
    expect(said(diskState(of(fields)))).toBe(words);
  });
});

describe('a pool and an array', () => {
  it('are said in words', () => {
    expect(['ONLINE', 'DEGRADED', 'FAULTED', 'UNAVAIL', 'AVAIL', ''].map((health) => said(zfsState(health)))).toEqual([
      ...['Online', 't-warn Degraded', 't-crit Faulted', 't-crit Unavail', 'Avail', 't-warn Unknown'],
    ]);
    expect(said(arrayState(of({ ActivityState: 'active', DisksDown: 0, DisksFailed: 0 })))).toBe('OK');
    expect(said(arrayState(of({ ActivityState: 'inactive' })))).toBe('t-crit Inactive');
    expect(said(arrayState(of({ ActivityState: 'active', DisksDown: 1 })))).toBe('t-crit Degraded, 1 missing');
    expect(said(arrayState(of({ ActivityState: 'recovering', DisksDown: 1, BlocksSyncedPct: 42.3 })))).toBe(
      't-crit Degraded. Recovering, 42 %',
    );
    expect(said(arrayState(of({ ActivityState: 'checking', BlocksSyncedPct: 7 })))).toBe('Checking, 7 %');
    expect(said(arrayState(of({ ActivityState: 'active', DisksFailed: 2 })))).toBe('t-warn 2 failed');
  });

  it('tell how old the last scrub is', () => {
    expect(said(scrubState(of({ scrub_state: 'finished', scrub_age: 12 * DAY })))).toBe('12d ago');
    expect(said(scrubState(of({ scrub_state: 'finished', scrub_age: 80 * DAY })))).toBe('t-warn 80d ago');
    expect(said(scrubState(of({ scrub_state: 'finished', scrub_age: DAY, scrub_errors: 3 })))).toBe('t-crit 1d ago, 3 errors');
    expect(said(scrubState(of({ scrub_state: 'running', scrub_percent: 31.4 })))).toBe('Running, 31 %');
    expect(said(scrubState(of({ scrub_state: 'canceled' })))).toBe('t-warn Canceled');
    expect(said(scrubState(of({})))).toBe('None known');
  });
});

describe('the health of storage', () => {
  it('has no table for what is not there, and what is bad first', () => {
    expect(storageHealth(null)).toEqual([]);
    expect(storageHealth(detailOf({ cpu: [of({})] }))).toEqual([]);
    const tables = storageHealth(
      detailOf({
        smartctl: [
          row({ name: '/dev/sda', type: 'sat', model: 'A', serial: '1' }, { health_ok: true, capacity: 2 ** 40, power_on_hours: 21_915 }),
          row(
            { name: '/dev/bus/0', type: 'sat+megaraid,8', model: 'B', serial: '2' },
            { health_ok: false, temperature: 41, power_on_hours: 30 },
          ),
        ],
        zpool: [row({ pool: 'tank' }, { health: 'ONLINE', capacity_percent: 91.4, scrub_age: DAY, scrub_state: 'finished' })],
        zpool_vdev: [row({ pool: 'tank', vdev: 'mirror-0/sda' }, { state: 'ONLINE', read_errors: 0 })],
        mdstat: [row({ Name: 'md0' }, { ActivityState: 'active', DisksActive: 2, DisksTotal: 2, BlocksTotal: 1024, Devices: 'a,b' })],
      }),
    );
    expect(tables.map(({ title, said: words }) => `${title}: ${words}`)).toEqual([
      'SMART: 1 of 2 not OK',
      'ZFS pools: OK',
      'RAID arrays: OK',
    ]);
    const [smart, , raid] = tables.map(texts);
    expect(smart?.map((cells) => cells.slice(0, 7))).toEqual([
      ['bus/0 sat+megaraid,8', 't-crit Failing', 'B', '\u2013', '41 \u00b0C', '1d', '\u2013'],
      ['sda', 'OK', 'A', '1.00 TiB', '\u2013', '2.5 years', '\u2013'],
    ]);
    expect(raid).toEqual([['md0', 'OK', '\u2013', '1.00 MiB', '2/2', '\u2013', 'a, b']]);
  });

  it('names devices of a pool while they are not well, in that sample', () => {
    const bad = row({ pool: 'tank', vdev: 'raidz2-0/sdf' }, { state: 'FAULTED', read_errors: 12 });
    const worn = row({ pool: 'tank', vdev: 'raidz2-0/sdg' }, { state: 'ONLINE', checksum_errors: 1 });
    const [, devices] = storageHealth(detailOf({ zpool: [row({ pool: 'tank' }, { health: 'DEGRADED' })], zpool_vdev: [worn, bad] }));
    expect(devices === undefined ? [] : texts(devices).map(([name, , state]) => [name, state])).toEqual([
      ['raidz2-0/sdf', 't-crit Faulted'],
      ['raidz2-0/sdg', 't-warn Online, 1 error'],
    ]);
  });
});

describe('a probe', () => {
  it('is well only if its result is', () => {
    expect(said(probeState(of({ result: 'success', result_code: 0 })))).toBe('OK');
    expect(said(probeState(of({ result: 'response_status_code_mismatch', result_code: 6 })))).toBe('t-crit Response status code mismatch');
    expect(said(probeState(of({})))).toBe('No result');
    expect(said(pingState(of({ result: 'success', percent_packet_loss: 20 })))).toBe('t-warn 20.0 % lost');
    expect(said(pingState(of({ result: 'no_reply', percent_packet_loss: 100 })))).toBe('t-crit No reply');
  });

  it('counts down to the end of a certificate', () => {
    const good = { result: 'success', result_code: 0, verification: 'valid' };
    expect(said(certificateState(of({ ...good, expiry: 90 * DAY })))).toBe('Valid');
    expect(said(certificateState(of({ ...good, expiry: 12 * DAY })))).toBe('t-warn Expires in 12d');
    expect(said(certificateState(of({ ...good, expiry: 3 * DAY })))).toBe('t-crit Expires in 3d');
    expect(said(certificateState(of({ ...good, expiry: -3 * DAY, verification: 'invalid' })))).toBe('t-crit Expired 3d ago');
    const foreign = { verification: 'invalid', verification_error: 'ERR_TLS_CERT_ALTNAME_INVALID', expiry: 90 * DAY };
    expect(said(certificateState(of({ ...good, ...foreign })))).toBe('t-crit Err tls cert altname invalid');
    expect(said(certificateState(of({ result: 'timeout', result_code: 1 })))).toBe('t-crit Timeout');
  });

  it('stands with its timings beside others of its kind, the failing first', () => {
    const tables = probeTables(
      detailOf({
        http_response: [
          row(
            { server: 'https://a/', method: 'GET' },
            { result: 'success', result_code: 0, http_response_code: 200, response_time: 0.084, tls_ms: 31.44 },
          ),
          row({ server: 'http://b/', method: 'GET' }, { result: 'connection_failed', result_code: 3, error: 'ECONNREFUSED' }),
        ],
        dns_query: [
          row({ domain: 'a', record_type: 'A', server: 'system' }, { result: 'success', result_code: 0, query_time_ms: 3.2, answers: 2 }),
        ],
      }),
    );
    expect(tables.map(({ title, said: words }) => `${title}: ${words}`)).toEqual(['HTTP: 1 of 2 not OK', 'DNS: OK']);
    expect(tables[0] === undefined ? [] : texts(tables[0])).toEqual([
      ['http://b/', 't-crit Connection failed', ...Array.from({ length: 6 }, () => '\u2013'), 'ECONNREFUSED'],
      ['https://a/', 'OK', '200', '84.0 ms', '\u2013', '\u2013', '31.4 ms', '\u2013', '\u2013'],
    ]);
  });
});

describe('a guest', () => {
  it('is said in words, and so is its last backup', () => {
    expect(['running', 'stopped', 'shutoff', 'paused', 'crashed', 'nostate', ''].map((status) => said(guestState(status)))).toEqual([
      ...['Running', 'Stopped', 'Off', 'Paused', 't-crit Crashed', 'Unknown', 'Unknown'],
    ]);
    const backup = (newest: Row['fields'] | null, task: Row['fields'] | null): string => {
      const state = backupState(newest === null ? undefined : of(newest), task === null ? undefined : of(task));
      return state === null ? 'none' : said(state);
    };
    expect(backup(null, null)).toBe('none');
    expect(backup(null, { result_code: 0, age: 60 })).toBe('none');
    expect(backup({ age: 20 * 3600 }, null)).toBe('20h ago');
    expect(backup({ age: 10 * DAY }, { result_code: 0 })).toBe('t-warn 10d ago');
    expect(backup({ age: 2 * DAY }, { result_code: 2, result: 'job errors' })).toBe('t-crit Failed, newest 2d ago');
    expect(backup({ age: 3600 }, { result_code: 1 })).toBe('t-warn With warnings, 1h ago');
    expect(backup({ age: 3600, verified: 'failed' }, null)).toBe('t-crit Not valid, 1h ago');
  });

  it('is one of Proxmox VE or of libvirt, with its share of what it was given', () => {
    const [table] = guestTables(
      detailOf(
        {
          proxmox: [
            row(
              { vm_name: 'web', vm_id: '101', vm_type: 'lxc' },
              { status: 'running', cpuload: 0.142, mem_used: 2 ** 30, mem_total: 2 ** 32, uptime: 90 },
            ),
            row({ vm_name: 'off', vm_id: '102', vm_type: 'qemu' }, { status: 'stopped', cpuload: 0, mem_used: 0, mem_total: 2 ** 31 }),
          ],
          libvirt_state: [row({ domain_name: 'kvm' }, { status: 'running', state: 1 })],
          libvirt_balloon: [row({ domain_name: 'kvm' }, { current: 1024, rss: 512 })],
          libvirt_vcpu_total: [row({ domain_name: 'kvm' }, { current: 2 })],
        },
        { libvirt_cpu: [row({ domain_name: 'kvm' }, { time: 1e9 })] },
      ),
    );
    expect(table?.said).toBe('2 of 3 running');
    expect(table === undefined ? [] : texts(table)).toEqual([
      ['kvm', '', 'machine', 'Running', '50.0 %', '512 KiB', '1.00 MiB', '\u2013'],
      ['off', '102', 'machine', 'Stopped', '\u2013', '\u2013', '2.00 GiB', '\u2013'],
      ['web', '101', 'container', 'Running', '14.2 %', '1.00 GiB', '4.00 GiB', '1m'],
    ]);
    expect(guestTables(null)).toEqual([]);
  });

  it('has a cluster that agrees or does not, and storages that can be reached or not', () => {
    const tables = guestTables(
      detailOf({
        proxmox_cluster: [row({ cluster: 'home' }, { quorate: false, nodes: 3, nodes_online: 1, nodes_offline: 'pve1,pve3' })],
        proxmox_ceph: [row({}, { health: 'HEALTH_WARN', health_code: 1, checks: 'OSD_DOWN' })],
        proxmox_replication: [row({ id: '101-0', vm_id: '101', target: 'pve1' }, { state: 'ok', last_sync_age: 300 })],
        proxmox_storage: [
          row({ storage: 'local', type: 'dir' }, { active: true, disk_used_percentage: 40, disk_total: 2 ** 40, content: 'iso,backup' }),
          row({ storage: 'pbs', type: 'pbs' }, { active: false, status: 'unknown' }),
        ],
      }),
    );
    expect(tables.map(texts)).toEqual([
      [
        ['Cluster home', 't-crit No quorum, 1 of 3 nodes', 'offline: pve1,pve3'],
        ['Ceph', 't-warn Warn', 'OSD_DOWN'],
        ['Replication of 101 to pve1', '5m ago', '\u2013'],
      ],
      [
        ['pbs', 't-warn Unknown', 'null %', '\u2013', '\u2013', 'pbs', '\u2013'],
        ['local', 'OK', '40 %', '\u2013', '1.00 TiB', 'dir', 'iso, backup'],
      ],
    ]);
  });
});

describe('services', () => {
  const unit = (name: string, change: Partial<Service> = {}): Service => ({
    ...{ name, description: null, load: 'loaded', active: 'active', sub: 'running', restarts: 0, memory: null, since: null },
    ...change,
  });

  it('are not broken because nobody started them', () => {
    expect(said(serviceState(unit('a')))).toBe('Running');
    expect(said(serviceState(unit('a', { active: 'inactive', sub: 'dead' })))).toBe('Inactive');
    expect(said(serviceState(unit('a', { active: 'failed', sub: 'failed' })))).toBe('t-crit Failed');
    expect(said(serviceState(unit('a', { active: 'activating', sub: 'auto-restart' })))).toBe('t-warn Restarting');
    expect(said(serviceState(unit('a', { active: 'inactive', sub: 'dead', load: 'bad-setting' })))).toBe('t-warn Bad setting');
    expect(said(serviceState(unit('a', { active: null, sub: null })))).toBe('Unknown');
  });

  it('stand with those that failed first', () => {
    const table = serviceTable(
      [unit('a', { since: 0, memory: 1024 }), unit('b', { active: 'failed', restarts: 3 }), unit('c', { active: 'inactive' })],
      1000,
      90_000,
    );
    expect(table.said).toBe('1 failed, 1 of 3 active');
    expect(texts(table)).toEqual([
      ['b', 't-crit Failed', '\u2013', '\u2013', '3', '\u2013'],
      ['a', 'Running', '\u2013', '1.00 KiB', '0', '1m'],
      ['c', 'Inactive', '\u2013', '\u2013', '0', '\u2013'],
    ]);
  });
});

describe('upkeep', () => {
  it('tells of fans and voltages as their chip does', () => {
    expect(said(sensorState(of({ fan_input: 0, fan_min: 300 }), 'fan'))).toBe('t-crit Stands still');
    expect(said(sensorState(of({ fan_input: 0 }), 'fan'))).toBe('OK');
    expect(said(sensorState(of({ fan_input: 5, fan_fault: 1 }), 'fan'))).toBe('t-crit Broken');
    expect(said(sensorState(of({ in_input: 3.61, in_max: 3.46, in_alarm: 1 }), 'in'))).toBe('t-warn Above 3.46');
    expect(said(sensorState(of({ in_input: 2.9, in_min: 3.13, in_min_alarm: 1 }), 'in'))).toBe('t-warn Below 3.13');
    expect(said(sensorState(of({ curr_input: 1, curr_alarm: 1 }), 'curr'))).toBe('t-warn Alarm');
    const [table] = upkeepTables(
      detailOf({
        sensors: [
          row({ chip: 'nct6775', feature: 'fan1' }, { fan_input: 791 }),
          row({ chip: 'nct6775', feature: 'in0' }, { in_input: 1.016 }),
          row({ chip: 'nct6775', feature: 'fan3' }, { fan_input: 0, fan_min: 300 }),
          row({ chip: 'k10temp', feature: 'Tctl' }, { temp_input: 60 }),
        ],
      }),
    );
    expect(table?.said).toBe('1 of 3 not OK');
    expect(table === undefined ? [] : texts(table)).toEqual([
      ['fan3', 'nct6775', 't-crit Stands still', '0 rpm'],
      ['fan1', 'nct6775', 'OK', '791 rpm'],
      ['in0', 'nct6775', 'OK', '1.02 V'],
    ]);
  });

  it('tells of updates, a restart that is wanted, and a Raspberry Pi that is slowed down', () => {
    const upkeep = (latest: Readonly<Record<string, readonly Row[]>>): string[][] => upkeepTables(detailOf(latest)).flatMap(texts);
    const updates = (fields: Row['fields']) => ({ updates: [row({ manager: 'apt' }, fields)] });
    expect(upkeep({})).toEqual([]);
    expect(upkeep(updates({ pending: 0, security: 0, reboot_required: false }))).toEqual([['Updates, apt', 'None pending']]);
    expect(upkeep(updates({ pending: 12 }))).toEqual([['Updates, apt', '12 pending']]);
    expect(upkeep(updates({ pending: 12, security: 3, reboot_required: true, kernel_newest: '6.8.0-60' }))).toEqual([
      ['Updates, apt', 't-warn 12 pending, 3 of them security'],
      ['Restart', 't-warn Wanted, for kernel 6.8.0-60'],
    ]);
    expect(
      upkeep({ rpi_throttled: [of({ under_voltage: true, under_voltage_occurred: true, throttled_occurred: 1, frequency_capped: 0 })] }),
    ).toEqual([
      ['Voltage too low', 't-warn Now'],
      ['Processor slowed down', 'Since the start'],
    ]);
  });
});
