import { expect, it } from 'vitest';
import { anAlert } from '../fleet/sample-hosts.testkit.ts';
import { causePanel } from './cause.ts';

const columns = (values: (number | null)[]) => ({
  times: values.map((_, i) => i * 1000),
  step: 1000,
  unit: null,
  series: [{ tags: {}, values }],
});

it('draws the series that the rule was judged on, in one unit with its limit', () => {
  const alert = anAlert({ measurement: 'mem', field: 'used', where: { 'a:b': 'x,y' }, unit: 'bytes', threshold: 3 * 2 ** 30 });
  const { sources, build } = causePanel(alert);
  expect(sources).toMatchObject([{ measurement: 'mem', field: 'used', where: ['a:b:x\\,y'] }]);
  const model = build([columns([2 ** 30, 2 ** 31])], { detail: null, interval: 1000 });
  expect(model).toMatchObject({ unit: 'GiB', lines: [{ values: [1, 2] }], limits: [{ at: 3, words: 'critical 3.00' }] });
});

it('asks for no mean of what is true or false', () => {
  const alert = anAlert({ measurement: 'zpool', field: 'healthy', where: { pool: 'tank' }, unit: 'flag', threshold: 1 });
  const { sources, build } = causePanel(alert);
  expect(sources).toMatchObject([{ aggregate: 'last', band: false }]);
  expect(build([columns([1, 0])], { detail: null, interval: 1000 })).toMatchObject({ unit: '', y: { kind: 'fixed', low: 0, high: 1 } });
});

it('shows the CPU of a host that is silent, without a limit', () => {
  const { sources, build } = causePanel(anAlert({ rule: 'host_offline', measurement: null, field: null, where: {}, threshold: null }));
  expect(sources).toMatchObject([{ measurement: 'cpu', where: ['cpu:cpu-total'] }]);
  expect(build([columns([10, null])], { detail: null, interval: 1000 })).toMatchObject({ limits: [], y: { kind: 'fixed', high: 100 } });
});
