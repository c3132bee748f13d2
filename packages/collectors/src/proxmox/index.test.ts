import { AccessError, type ExecResult } from '@hostwire/host-access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectSoundRows } from '../mutated.testkit.ts';
import { probePvesh } from '../pvesh.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { proxmox } from './index.ts';
import { parseCephStatus, parseClusterStatus, parseResources } from './parse.ts';

// Written by hand after the description of the API (pve-docs/api-viewer): /cluster/resources, /cluster/status,
// /cluster/ceph/status, which hands on what `ceph status --format json` says.
const GUEST = { type: 'qemu', node: 'pve1', template: 0, pool: '', tags: 'prod' };
const RESOURCES = [
  {
    ...{ ...GUEST, id: 'qemu/100', vmid: 100, name: 'web', status: 'running', uptime: 86_400, cpu: 0.0312, maxcpu: 4, hastate: 'started' },
    ...{ mem: 2_147_483_648, maxmem: 4_294_967_296, disk: 0, maxdisk: 34_359_738_368, netin: 4_120_338_112, netout: 2_998_120_004 },
    ...{ diskread: 12_884_901_888, diskwrite: 6_442_450_944 },
  },
  { ...GUEST, id: 'qemu/9000', vmid: 9000, name: 'debian-template', status: 'stopped', template: 1, maxmem: 2_147_483_648 },
  {
    ...{ ...GUEST, type: 'lxc', id: 'lxc/201', vmid: 201, name: 'dns "<b>"', status: 'stopped', uptime: 0, cpu: 0, maxcpu: 1 },
    ...{ lock: 'backup', mem: 0, maxmem: 536_870_912, disk: 0, maxdisk: 8_589_934_592, netin: 0, netout: 0, diskread: 0, diskwrite: 0 },
  },
  { ...GUEST, node: 'pve2', id: 'qemu/300', vmid: 300, name: 'elsewhere', status: 'running' },
  {
    ...{ type: 'node', id: 'node/pve1', node: 'pve1', status: 'online', uptime: 907_323, cpu: 0.25, maxcpu: 16, level: '' },
    ...{ mem: 33_757_341_696, maxmem: 135_029_366_784, disk: 25_215_431_680, maxdisk: 100_861_726_720 },
  },
  {
    ...{ type: 'storage', id: 'storage/pve1/local', node: 'pve1', storage: 'local', plugintype: 'dir', status: 'available' },
    ...{ shared: 0, content: 'backup,iso', disk: 25_000_000_000, maxdisk: 100_000_000_000 },
  },
  {
    type: 'storage',
    id: 'storage/pve1/nas',
    node: 'pve1',
    storage: 'nas',
    plugintype: 'nfs',
    status: 'unknown',
    shared: 1,
    content: 'backup',
  },
  { type: 'sdn', id: 'sdn/pve1/localnetwork', node: 'pve1', sdn: 'localnetwork', status: 'ok' },
];
const CLUSTER = [
  { type: 'cluster', id: 'cluster', name: 'lab', nodes: 3, quorate: 1, version: 5 },
  { type: 'node', id: 'node/pve1', name: 'pve1', nodeid: 1, ip: '192.0.2.1', online: 1, local: 1, level: '' },
  { type: 'node', id: 'node/pve3', name: 'pve3', nodeid: 3, ip: '192.0.2.3', online: 0, local: 0, level: '' },
  { type: 'node', id: 'node/pve2', name: 'pve2', nodeid: 2, ip: '192.0.2.2', online: 1, local: 0, level: '' },
];
const CEPH = {
  health: {
    status: 'HEALTH_WARN',
    checks: { OSD_DOWN: { severity: 'HEALTH_WARN', summary: { message: '1 osds down', count: 1 } }, MON_DOWN: {} },
  },
  quorum_names: ['pve1', 'pve2'],
  monmap: { num_mons: 3 },
  osdmap: { num_osds: 12, num_up_osds: 11, num_in_osds: 12 },
  pgmap: {
    ...{
      pgs_by_state: [
        { state_name: 'active+clean', count: 120 },
        { state_name: 'active+undersized+degraded', count: 9 },
      ],
      num_pgs: 129,
    },
    ...{ bytes_used: 250, bytes_total: 1000, degraded_ratio: 0.05 },
  },
};

