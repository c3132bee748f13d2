import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { PacketGate } from './packet-gate.ts';

const publish = (payload: number, topic = 'a'): Buffer =>
  generate({ cmd: 'publish', topic, payload: Buffer.alloc(payload), qos: 0, retain: false, dup: false });

/** Whether the gate takes all of the bytes, in pieces of these sizes. */
function passes(bytes: Buffer, limit: number, sizes: readonly number[]): boolean {
  const gate = new PacketGate();
  let at = 0;
  for (let piece = 0; at < bytes.length; piece++) {
    const end = at + (sizes[piece % sizes.length] ?? 1);
    if (!gate.accept(bytes.subarray(at, end), limit)) return false;
    at = end;
  }
  return true;
}

describe('PacketGate', () => {
  it('lets packets up to the limit through, however the stream is cut', () => {
    const packets = fc.array(fc.nat(20_000), { minLength: 1, maxLength: 5 });
    const cuts = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(packets, cuts, fc.integer({ min: 3, max: 20_003 }), (payloads, sizes, limit) => {
        const stream = Buffer.concat(payloads.map((size) => publish(size)));
        // Topic length, topic, payload.
        expect(passes(stream, limit, sizes)).toBe(payloads.every((size) => 2 + 1 + size <= limit));
      }),
    );
  });

  it('refuses a too long packet at its header, and a length of five bytes', () => {
    const header = publish(300 * 1024).subarray(0, 4);
    expect(new PacketGate().accept(header, 256 * 1024)).toBe(false);
    expect(new PacketGate().accept(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 0x01), 2 ** 40)).toBe(false);
  });
});
