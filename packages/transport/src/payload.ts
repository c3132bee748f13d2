import { isUtf8 } from 'node:buffer';
import { gunzipSync, gzipSync } from 'node:zlib';
import { isGzip, MAX_INFLATED_BYTES } from '@hostwire/model';
import { jsonCost } from './json-cost.ts';

/** A payload that cannot be read: `too-large` (inflates beyond the limit, or would take seconds to parse), `gzip`, `utf8` or `json` (damaged). */
export class PayloadError extends Error {
  override readonly name = 'PayloadError';
  readonly code: 'too-large' | 'gzip' | 'utf8' | 'json';
  constructor(code: PayloadError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Gzip (RFC 1952) at zlib's level 6. */
export function gzipPayload(payload: string | Uint8Array): Buffer {
  return gzipSync(payload);
}

/**
 * The inflated bytes of a gzip payload. Inflating stops at `maxBytes`, so a bomb costs no more than that.
 * Throws PayloadError `too-large` or `gzip`.
 */
export function gunzipPayload(payload: Uint8Array, maxBytes = MAX_INFLATED_BYTES): Buffer {
  try {
    return gunzipSync(payload, { maxOutputLength: maxBytes });
  } catch (cause) {
    if (cause instanceof RangeError) throw new PayloadError('too-large', `the payload inflates to more than ${maxBytes} bytes`, { cause });
    throw new PayloadError('gzip', 'the payload begins like gzip and cannot be inflated', { cause });
  }
}

/** The JSON value of a payload, gzip (told by its first bytes) or plain UTF-8. Throws PayloadError. */
export function decodeJson(payload: Uint8Array, maxBytes = MAX_INFLATED_BYTES): unknown {
  const bytes = isGzip(payload) ? gunzipPayload(payload, maxBytes) : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (bytes.length > maxBytes) throw new PayloadError('too-large', `the payload has more than ${maxBytes} bytes`);
  const cost = jsonCost(bytes);
  if (cost !== null) throw new PayloadError('too-large', cost);
  if (!isUtf8(bytes)) throw new PayloadError('utf8', 'the payload is not UTF-8');
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (cause) {
    throw new PayloadError('json', 'the payload is not JSON', { cause });
  }
}