const pvesh = (path: string) => `pvesh get ${path} --output-format json`;
const said = (answer: unknown): ExecResult => ({ exitCode: 0, stdout: JSON.stringify(answer), stderr: '' });

function host({
  resources = RESOURCES,
  cluster = CLUSTER,
  ceph,
}: {
  resources?: unknown;
  cluster?: unknown;
  ceph?: unknown;
} = {}): TreeHost {
  return new TreeHost({
    files: { '/proc/sys/kernel/hostname': 'pve1.example.org\n', '/etc/pve/storage.cfg': '' },
    links: ceph === undefined ? {} : { '/etc/ceph/ceph.conf': '/etc/pve/ceph.conf' },
    commands: {
      [pvesh('/version')]: said({ release: '8.2', version: '8.2.4' }),
      [pvesh('/cluster/resources')]: said(resources),
      [pvesh('/cluster/status')]: said(cluster),
      [pvesh('/cluster/ceph/status')]: said(ceph),
    },
  });
}

describe('proxmox', () => {
  it('gives the guests of this node, a stopped one too, and no templates', async () => {
    const rows = await new Readings(proxmox).read(host());
    expect(rows).toEqual([
      {
        tags: { node_fqdn: 'pve1', vm_id: '100', vm_name: 'web', vm_type: 'qemu' },
        fields: {
          ...{ status: 'running', ha_state: 'started', uptime: 86_400, cpus: 4, cpuload: 0.0312 },
          ...{ mem_used: 2_147_483_648, mem_total: 4_294_967_296, mem_free: 2_147_483_648, mem_used_percentage: 50 },
          ...{ disk_used: 0, disk_total: 34_359_738_368, disk_free: 34_359_738_368, disk_used_percentage: 0 },
          ...{ disk_read_bytes: 12_884_901_888, disk_write_bytes: 6_442_450_944 },
          ...{ net_in_bytes: 4_120_338_112, net_out_bytes: 2_998_120_004 },
        },
      },
      expect.objectContaining({
        tags: { node_fqdn: 'pve1', vm_id: '201', vm_name: 'dns "<b>"', vm_type: 'lxc' },
        fields: expect.objectContaining({ status: 'stopped', lock: 'backup', uptime: 0, mem_used: 0 }),
      }),
    ]);
  });

  it('gives the node, its storages and the cluster, in two questions', async () => {
    const access = host();
    const rows = await new Readings(proxmox).readAll(access);
    expect(access.asked.filter((asked) => asked.startsWith('pvesh'))).toEqual([pvesh('/cluster/resources'), pvesh('/cluster/status')]);
    expect(rows['proxmox_node']).toMatchObject([{ tags: { node: 'pve1' }, fields: { status: 'online', cpus: 16, cpuload: 0.25 } }]);
    expect(rows['proxmox_storage']).toMatchObject([
      { tags: { node: 'pve1', storage: 'local', type: 'dir' }, fields: { active: true, shared: false, disk_used_percentage: 25 } },
      { tags: { storage: 'nas', type: 'nfs' }, fields: { status: 'unknown', active: false, shared: true } },
    ]);
    expect(rows['proxmox_cluster']).toEqual([
      { tags: { cluster: 'lab' }, fields: { quorate: true, nodes: 3, nodes_online: 2, nodes_offline: 'pve3' } },
    ]);
    expect(rows['proxmox_ceph']).toBeUndefined();
  });

  it('has no row of a cluster where there is none, and one that says so where quorum is lost', async () => {
    const cluster = async (entries: readonly object[]) =>
      (await new Readings(proxmox).readAll(host({ cluster: entries })))['proxmox_cluster'];
    expect(await cluster(CLUSTER.slice(1, 2))).toEqual([]);
    expect(await cluster([{ ...CLUSTER[0], quorate: 0 }, ...CLUSTER.slice(1)])).toMatchObject([{ fields: { quorate: false } }]);
  });

  it('asks Ceph where it is set up, and keeps the rest where that hangs', async () => {
    const rows = await new Readings(proxmox).readAll(host({ ceph: CEPH }));
    expect(rows['proxmox_ceph']).toEqual([
      {
        fields: {
          ...{ health: 'HEALTH_WARN', health_code: 1, checks: 'MON_DOWN OSD_DOWN', monitors: 3, monitors_in_quorum: 2 },
          ...{ osds: 12, osds_up: 11, osds_in: 12, pgs: 129, pgs_clean: 120, degraded_percentage: 5 },
          ...{ bytes_used: 250, bytes_total: 1000, bytes_free: 750, bytes_used_percentage: 25 },
        },
      },
    ]);
    const access = host({ ceph: CEPH });
    const timeout = new AccessError('timeout', 'pvesh: no answer');
    access.commands[pvesh('/cluster/ceph/status')] = timeout;
    access.commands[pvesh('/cluster/status')] = { exitCode: 2, stdout: '', stderr: 'ipcc_send_rec failed: Connection refused\n' };
    const readings = new Readings(proxmox);
    expect((await readings.readAll(access))['proxmox']).toHaveLength(2);
    expect(readings.reported).toEqual([
      expect.objectContaining({ code: 'exit-2', message: expect.stringContaining('ipcc_send_rec') }),
      timeout,
    ]);
  });

  it('says what grants it, and asks once', async () => {
    const access = host();
    expect(await probePvesh(access)).toEqual({ available: true });
    expect(await probePvesh(access)).toEqual({ available: true });
    expect(access.asked.filter((asked) => asked.startsWith('pvesh'))).toEqual([pvesh('/version')]);
    const refused = host();
    refused.commands[pvesh('/version')] = new AccessError('EACCES', 'pvesh: needs root');
    expect(await proxmox.probe(refused, {})).toEqual({
      available: false,
      reason: 'pvesh: needs root',
      hint: expect.stringContaining('doctor --sudoers'),
    });
    expect(await proxmox.probe(new TreeHost(), {})).toEqual({ available: false, reason: 'no node of Proxmox VE' });
  });
});

