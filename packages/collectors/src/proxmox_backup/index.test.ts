import { AccessError, type ExecResult } from '@hostwire/host-access';
import { describe, expect, it } from 'vitest';
import { expectSoundRows } from '../mutated.testkit.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { proxmoxBackup } from './index.ts';
import { parseBackups, parseBackupTasks, parseReplication } from './parse.ts';

/** Of the tick of `Readings`, in seconds. */
const NOW = 1_790_000_000;
const DAY = 86_400;

// Written by hand after the description of the API (pve-docs/api-viewer): /cluster/resources, /nodes/{node}/tasks,
// /nodes/{node}/storage/{storage}/content, /nodes/{node}/replication.
const RESOURCES = [
  { type: 'qemu', node: 'pve1', vmid: 100, name: 'web', status: 'running', template: 0 },
  { type: 'lxc', node: 'pve1', vmid: 201, name: 'dns', status: 'stopped', template: 0 },
  { type: 'qemu', node: 'pve1', vmid: 9000, name: 'template', status: 'stopped', template: 1 },
  { type: 'qemu', node: 'pve2', vmid: 300, name: 'elsewhere', status: 'running', template: 0 },
  { type: 'storage', node: 'pve1', storage: 'local', plugintype: 'dir', status: 'available', content: 'iso,backup' },
  { type: 'storage', node: 'pve1', storage: 'pbs-1', plugintype: 'pbs', status: 'available', content: 'backup' },
  { type: 'storage', node: 'pve1', storage: 'nas', plugintype: 'nfs', status: 'unknown', content: 'backup' },
  { type: 'storage', node: 'pve1', storage: 'local-lvm', plugintype: 'lvmthin', status: 'available', content: 'images,rootdir' },
  { type: 'storage', node: 'pve1', storage: '../x', plugintype: 'dir', status: 'available', content: 'backup' },
];
const LOCAL = [
  {
    volid: 'local:backup/vzdump-qemu-100-2026_09_13-01_00_00.vma.zst',
    vmid: 100,
    ctime: NOW - 8 * DAY,
    size: 500,
    format: 'vma.zst',
    notes: 'password: canary',
  },
  { volid: 'local:backup/vzdump-qemu-300-2026_09_20-01_00_00.vma.zst', vmid: 300, ctime: NOW - DAY, size: 900, format: 'vma.zst' },
];
const PBS = [
  {
    volid: 'pbs-1:backup/vm/100/2026-09-20T01:00:00Z',
    vmid: 100,
    ctime: NOW - DAY,
    size: 700,
    format: 'pbs-vm',
    verification: { state: 'ok', upid: 'UPID:x' },
  },
  { volid: 'pbs-1:backup/vm/100/2026-09-19T01:00:00Z', vmid: 100, ctime: NOW - 2 * DAY, size: 600, format: 'pbs-vm' },
];
const TASK = { type: 'vzdump', node: 'pve1', user: 'root@pam', pid: 4711, pstart: 1 };
const TASKS = [
  { ...TASK, upid: 'UPID:1', id: '', starttime: NOW - 100 },
  { ...TASK, upid: 'UPID:2', id: '', starttime: NOW - DAY, endtime: NOW - DAY + 600, status: 'job errors' },
  { ...TASK, upid: 'UPID:3', id: '', starttime: NOW - 2 * DAY, endtime: NOW - 2 * DAY + 600, status: 'OK' },
  { ...TASK, upid: 'UPID:4', id: '201', starttime: NOW - 3 * DAY, endtime: NOW - 3 * DAY + 60, status: 'WARNINGS: 2' },
  { ...TASK, upid: 'UPID:5', id: '300', starttime: NOW - DAY, endtime: NOW - DAY, status: 'OK' },
];
const REPLICATION = [
  {
    ...{ id: '100-0', type: 'local', guest: 100, jobnum: 0, vmtype: 'qemu', source: 'pve1', target: 'pve2', schedule: '*/15' },
    ...{ last_sync: NOW - 7200, last_try: NOW - 300, next_sync: NOW + 600, fail_count: 3, duration: 4.25, error: 'no route to host' },
  },
  { id: '201-0', type: 'local', guest: 201, jobnum: 0, vmtype: 'lxc', target: 'pve3', last_sync: 0, fail_count: 0, disable: 1 },
];

const pvesh = (path: string) => `pvesh get ${path} --output-format json`;
const content = (storage: string) => pvesh(`/nodes/localhost/storage/${storage}/content --content backup`);
const said = (answer: unknown): ExecResult => ({ exitCode: 0, stdout: JSON.stringify(answer), stderr: '' });

