import { generateKeyPairSync } from 'node:crypto';
import type { ActionRequest } from '@hostwire/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keys, NOW, request, signed } from './actions.testkit.ts';
import { type Addressee, openCommand } from './open-command.ts';

const addressee: Addressee = { host: 'box', run: 'r1', key: keys.publicKey, serverNow: NOW + 1000 };
const codeOf = (message: Uint8Array, change: Partial<Addressee> = {}) => openCommand(message, { ...addressee, ...change }).refused?.code;

describe('openCommand', () => {
  it('opens what the server signed for this run of this host, and of now', () => {
    const asked = request();
    expect(openCommand(signed(asked), addressee)).toEqual({ request: asked, refused: null });
  });

  it.each<[string, Partial<ActionRequest>, Partial<Addressee>, string]>([
    ['of another host', { host: 'nas' }, {}, 'not-for-this-host'],
    ['of another start of the agent', { run: 'r0' }, {}, 'not-for-this-run'],
    ['late', {}, { serverNow: NOW + 30_001 }, 'expired'],
    ['that would hold for too long', { expires: NOW + 30_001 }, {}, 'expired'],
    ['that ends before it begins', { expires: NOW - 1 }, { serverNow: NOW - 2 }, 'expired'],
    ['from the future', { issued: NOW + 60_000, expires: NOW + 90_000 }, {}, 'expired'],
    ['while nobody knows the time', {}, { serverNow: null }, 'clock-unknown'],
    ['where no key is known', {}, { key: null }, 'bad-signature'],
    ['signed by another key', {}, { key: generateKeyPairSync('ed25519').publicKey }, 'bad-signature'],
  ])('refuses one %s', (_what, asked, change, code) => {
    expect(codeOf(signed(request(asked)), change)).toBe(code);
  });

  it('refuses what is not signed, and says of whom it would be', () => {
    const asked = request();
    const unsigned = JSON.stringify({ payload: Buffer.from(JSON.stringify(asked)).toString('base64') });
    for (const text of ['', '{}', 'null', unsigned, JSON.stringify(asked)]) expect(codeOf(Buffer.from(text)), text).toBe('bad-signature');
    const { payload } = JSON.parse(signed(asked).toString()) as { payload: string };
    const blank = JSON.stringify({ payload, sig: Buffer.alloc(64).toString('base64') });
    expect(openCommand(Buffer.from(blank), addressee)).toMatchObject({ refused: { signed: false, request: asked } });
  });

  it('refuses what is signed but written in another way than the one, or asks for what there is not', () => {
    const asked = request();
    const text = JSON.stringify(asked);
    const double = text.replace('"v":1', '"v":1,"host":"box"');
    for (const written of [text, ` ${text}`, double, text.replace('5', '5.0')]) {
      expect(codeOf(signed(asked, keys.privateKey, Buffer.from(written))), written).toBe('not-allowed');
    }
    for (const change of [{ args: { minutes: 61 } }, { args: {} }, { action: 'host.reboot' }, { extra: 1 }, { v: 2 }, { id: 'x' }]) {
      expect(codeOf(signed({ ...asked, ...change })), JSON.stringify(change)).toBe('not-allowed');
    }
    const kill = { user: 'anna', socket: '/tmp/tmux-1000/default', session: '$3', created: 1_789_000_000 };
    expect(codeOf(signed({ ...asked, action: 'tmux.kill', args: kill }))).toBeUndefined();
    for (const change of [
      { socket: '/tmp/../etc/x' },
      { socket: '/tmp/tmux-0/a b' },
      { session: 'main' },
      { session: '$3;kill-server' },
      { created: 0 },
    ]) {
      expect(codeOf(signed({ ...asked, action: 'tmux.kill', args: { ...kill, ...change } })), JSON.stringify(change)).toBe('not-allowed');
    }
  });

  it('opens nothing that was changed on its way, in whatever place', () => {
    const original = signed(request());
    const other = signed(request());
    const [mine, yours] = [original, other].map((message) => JSON.parse(message.toString()) as { payload: string; sig: string });
    const place = fc.nat(original.length - 1);
    const mutation = fc.oneof(
      fc.tuple(place, fc.integer({ min: 1, max: 255 })).map(([at, bits]) => {
        const changed = Buffer.from(original);
        changed[at] = (changed[at] ?? 0) ^ bits;
        return changed;
      }),
      place.map((at) => original.subarray(0, at)),
      fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 4 })).map(([at, bytes]) => {
        return Buffer.concat([original.subarray(0, at), bytes, original.subarray(at)]);
      }),
      fc.tuple(place, fc.integer({ min: 1, max: 8 })).map(([at, length]) => {
        return Buffer.concat([original.subarray(0, at), original.subarray(at + length)]);
      }),
      fc.constantFrom(
        Buffer.from(JSON.stringify({ payload: mine?.payload, sig: yours?.sig })),
        Buffer.from(JSON.stringify({ payload: yours?.payload, sig: mine?.sig })),
        Buffer.from(JSON.stringify({ sig: mine?.sig, payload: mine?.payload })),
        Buffer.from(JSON.stringify({ ...mine, more: 1 })),
        Buffer.from(`${original.toString()}\n`),
      ),
    );
    fc.assert(
      fc.property(mutation, (changed) => {
        fc.pre(!original.equals(changed));
        expect(openCommand(changed, addressee).request).toBeNull();
      }),
      { numRuns: 3000 },
    );
    expect(openCommand(original, addressee).request).not.toBeNull();
  });

  it('opens nothing whose request was changed in any field, without a new signature', () => {
    const asked = request();
    const { sig } = JSON.parse(signed(asked).toString()) as { sig: string };
    const change = fc.record(
      {
        host: fc.constantFrom('nas', 'box2'),
        run: fc.constantFrom('r2', 'R1'),
        id: fc.constantFrom('another-0000'),
        args: fc.record({ minutes: fc.integer({ min: 6, max: 60 }) }),
        issued: fc.integer({ min: NOW + 1, max: NOW + 900 }),
        expires: fc.integer({ min: NOW + 1001, max: NOW + 29_999 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(change, (changed) => {
        fc.pre(Object.keys(changed).length > 0);
        const { payload } = JSON.parse(signed({ ...asked, ...changed }).toString()) as { payload: string };
        expect(codeOf(Buffer.from(JSON.stringify({ payload, sig })))).toBe('bad-signature');
      }),
      { numRuns: 500 },
    );
  });
});