it('takes numbers that stand as text, and of an older Ceph where they are', () => {
  const { guests } = parseResources(JSON.stringify([{ ...RESOURCES[0], cpu: '0.5', maxmem: '1024', mem: '256', uptime: '7' }]), 'pve1');
  expect(guests[0]?.fields).toMatchObject({ cpuload: 0.5, mem_used_percentage: 25, uptime: 7 });
  const { osdmap, ...rest } = CEPH;
  expect(parseCephStatus(JSON.stringify({ ...rest, osdmap: { osdmap } }))[0]?.fields).toMatchObject({ osds: 12, osds_up: 11 });
});

it.each(['', 'null', '{}', '"x"', 'No "rpc" \n[]'])('throws a ParseError at %j', (text) => {
  for (const parse of [parseClusterStatus, (other: string) => parseResources(other, 'pve1')]) {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'parse' }));
  }
});

it('gives finite numbers, whatever stands in an answer', () => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom('1e999', '-1', 1e308, -0, '99999999999999999999', '0x1f'));
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('cpu', 'mem', 'maxmem', 'disk', 'maxdisk', 'uptime', 'vmid', 'name', 'status', 'netin'), value),
      (odd) => {
        const { guests } = parseResources(JSON.stringify([{ type: 'qemu', node: 'pve1', ...odd }]), 'pve1');
        for (const field of Object.values(guests[0]?.fields ?? {}))
          if (typeof field === 'number') expect(Number.isFinite(field)).toBe(true);
      },
    ),
  );
});

it('gives rows as declared or clear errors, whatever became of the answers', { timeout: 3_600_000 }, async () => {
  await expectSoundRows(proxmox, host({ ceph: CEPH }));
});
