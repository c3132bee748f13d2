import type { Sample } from './sample.ts';

/** A sample as JSON text. Integers beyond 2^53-1 become decimal strings (RFC 8259 section 6: numbers interoperate up to there). */
export function encodeSample(sample: Sample): string {
  return JSON.stringify(sample, (_key, value: unknown) => {
    if (typeof value !== 'bigint') return value;
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  });
}

/** True if the bytes are gzip (RFC 1952 section 2.3.1: ID1 = 1f, ID2 = 8b). */
export function isGzip(payload: Uint8Array): boolean {
  return payload[0] === 0x1f && payload[1] === 0x8b;
}

/** A run id: 10 letters and digits, random enough that two starts of one agent never share one. */
export function newRunId(random: () => number = Math.random): string {
  let id = '';
  while (id.length < 10) id += Math.floor(random() * 36).toString(36);
  return id;
}
