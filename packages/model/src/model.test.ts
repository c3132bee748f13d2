import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CollectorDeclaration,
  canonicalJson,
  catalogHash,
  encodeSample,
  isHostId,
  parseDuration,
  type Sample,
  toCatalog,
  toHostId,
  topics,
} from './index.ts';
import { sampleCheck } from './schema.ts';

const sample: Sample = {
  v: 1,
  host: 'pve1',
  tier: 'fast',
  run: 'k3v9q0',
  seq: 1841,
  time: 1_790_000_000_000,
  interval: 30,
  catalog: '9f31c2',
  data: { cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: 12.4 } }] },
};

describe('host ids', () => {
  it('makes a valid id of any host name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(isHostId(toHostId(name))).toBe(true);
      }),
    );
    expect(toHostId('Raspberry Pi (Kitchen)')).toBe('raspberry-pi-kitchen-');
    expect(toHostId('pve1.example.org')).toBe('pve1.example.org');
  });
});

describe('topics', () => {
  it('reads back what it writes', () => {
    const { parse, sample, status, info, catalog, ack, alert } = topics('site/hostwire');
    expect(parse(sample('pve1', 'slow'))).toEqual({ kind: 'sample', host: 'pve1', tier: 'slow' });
    expect(parse(status('pve1'))).toEqual({ kind: 'status', host: 'pve1' });
    expect(parse(info('pve1'))).toEqual({ kind: 'info', host: 'pve1' });
    expect(parse(catalog('pve1'))).toEqual({ kind: 'catalog', host: 'pve1' });
    expect(parse(ack('pve1'))).toEqual({ kind: 'ack', host: 'pve1' });
    expect(parse(alert('pve1', 'high_cpu.pve1'))).toEqual({ kind: 'alert', host: 'pve1', id: 'high_cpu.pve1' });
  });

  it('takes nothing else for a host topic, and never throws', () => {
    const { parse } = topics();
    for (const topic of [
      'hostwire/v1/status',
      'hostwire/v1/PVE1/status',
      'hostwire/v1/pve1/sample',
      'hostwire/v1/pve1/sample/often',
      'hostwire/v1/pve1/sample/fast/x',
      'hostwire/v1/pve1/command/run',
      'hostwire/v1/pve1/alert/a b',
      'hostwire/v1//status',
      'other/v1/pve1/status',
    ]) {
      expect(parse(topic), topic).toBeNull();
    }
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (rest) => void parse(`hostwire/v1/${rest}`)));
  });

  it('refuses a root that would not be a topic', () => {
    for (const root of ['', 'a/#', '+', 'a//b', '/a', 'a b']) expect(() => topics(root)).toThrow(/topic root/);
  });
});

describe('encodeSample', () => {
  it('sends integers beyond 2^53-1 as decimal strings, and what it sends is valid', () => {
    const text = encodeSample({ ...sample, data: { net: [{ fields: { bytes_recv: 2n ** 63n - 1n, bytes_sent: 5n } }] } });
    expect(JSON.parse(text).data.net[0].fields).toEqual({ bytes_recv: '9223372036854775807', bytes_sent: 5 });
    expect(sampleCheck.Check(JSON.parse(text))).toBe(true);
  });
});

describe('sample schema', () => {
  it('takes a sample and refuses what is not one', () => {
    expect(sampleCheck.Check(sample)).toBe(true);
    const wrong: Record<string, unknown>[] = [
      { v: 2 },
      { host: '../etc' },
      { host: 'x'.repeat(64) },
      { tier: 'often' },
      { run: 'a/b' },
      { seq: 0 },
      { seq: 1.5 },
      { time: -1 },
      { interval: 0 },
      { data: { cpu: [{ fields: {} }] } },
      { data: { cpu: [{ fields: { a: null } }] } },
      { data: { cpu: [{ fields: { a: 1 }, more: 1 }] } },
      { data: { 'c pu': [{ fields: { a: 1 } }] } },
      { data: { cpu: [{ fields: { 'a\nb': 1 } }] } },
      { data: { cpu: [{ fields: { ['a'.repeat(129)]: 1 } }] } },
      { data: { cpu: [{ tags: { a: '' }, fields: { a: 1 } }] } },
      { backfill: 'yes' },
    ];
    for (const change of wrong) expect(sampleCheck.Check({ ...sample, ...change }), JSON.stringify(change)).toBe(false);
  });
});

const declaration = (name: string, type: 'int' | 'float'): CollectorDeclaration => ({
  name,
  tier: 'fast',
  help: '',
  measurements: { mem: { help: '', tags: {}, fields: { used: { type, unit: 'bytes', kind: 'gauge', help: '' } } } },
});

describe('catalog', () => {
  it('refuses two declarations that disagree on a type', () => {
    expect(() => toCatalog([declaration('a', 'int'), declaration('b', 'float')])).toThrow('mem.used is int in a and float in b');
    expect(toCatalog([declaration('a', 'int'), declaration('b', 'int')]).measurements['mem']?.collector).toBe('a');
  });

  it('has the same hash for the same declarations in any order of keys, and another for any change', () => {
    const { measurements } = toCatalog([declaration('a', 'int')]);
    const reordered = JSON.parse(JSON.stringify(measurements), (_k, v) =>
      v !== null && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).reverse()) : v,
    );
    expect(catalogHash(reordered)).toBe(catalogHash(measurements));
    expect(toCatalog([declaration('a', 'float')]).hash).not.toBe(catalogHash(measurements));
    expect(catalogHash(measurements)).toMatch(/^[0-9a-f]{12}$/);
  });

  it('has a canonical text that JSON reads back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('parseDuration', () => {
  it('reads durations and nothing else', () => {
    expect(['90s', '1h30m', '250ms', '2d', '1.5s', '1w'].map(parseDuration)).toEqual([
      90_000, 5_400_000, 250, 172_800_000, 1_500, 604_800_000,
    ]);
    for (const text of ['', '5', 'm', '5x', '-5m', '5m ', '1 h']) expect(parseDuration(text), text).toBeNull();
  });
});
