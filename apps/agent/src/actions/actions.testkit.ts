import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type ActionRequest, canonicalJson } from '@hostwire/model';

export const keys = generateKeyPairSync('ed25519');

export const NOW = 1_790_000_000_000;

export function request(change: Partial<ActionRequest> = {}): ActionRequest {
  return {
    ...{ v: 1, host: 'box', run: 'r1', id: `id-${Math.random().toString(36).slice(2)}-0000`, issued: NOW, expires: NOW + 30_000 },
    ...{ action: 'agent.dump', args: { minutes: 5 } },
    ...change,
  };
}

/** What a server publishes: as it is to be written unless `payload` says otherwise. */
export function signed(asked: object, key: KeyObject = keys.privateKey, payload = Buffer.from(canonicalJson(asked))): Buffer {
  return Buffer.from(canonicalJson({ payload: payload.toString('base64'), sig: sign(null, payload, key).toString('base64') }));
}
