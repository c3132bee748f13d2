import { AccessError } from '@hostwire/host-access';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../config.ts';
import { createRunner } from '../runner.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { publicIp } from './index.ts';
import { parseAddress } from './parse.ts';

const options = { ipv4_url: 'http://192.0.2.1/4', ipv6_url: 'http://192.0.2.1/6' };
const answer = (body: string, status = 200) => ({ status, headers: {}, body });

async function read(four: ReturnType<typeof answer> | AccessError, six: ReturnType<typeof answer> | AccessError) {
  const readings = new Readings(publicIp, options);
  const rows = await readings.read(new TreeHost({ requests: { 'http://192.0.2.1 /4': four, 'http://192.0.2.1 /6': six } }));
  return { fields: rows[0]?.fields, reported: readings.reported };
}

describe('public_ip', () => {
  it('gives both addresses, each in its one form', async () => {
    const { fields, reported } = await read(answer('198.51.100.7\n'), answer('2001:DB8:0:0::7'));
    expect(fields).toEqual({ ipv4: '198.51.100.7', ipv6: '2001:db8::7' });
    expect(reported).toEqual([]);
  });

  it('finds nothing amiss with a host that has no IPv6, but with one that has neither', async () => {
    const none = new AccessError('ENETUNREACH', 'no way');
    expect(await read(answer('198.51.100.7'), none)).toEqual({ fields: { ipv4: '198.51.100.7' }, reported: [] });
    expect(await read(none, none)).toEqual({ fields: {}, reported: [none, none] });
  });

  it.each([
    ['an address of the other family', answer('2001:db8::7'), 'parse'],
    ['a login page', answer('<html>198.51.100.7</html>'), 'parse'],
    ['another status', answer('198.51.100.7', 503), 'status-503'],
    ['no answer', new AccessError('timeout', 'no answer'), 'timeout'],
  ])('reports %s, and keeps the other family', async (_name, four, code) => {
    const { fields, reported } = await read(four, answer('2001:db8::7'));
    expect(fields).toEqual({ ipv6: '2001:db8::7' });
    expect(reported).toMatchObject([{ code }]);
  });

  it('asks nobody until it is switched on', async () => {
    const access = new TreeHost();
    const runner = createRunner({ access, collectors: [publicIp] });
    expect((await runner.collect('slow')).data).toEqual({});
    expect(access.asked).toEqual([]);
    expect((await runner.probeAll())['public_ip']?.available).toBe(false);
  });

  it('is not available if nobody is to be asked', async () => {
    const { options: none } = settingsOf(publicIp, { public_ip: { ipv4_url: '', ipv6_url: '' } });
    expect(await publicIp.probe(new TreeHost(), none)).toMatchObject({ available: false });
  });
});

it('parseAddress takes no IPv6 address with a zone', () => {
  expect(parseAddress('fe80::1', 6)).toBe('fe80::1');
  expect(() => parseAddress('fe80::1%eth0', 6)).toThrow(/no IPv6 address/);
});

it.each(['10.0.0.1 ', '1.2.3', '1.2.3.4.5', '01.2.3.4', '::1', '', '1.2.3.4/32'])('parseAddress of %j', (text) => {
  if (text === '10.0.0.1 ') expect(parseAddress(text, 4)).toBe('10.0.0.1');
  else expect(() => parseAddress(text, 4)).toThrow(/no IPv4 address/);
});
