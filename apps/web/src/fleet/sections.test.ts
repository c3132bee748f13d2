import { expect, it } from 'vitest';
import { aHost } from './sample-hosts.testkit.ts';
import { divisionsOf, groupsOf, sectionsOf } from './sections.ts';

const HOSTS = [
  aHost({ host: 'pi-01', group: 'Pi', labels: { site: 'home' } }),
  aHost({ host: 'pi-02', group: 'Pi', labels: { site: 'attic' }, state: 'offline' }),
  aHost({ host: 'alone' }),
  aHost({ host: 'web-1', group: 'Web' }),
];

it('knows the groups by name, and the hosts without one', () => {
  expect(groupsOf(HOSTS).map(({ text, n }) => `${text} ${n}`)).toEqual(['Pi 2', 'Web 1', 'No group 1']);
  expect(groupsOf([aHost()])).toEqual([]);
  expect(divisionsOf(HOSTS)).toEqual(['group', 'label:site', 'none']);
  expect(divisionsOf([aHost()])).toEqual([]);
});

it('keeps the order of the hosts, of the sections and inside', () => {
  const sections = sectionsOf(HOSTS, 'group');
  expect(sections.map(({ name, hosts }) => [name, hosts.map(({ host }) => host)])).toEqual([
    ['Pi', ['pi-01', 'pi-02']],
    [null, ['alone']],
    ['Web', ['web-1']],
  ]);
  expect(sections[0]?.states).toEqual([{ status: 'offline', n: 1 }]);
  expect(sectionsOf(HOSTS, 'label:site').map(({ name }) => name)).toEqual(['home', 'attic', null]);
  expect(sectionsOf(HOSTS, 'none').map(({ name, hosts }) => [name, hosts.length])).toEqual([[null, 4]]);
});
