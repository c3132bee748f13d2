import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseBrokerUrl } from './broker-url.ts';

describe('parseBrokerUrl', () => {
  it('reads names, addresses, IPv6 literals, ports and paths', () => {
    expect(parseBrokerUrl('mqtt://server')).toMatchObject({ protocol: 'mqtt', host: 'server', port: 1883 });
    expect(parseBrokerUrl('mqtts://10.0.0.1:8884')).toMatchObject({ protocol: 'mqtts', host: '10.0.0.1', port: 8884 });
    expect(parseBrokerUrl('mqtt://[fe80::1]:1884')).toMatchObject({ host: 'fe80::1', port: 1884, shown: 'mqtt://[fe80::1]:1884' });
    expect(parseBrokerUrl('wss://server/mqtt?x=1')).toMatchObject({ protocol: 'wss', port: 443, path: '/mqtt?x=1' });
  });

  it('takes credentials and keeps them out of what is shown', () => {
    const url = parseBrokerUrl('mqtt://pve1:p%40ss@server:1883');
    expect(url).toMatchObject({ username: 'pve1', password: 'p@ss', shown: 'mqtt://server:1883' });
  });

  it('refuses other URLs and says what is allowed', () => {
    expect(() => parseBrokerUrl('http://server')).toThrow(/mqtt, mqtts, ws and wss/);
    expect(() => parseBrokerUrl('server:1883')).toThrow(/mqtt, mqtts, ws and wss/);
    expect(() => parseBrokerUrl('pve 1')).toThrow(/mqtt:\/\/host:1883/);
    expect(() => parseBrokerUrl('mqtt:///x')).toThrow(/no host/);
  });

  it('says what is wrong without the password', () => {
    for (const text of ['mqtt//pve1:hunter2@server', 'mqtt://pve1:hunter2@server:99999', 'mqtt://pve1:hunter2%@server']) {
      let thrown: unknown;
      try {
        parseBrokerUrl(text);
      } catch (error) {
        thrown = error;
      }
      expect(inspect(thrown)).toMatch(/mqtt:\/\/host:1883/);
      expect(inspect(thrown)).not.toContain('hunter2');
    }
  });
});
