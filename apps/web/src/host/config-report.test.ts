import { expect, it } from 'vitest';
import { configReportOf } from './config-report.ts';

it('reads what an agent applied and refused', () => {
  const refused = [{ key: 'token', reason: 'never by a server' }];
  expect(configReportOf({ config: { hash: 'x', applied: ['intervals.fast_seconds'], refused, unreadable: 2 } })).toEqual({
    applied: ['intervals.fast_seconds'],
    refused,
    unreadable: 2,
  });
});

it.each([undefined, null, {}, { config: null }, { config: 'x' }])('knows of nothing in %j', (info) => {
  expect(configReportOf(info)).toBeNull();
});

it('leaves out what makes no sense', () => {
  expect(configReportOf({ config: { applied: ['a', 1, null], refused: [null, 'x', { key: 'a' }], unreadable: 'many' } })).toEqual({
    applied: ['a'],
    refused: [],
    unreadable: 0,
  });
});
