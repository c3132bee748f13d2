import { mount } from '@vue/test-utils';
import { expect, it } from 'vitest';
import type { HostDetail } from '../api/types.ts';
import FileSystemPanel from './FileSystemPanel.vue';

const GIB = 2 ** 30;
const NAS = { path: '/nas', device: 'nas:/export', fstype: 'nfs4', mode: 'rw' };

function panelOf(rows: readonly unknown[], errors: readonly unknown[]) {
  const detail = { latest: { disk: { time: 0, rows } }, summary: { errors } } as unknown as HostDetail;
  return mount(FileSystemPanel, { props: { detail } });
}

it('shows a file system that does not answer before the others, and why', () => {
  const root = { tags: { path: '/', device: 'sda1' }, fields: { total: 100 * GIB, used: 40 * GIB, used_percent: 40, hung: false } };
  const wrapper = panelOf(
    [root, { tags: NAS, fields: { hung: true } }],
    [{ collector: 'disk', code: 'timeout', message: '/nas: nas:/export does not answer' }],
  );
  expect(wrapper.find('.panel-note').text()).toBe('/nas: nas:/export does not answer');
  const rows = wrapper.findAll('tbody tr').map((row) => row.text());
  expect(rows[0]).toMatch(/^\/nas.*Does not answer/s);
  expect(rows[1]).toMatch(/^\/.*40.*40.* of 100/s);
});

it('says that there is no data only where there is none', () => {
  const wrapper = panelOf([], [{ collector: 'disk', code: 'ENOENT', message: '/proc/1/mountinfo: no such file' }]);
  expect(wrapper.find('.panel-note').text()).toBe('No data: /proc/1/mountinfo: no such file');
  expect(wrapper.find('table').exists()).toBe(false);
});
