import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepJson } from './keep-json.ts';

const keep = (value: unknown, ...pointers: string[]) => keepJson(JSON.stringify(value), pointers);

describe('keepJson', () => {
  it('keeps what is named and nothing beside it', () => {
    const value = { a: { b: 1, c: [1, 2] }, d: null, e: 'x' };
    expect(keep(value, '/a/b')).toBe('{"a":{"b":1}}');
    expect(keep(value, '/a')).toBe('{"a":{"b":1,"c":[1,2]}}');
    expect(keep(value, '/d', '/*/c/1')).toBe('{"a":{"c":[null,2]},"d":null}');
    expect(keep(value, '')).toBe(JSON.stringify(value));
    expect(keep(value, '/a/b/deeper', '/none')).toBe('');
    expect(keep(value)).toBe('');
  });

  it('knows keys with slashes and tildes, dots and __proto__', () => {
    expect(keep({ 'a/b': { 'c~1': 1 }, 'com.docker.x': 2, other: 3 }, '/a~1b/c~01', '/com.docker.x')).toBe(
      '{"a/b":{"c~1":1},"com.docker.x":2}',
    );
    expect(keepJson('{"__proto__":{"a":1},"b":2}', ['/__proto__/a'])).toBe('{"__proto__":{"a":1}}');
  });

  it('gives nothing of what is not JSON', () => {
    expect(keepJson('password=x', [''])).toBe('');
    expect(keepJson('{"a":', ['/a'])).toBe('');
  });

  it('never lets a value through that is not below a pointer, and is the same when done twice', () => {
    const secret = 'never-to-be-seen';
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(fc.constantFrom('/a/b', '/*/a', '/0', '/b/*', '/__proto__')), (value, pointers) => {
        const once = keepJson(JSON.stringify({ a: { c: secret, b: value }, d: { secret }, e: [[secret]] }), pointers);
        expect(once).not.toContain(secret);
        expect(once === '' ? '' : keepJson(once, pointers)).toBe(once);
      }),
    );
  });
});