function host(more: TreeHost['commands'] = {}): TreeHost {
  return new TreeHost({
    files: { '/proc/sys/kernel/hostname': 'pve1\n', '/etc/pve/storage.cfg': '' },
    commands: {
      [pvesh('/version')]: said({ version: '8.2.4' }),
      [pvesh('/cluster/resources')]: said(RESOURCES),
      [content('local')]: said(LOCAL),
      [content('pbs-1')]: said(PBS),
      [pvesh('/nodes/localhost/tasks --typefilter vzdump --limit 200')]: said(TASKS),
      [pvesh('/nodes/localhost/replication')]: said(REPLICATION),
      ...more,
    },
  });
}

describe('proxmox_backup', () => {
  it('gives the newest backup of each guest of this node, and says of one that it has none', async () => {
    const access = host();
    expect(await new Readings(proxmoxBackup).read(access)).toEqual([
      {
        tags: { vm_id: '100', vm_name: 'web', vm_type: 'qemu' },
        fields: { backups: 3, age: DAY, size: 700, storage: 'pbs-1', verified: 'ok' },
      },
      { tags: { vm_id: '201', vm_name: 'dns', vm_type: 'lxc' }, fields: { backups: 0 } },
    ]);
    expect(access.asked.filter((asked) => asked.includes('/storage/'))).toEqual([content('local'), content('pbs-1')]);
  });

  it('gives how the last runs ended, and replication', async () => {
    const rows = await new Readings(proxmoxBackup).readAll(host());
    expect(rows['proxmox_backup_task']).toEqual([
      { tags: { vm_id: 'all' }, fields: { result: 'job errors', result_code: 2, age: DAY - 600, duration: 600 } },
      { tags: { vm_id: '201' }, fields: { result: 'WARNINGS: 2', result_code: 1, age: 3 * DAY - 60, duration: 60 } },
    ]);
    expect(rows['proxmox_replication']).toEqual([
      {
        tags: { id: '100-0', vm_id: '100', target: 'pve2' },
        fields: { state: 'failed', fail_count: 3, last_sync_age: 7200, last_try_age: 300, duration: 4.25, error: 'no route to host' },
      },
      { tags: { id: '201-0', vm_id: '201', target: 'pve3' }, fields: { state: 'disabled', fail_count: 0 } },
    ]);
  });

  it('keeps the rest where a storage cannot be asked, and passes over what is ignored', async () => {
    const timeout = new AccessError('timeout', 'pvesh: no answer');
    const readings = new Readings(proxmoxBackup);
    const rows = await readings.readAll(host({ [content('pbs-1')]: timeout }));
    expect(rows['proxmox_backup']?.[0]?.fields).toMatchObject({ backups: 1, age: 8 * DAY, storage: 'local' });
    expect(rows['proxmox_backup_task']).toHaveLength(2);
    expect(readings.reported).toEqual([timeout]);
    const ignoring = new Readings(proxmoxBackup, { ignore_storages: ['pbs*'] });
    expect((await ignoring.read(host({ [content('pbs-1')]: timeout })))[0]?.fields).toMatchObject({ storage: 'local' });
    expect(ignoring.reported).toEqual([]);
  });

  it('asks a bounded number of storages', async () => {
    const storages = Array.from({ length: 12 }, (_, index) => ({
      type: 'storage',
      node: 'pve1',
      storage: `s${index + 10}`,
      status: 'available',
      content: 'backup',
    }));
    const answers = Object.fromEntries(storages.map(({ storage }) => [content(storage), said([])]));
    const access = host({ ...answers, [pvesh('/cluster/resources')]: said(storages) });
    const readings = new Readings(proxmoxBackup);
    await readings.readAll(access);
    expect(access.asked.filter((asked) => asked.includes('/storage/'))).toHaveLength(8);
    expect(readings.reported).toMatchObject([{ code: 'too-large' }]);
  });

  it('keeps no notes of a backup', async () => {
    const heard: string[] = [];
    const access = host();
    const exec = access.exec.bind(access);
    access.exec = async (...asked) => {
      const result = await exec(...asked);
      heard.push(result.stdout);
      return result;
    };
    await new Readings(proxmoxBackup).readAll(access);
    expect(heard.join()).not.toContain('canary');
  });
});

it.each(['', '{}', '[', 'null'])('throws a ParseError at %j', (text) => {
  for (const parse of [parseBackups, (other: string) => parseReplication(other, 0), (other: string) => parseBackupTasks(other, [], 0)]) {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'parse' }));
  }
});

it('gives rows as declared or clear errors, whatever became of the answers', { timeout: 3_600_000 }, async () => {
  await expectSoundRows(proxmoxBackup, host());
});
