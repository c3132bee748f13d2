import type { Sample } from '@hostwire/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeSample } from './ingest.testkit.ts';
import { type FieldTypes, toPoints } from './to-points.ts';

const types = new Map<string, FieldTypes>([
  ['net', Object.assign(Object.create(null), { bytes_recv: 'int', speed: 'int', state: 'string' })],
]);

const points = (data: Sample['data']) => toPoints(makeSample({ data }), types, 'hostwire').points;

describe('toPoints', () => {
  it('gives the rows of a sample one time, one source and the host', () => {
    const sample = makeSample({
      data: { net: [{ tags: { interface: 'eth0' }, fields: { speed: 10 } }, { fields: { speed: 5 } }], mem: [{ fields: { free: 1 } }] },
    });
    expect(toPoints(sample, types, 'hostwire')).toEqual({
      database: 'hostwire',
      source: 'pve1/fast',
      time: sample.time,
      points: [
        { measurement: 'net', tags: { host: 'pve1', interface: 'eth0' }, fields: { speed: 10 }, types: types.get('net') },
        { measurement: 'net', tags: { host: 'pve1' }, fields: { speed: 5 }, types: types.get('net') },
        { measurement: 'mem', tags: { host: 'pve1' }, fields: { free: 1 }, types: {} },
      ],
    });
  });

  it('reads integers beyond 2^53-1 from their decimal strings, in fields that are declared so', () => {
    const [point] = points({ net: [{ fields: { bytes_recv: '9007199254740993', speed: '-5', state: '12', other: '12' } }] });
    expect(point?.fields).toEqual({ bytes_recv: 9007199254740993n, speed: -5n, state: '12', other: '12' });
    expect(points({ net: [{ fields: { speed: 'fast' } }] })[0]?.fields).toEqual({ speed: 'fast' });
  });

  it('makes nothing new of what needs no change', () => {
    const fields = { speed: 1 };
    const [point] = points({ net: [{ fields }] });
    expect(point?.fields).toBe(fields);
    expect(point?.types).toBe(types.get('net'));
  });

  it('lets no row name another host or set a prototype', () => {
    const hostile = JSON.parse(
      '{"net":[{"tags":{"host":"pve2","__proto__":"x","b":"1","a":"2"},"fields":{"__proto__":5,"constructor":1,"speed":1}}],"__proto__":[{"fields":{"a":1}}]}',
    ) as Sample['data'];
    const all = points(hostile);
    expect(all).toHaveLength(1);
    expect(Object.keys(all[0]?.tags ?? {})).toEqual(['a', 'b', 'host']);
    expect(all[0]?.tags['host']).toBe('pve1');
    expect(Object.keys(all[0]?.fields ?? {})).toEqual(['constructor', 'speed']);
    expect(Object.getPrototypeOf(all[0]?.fields)).toBe(Object.prototype);
    expect(all[0]?.types['constructor']).toBeUndefined();
    expect(points({ constructor: [{ fields: { a: 1 } }] })[0]?.types).toEqual({});
  });

  it('gives tags that are sorted and clean, whatever they were', () => {
    const name = fc.string({ minLength: 1, maxLength: 10, unit: 'binary' });
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(name, fc.constantFrom('host', 'a', 'z', 'interface')), name, { maxKeys: 6 }), (tags) => {
        const clean = points({ net: [{ tags, fields: { speed: 1 } }] })[0]?.tags ?? {};
        const keys = Object.keys(clean).filter((key) => !/^\d+$/.test(key));
        expect(keys).toEqual([...keys].sort());
        expect(clean['host']).toBe('pve1');
        for (const [key, value] of Object.entries(clean)) {
          for (const text of [key, value]) {
            expect(text).not.toBe('');
            // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
            expect(text).not.toMatch(/[\u0000-\u001f\u007f]|\\$/);
            expect(Buffer.from(text).toString()).toBe(text);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
