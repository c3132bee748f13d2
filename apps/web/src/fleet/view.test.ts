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

it('finds by group and label, also where they have spaces', () => {
  const host = aHost({ host: 'pi-02', group: 'Raspberry Pi', labels: { site: 'home', rack: 'Row 2', constructor: 'x' } });
  for (const text of ['group:"raspberry pi"', 'label:site=home', 'label:site', 'label:rack="row 2" pi', 'site=home', 'group:', 'raspberry'])
    expect([text, matches(host, text)]).toEqual([text, true]);
  for (const text of ['group:pi', 'label:site=ho', 'label:role', 'label:site=home group:web', 'label:valueof=x'])
    expect([text, matches(host, text)]).toEqual([text, false]);
  expect(matches(aHost(), 'group:web')).toBe(false);
  expect([matches(aHost(), 'label:constructor'), matches(aHost(), 'label:constructor=x')]).toEqual([false, false]);
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
