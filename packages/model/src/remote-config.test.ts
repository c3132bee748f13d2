import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configKeys, contentHash, filterConfig, mergeConfigs, parseConfigScope, type RemoteConfig, scopesOf } from './index.ts';

/** Tables of tables, also with names that objects have by birth. */
const tables = fc.letrec<{ table: RemoteConfig; value: unknown }>((tie) => ({
  table: fc.dictionary(
    fc.oneof(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'toString'), fc.string({ maxLength: 3 })),
    tie('value'),
    { maxKeys: 4, noNullPrototype: true },
  ) as fc.Arbitrary<RemoteConfig>,
  value: fc.oneof({ maxDepth: 3 }, fc.constantFrom<unknown>(1, true, null, 'x', [1, 2], []), tie('table')),
}));
const table = tables.table;

/** Tables under one schema: of each key it is known whether its value is a table. */
const plain = fc.constantFrom<unknown>(1, true, null, 'x', [1, 2], []);
const inner = fc.record({ a: plain, toString: plain, constructor: plain }, { requiredKeys: [] });
const alike = fc.record({ a: plain, b: plain, c: inner, d: fc.record({ a: plain, c: inner }, { requiredKeys: [] }) }, { requiredKeys: [] });

describe('mergeConfigs', () => {
  it('takes for each key the last that has it, and lists as one value', () => {
    const all = { intervals: { fast_seconds: 30, slow_seconds: 600 }, collectors: { disk: { ignore_fs: ['a', 'b'] } } };
    const group = { intervals: { fast_seconds: 10 }, collectors: { disk: { ignore_fs: ['c'] }, temp: { enabled: false } } };
    expect(mergeConfigs([all, group, { intervals: { fast_seconds: 5 } }])).toEqual({
      intervals: { fast_seconds: 5, slow_seconds: 600 },
      collectors: { disk: { ignore_fs: ['c'] }, temp: { enabled: false } },
    });
  });

  it('loses no key of the last, and holds no key that none has', () => {
    fc.assert(
      fc.property(table, table, table, (a, b, c) => {
        const merged = mergeConfigs([a, b, c]);
        const found = new Map([...configKeys(merged)].map(([path, value]) => [path, JSON.stringify(value)]));
        for (const [path, value] of configKeys(c)) expect(found.get(path)).toBe(JSON.stringify(value));
        const known = new Set([a, b, c].flatMap((one) => [...configKeys(one)].map(([path, value]) => `${path} ${JSON.stringify(value)}`)));
        for (const [path, value] of found) expect(known.has(`${path} ${value}`)).toBe(true);
        expect(contentHash(mergeConfigs([mergeConfigs([a, b]), c]))).toBe(contentHash(merged));
        expect(contentHash(mergeConfigs([merged, merged]))).toBe(contentHash(merged));
        expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
        expect(mergeConfigs([])).toEqual({});
      }),
    );
  });

  it('says the same whichever two are merged first, where a key is a table in all of them or in none', () => {
    fc.assert(
      fc.property(alike, alike, alike, (a, b, c) => {
        const merged = contentHash(mergeConfigs([a, b, c]));
        expect(contentHash(mergeConfigs([a, mergeConfigs([b, c])]))).toBe(merged);
      }),
    );
  });

  it('changes nothing that it is given', () => {
    fc.assert(
      fc.property(table, table, (a, b) => {
        const before = JSON.stringify([a, b]);
        mergeConfigs([a, b]);
        expect(JSON.stringify([a, b])).toBe(before);
      }),
    );
  });
});

describe('filterConfig', () => {
  it('keeps what is chosen, and no empty table', () => {
    const config = { enabled: true, collectors: { disk: { enabled: false }, temp: { enabled: false } } };
    expect(filterConfig(config, (path) => !path.startsWith('collectors.disk'))).toEqual({
      enabled: true,
      collectors: { temp: { enabled: false } },
    });
    expect(filterConfig(config, () => false)).toEqual({});
  });
});

describe('scopes', () => {
  it('are of all hosts, a group that can be one, or a host that can be one', () => {
    expect(parseConfigScope('group:Raspberry Pis')).toEqual({ kind: 'group', name: 'Raspberry Pis' });
    expect(parseConfigScope('host:pi-01')).toEqual({ kind: 'host', name: 'pi-01' });
    for (const wrong of ['', 'all ', 'group:', 'host:PI', 'host:a\n', 'group:\na', 'other:a'])
      expect(parseConfigScope(wrong), wrong).toBeNull();
    expect(scopesOf({ host: 'pi-01', group: 'pi' })).toEqual(['all', 'group:pi', 'host:pi-01']);
    expect(scopesOf({ host: 'pi-01', group: null })).toEqual(['all', 'host:pi-01']);
  });
});
