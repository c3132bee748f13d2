import { mount } from '@vue/test-utils';
import { expect, it } from 'vitest';
import { anAlert } from '../fleet/sample-hosts.testkit.ts';
import AlertSentence from './AlertSentence.vue';

it.each([
  ['CPU 97.2 %, limit 90 %', '97.2 %'],
  ['k10temp_tctl at 91 \u00b0C, limit 90 \u00b0C', '91 \u00b0C'],
  ['Host offline, no data for 38m', '38m'],
  ['zpool tank DEGRADED', null],
])('has the value of %j in bold: %j', (summary, bold) => {
  const wrapper = mount(AlertSentence, { props: { alert: anAlert({ summary }) } });
  expect(wrapper.text()).toBe(summary);
  expect(wrapper.find('b').exists() ? wrapper.find('b').text() : null).toBe(bold);
});

it('takes markup of a host as text', () => {
  const wrapper = mount(AlertSentence, { props: { alert: anAlert({ summary: '<script>alert(1)</script> 5 %' }) } });
  expect(wrapper.find('script').exists()).toBe(false);
  expect(wrapper.text()).toContain('<script>');
});
