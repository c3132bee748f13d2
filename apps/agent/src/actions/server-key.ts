import { createPublicKey, type KeyObject } from 'node:crypto';

export const SERVER_KEY_PATTERN = '^ed25519:[A-Za-z0-9+/]{43}=$';

/** The header before the 32 bytes of an Ed25519 key in SPKI DER (RFC 8410 section 4). */
const SPKI_HEADER = Buffer.from('302a300506032b6570032100', 'hex');

/** The key with which a server signs, as `hostwire host add` and enrolment give it. */
export function parseServerKey(text: string): KeyObject {
  const raw = Buffer.from(text.replace(/^ed25519:/, ''), 'base64');
  return createPublicKey({ key: Buffer.concat([SPKI_HEADER, raw]), format: 'der', type: 'spki' });
}
