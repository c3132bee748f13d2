import { AccessError } from '@hostwire/host-access';
import { describe, expect, it } from 'vitest';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { net } from './index.ts';

const HEAD =
  'Inter-|   Receive                                                |  Transmit\n' +
  ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n';
const line = (name: string) =>
  `${name.padStart(6)}: 721214768   19947    1    2    3     4          5         6  1366853   10725    7    8    9    10       11          12\n`;
const COUNTERS = {
  bytes_recv: 721_214_768,
  packets_recv: 19_947,
  err_in: 1,
  drop_in: 2,
  bytes_sent: 1_366_853,
  packets_sent: 10_725,
  err_out: 7,
  drop_out: 8,
};
const link = (name: string, flags: string, speed: string | AccessError) => ({
  [`/sys/class/net/${name}/flags`]: `${flags}\n`,
  [`/sys/class/net/${name}/speed`]: speed,
});
const host = (file = '/proc/1/net/dev') =>
  new TreeHost({
    files: {
      [file]: HEAD + ['lo', 'eth0', 'eth1', 'vmbr0', 'veth3f00aa1', 'veth101i0', 'eth0:1'].map(line).join(''),
      ...link('lo', '0x9', new AccessError('EINVAL', 'speed')),
      ...link('eth0', '0x1003', '1000\n'),
      ...link('eth1', '0x1002', new AccessError('EINVAL', 'speed')),
      ...link('vmbr0', '0x1003', '-1\n'),
      ...link('veth3f00aa1', '0x1003', '10000\n'),
      ...link('veth101i0', '0x1003', '10000\n'),
    },
  });
const names = (rows: readonly { tags?: Readonly<Record<string, string>> }[]) => rows.map(({ tags }) => tags?.['interface']);

describe('net', () => {
  it('reports what is up and not loopback, with raw counters and the speed, -1 if not known', async () => {
    const rows = await new Readings(net).read(host());
    expect(names(rows)).toEqual(['eth0', 'vmbr0', 'veth101i0', 'eth0:1']);
    expect(rows[0]).toEqual({ tags: { interface: 'eth0' }, fields: { ...COUNTERS, speed: 1000 } });
    expect(rows[1]?.fields['speed']).toBe(-1);
  });

  it('reports what is named, up or not', async () => {
    expect(names(await new Readings(net, { interfaces: ['lo', 'eth[0-9]'], ignore_interfaces: ['eth0'] }).read(host()))).toEqual([
      'lo',
      'eth1',
    ]);
  });

  it("reads its own network namespace where process 1's is not to be seen", async () => {
    expect(names(await new Readings(net).read(host('/proc/net/dev')))).toContain('eth0');
  });

  it('leaves out lo also where /sys is not there', async () => {
    const access = new TreeHost({ files: { '/proc/net/dev': HEAD + line('lo') + line('eth0') } });
    expect(names(await new Readings(net).read(access))).toEqual(['eth0']);
  });
});
