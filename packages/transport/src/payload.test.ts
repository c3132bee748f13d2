import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeJson, gunzipPayload, gzipPayload, PayloadError } from './payload.ts';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof PayloadError) return error.code;
    throw error;
  }
  return 'none';
}

describe('payload', () => {
  it('reads what it wrote, compressed or not', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.boolean(), (value, compress) => {
        const text = JSON.stringify(value);
        expect(decodeJson(compress ? gzipPayload(text) : Buffer.from(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('stops inflating a bomb at the limit', () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    expect(codeOf(() => gunzipPayload(bomb))).toBe('too-large');
    expect(codeOf(() => decodeJson(bomb))).toBe('too-large');
    expect(gunzipPayload(gzipSync(Buffer.alloc(1000)), 1000)).toHaveLength(1000);
    expect(codeOf(() => gunzipPayload(gzipSync(Buffer.alloc(1001)), 1000))).toBe('too-large');
  });

  it('answers damaged bytes with a PayloadError, whatever they are', () => {
    expect(codeOf(() => decodeJson(Buffer.from('{"a":')))).toBe('json');
    expect(codeOf(() => decodeJson(Buffer.from([0x22, 0xff, 0xfe, 0x22])))).toBe('utf8');
    expect(codeOf(() => decodeJson(gzipSync('{"a":1}').subarray(0, 12)))).toBe('gzip');
    expect(codeOf(() => decodeJson(new Uint8Array()))).toBe('json');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, gzip) => {
        const payload = gzip ? Uint8Array.of(0x1f, 0x8b, ...bytes) : bytes;
        expect(codeOf(() => decodeJson(payload))).toMatch(/^(none|gzip|utf8|json|too-large)$/);
      }),
    );
  });
});
