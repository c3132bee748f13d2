import { expect, it } from 'vitest';
import { aHost } from './sample-hosts.testkit.ts';
import { comparison, matches } from './view.ts';

it('finds by every word, in name, system or state', () => {
  const host = aHost({ host: 'pi-02', state: 'offline' });
  expect(matches(host, '')).toBe(true);
  expect(matches(host, 'debian offline')).toBe(true);
  expect(matches(host, 'PI-0')).toBe(true);
  expect(matches(host, 'pi ubuntu')).toBe(false);
});

it('sorts by a value, largest first, unknown last', () => {
  const hosts = [
    aHost({ host: 'none', temperature: null }),
    aHost({ host: 'cool', temperature: { sensor: 's', celsius: 40, limit: null } }),
    aHost({ host: 'hot', temperature: { sensor: 's', celsius: 80, limit: null } }),
  ];
  expect(hosts.sort(comparison('temperature')).map(({ host }) => host)).toEqual(['hot', 'cool', 'none']);
  expect(hosts.sort(comparison('name')).map(({ host }) => host)).toEqual(['cool', 'hot', 'none']);
});
