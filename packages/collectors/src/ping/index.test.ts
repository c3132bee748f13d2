import { spawnSync } from 'node:child_process';
import { AccessError, LocalHost } from '@hostwire/host-access';
import { systemSuite } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../config.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { ping } from './index.ts';
import { isUnknownHost, parsePing } from './parse.ts';

const IPUTILS = `PING example.org (192.0.2.1) 56(84) bytes of data.
64 bytes from 192.0.2.1: icmp_seq=1 ttl=57 time=9.83 ms
64 bytes from 192.0.2.1: icmp_seq=3 ttl=57 time=11.2 ms

--- example.org ping statistics ---
3 packets transmitted, 2 received, 33.3333% packet loss, time 2003ms
rtt min/avg/max/mdev = 9.830/10.515/11.200/0.685 ms
`;
const BUSYBOX = `PING 192.0.2.1 (192.0.2.1): 56 data bytes
64 bytes from 192.0.2.1: seq=0 ttl=57 time=9.830 ms

--- 192.0.2.1 ping statistics ---
1 packets transmitted, 1 packets received, 0% packet loss
round-trip min/avg/max = 9.830/9.830/9.830 ms
`;
const UNREACHABLE = `PING 203.0.113.1 (203.0.113.1) 56(84) bytes of data.
From 192.0.2.51 icmp_seq=1 Destination Port Unreachable

--- 203.0.113.1 ping statistics ---
1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms

`;
const result = (exitCode: number, stdout: string, stderr = '') => ({ exitCode, stdout, stderr });

async function read(found: ReturnType<typeof result> | AccessError) {
  const readings = new Readings(ping, { targets: [{ host: 'example.org' }] });
  const rows = await readings.read(new TreeHost({ commands: { 'ping -n -c 3 -w 5 example.org': found } }));
  return { fields: rows[0]?.fields, reported: readings.reported };
}

describe('parsePing', () => {
  it('reads what iputils writes', () => {
    expect(parsePing(IPUTILS)).toEqual({
      packets_transmitted: 3,
      packets_received: 2,
      percent_packet_loss: 100 / 3,
      minimum_response_ms: 9.83,
      average_response_ms: 10.515,
      maximum_response_ms: 11.2,
      standard_deviation_ms: 0.685,
      ttl: 57,
    });
    expect(parsePing(UNREACHABLE)).toEqual({ packets_transmitted: 1, packets_received: 0, percent_packet_loss: 100 });
  });

  it('reads what busybox writes', () => {
    expect(parsePing(BUSYBOX)).toMatchObject({ packets_transmitted: 1, packets_received: 1, average_response_ms: 9.83, ttl: 57 });
    expect(parsePing(BUSYBOX)).not.toHaveProperty('standard_deviation_ms');
  });

  it('knows an answer that came twice', () => {
    expect(parsePing('1 packets transmitted, 1 received, +1 duplicates, 0% packet loss')['percent_packet_loss']).toBe(0);
    expect(parsePing('1 packets transmitted, 2 received, 0% packet loss')['percent_packet_loss']).toBe(0);
  });

  it('refuses what holds no count', () => {
    expect(() => parsePing('ping: hm')).toThrow(/no count/);
  });
});

it.each(['ping: nosuch.invalid: Name or service not known', "ping: bad address 'nosuch.invalid'"])('an unknown name: %s', (text) => {
  expect(isUnknownHost(text)).toBe(true);
});

describe('ping', () => {
  it('gives a row also for who does not answer, or is not known', async () => {
    expect((await read(result(0, IPUTILS))).fields).toMatchObject({ result: 'success', result_code: 0 });
    expect((await read(result(1, UNREACHABLE))).fields).toMatchObject({ result: 'no_reply', result_code: 1 });
    expect((await read(result(2, '', 'ping: nosuch: Name or service not known\n'))).fields).toEqual({
      result: 'unknown_host',
      result_code: 1,
    });
    expect((await read(result(2, '', 'ping: connect: Network is unreachable\n'))).fields).toEqual({ result: 'error', result_code: 2 });
    expect((await read(new AccessError('timeout', 'no answer'))).fields).toEqual({ result: 'no_reply', result_code: 1 });
  });

  it('reports that it may not, with what allows it', async () => {
    const { fields, reported } = await read(result(2, '', 'ping: socket: Operation not permitted\n'));
    expect(fields).toBeUndefined();
    expect(reported).toMatchObject([{ code: 'EPERM', message: expect.stringContaining('ping_group_range') as string }]);
  });

  it('takes no option for a host', () => {
    for (const host of ['-f', '', 'a b', '$(id)']) {
      expect(() => settingsOf(ping, { ping: { targets: [{ host }] } }), host).toThrow(/host/);
    }
  });

  it('is not available without targets, nor without the command', async () => {
    const { options } = settingsOf(ping, { ping: { targets: [{ host: 'a' }] } });
    expect(await ping.probe(new TreeHost(), { targets: [] })).toMatchObject({ available: false, reason: 'no targets' });
    expect(await ping.probe(new TreeHost(), options)).toMatchObject({
      available: false,
      hint: expect.stringContaining('install ping') as string,
    });
    const old = new TreeHost({ commands: { 'ping -V': result(1, '', "ping: invalid option -- 'V'") } });
    expect(await ping.probe(old, options)).toEqual({ available: true });
  });
});

systemSuite(['busybox'], 'ping of busybox', () => {
  it.skipIf(spawnSync('busybox', ['ping', '-c', '1', '-w', '1', '127.0.0.1']).status !== 0)('takes the same arguments', async () => {
    const { exitCode, stdout } = await new LocalHost().exec('busybox', ['ping', '-n', '-c', '1', '-w', '2', '127.0.0.1']);
    expect(exitCode).toBe(0);
    expect(parsePing(stdout)).toMatchObject({ packets_transmitted: 1, packets_received: 1 });
  });
});
