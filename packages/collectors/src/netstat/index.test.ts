import { AccessError, LocalHost } from '@hostwire/host-access';
import { fixturesDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { netstat } from './index.ts';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const socket = (state: string, index: number) =>
  `${String(index).padStart(4)}: 0100007F:07E8 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 1081 1 0 100 0 0 10 0\n`;
const socket6 = (state: string) =>
  `   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 ${state} 00000000:00000000 00:00000000 00000000 0 0 1 1 0 100\n`;
const SOCKSTAT = 'sockets: used 229\nTCP: inuse 13 orphan 0 tw 4 alloc 17 mem 1\nUDP: inuse 5 mem 0\nUDPLITE: inuse 9\nRAW: inuse 0\n';
const SOCKSTAT6 = 'TCP6: inuse 1\nUDP6: inuse 2\nUDPLITE6: inuse 9\n';
const STATES = ['01', '01', '02', '03', '04', '05', '06', '06', '07', '08', '09', '0A', '0B', '0C'];

const tcp = { '/proc/1/net/tcp': HEAD + STATES.map(socket).join(''), '/proc/1/net/tcp6': HEAD + socket6('0A') };
const sockstat = { '/proc/1/net/sockstat': SOCKSTAT, '/proc/1/net/sockstat6': SOCKSTAT6 };

describe('netstat', () => {
  it('counts TCP sockets by state and UDP sockets, of IPv4 and IPv6 together', async () => {
    expect(await new Readings(netstat).read(new TreeHost({ files: { ...tcp, ...sockstat } }))).toEqual([
      {
        fields: {
          tcp_established: 2,
          tcp_syn_sent: 1,
          tcp_syn_recv: 2,
          tcp_fin_wait1: 1,
          tcp_fin_wait2: 1,
          tcp_time_wait: 2,
          tcp_close: 1,
          tcp_close_wait: 1,
          tcp_last_ack: 1,
          tcp_listen: 2,
          tcp_closing: 1,
          udp_socket: 7,
        },
      },
    ]);
  });

  it('does not list them where there are too many', async () => {
    const access = new TreeHost({ files: { ...tcp, ...sockstat } });
    expect(await new Readings(netstat, { max_sockets: 17 }).read(access)).toEqual([{ fields: { tcp_time_wait: 4, udp_socket: 7 } }]);
    expect(access.asked).not.toContain('/proc/1/net/tcp');
  });

  it('gives no counts rather than half of them', async () => {
    const failing = { ...tcp, '/proc/1/net/tcp6': new AccessError('EIO', '/proc/1/net/tcp6: i/o error') };
    await expect(new Readings(netstat).read(new TreeHost({ files: { ...failing, ...sockstat } }))).rejects.toMatchObject({ code: 'EIO' });
  });
});

it.skipIf(fixturesDir() === null)('netstat of the recorded server has what stands there', async () => {
  expect(await new Readings(netstat).read(new LocalHost({ root: fixturesDir() as string }))).toEqual([{ fields: { udp_socket: 0 } }]);
});
