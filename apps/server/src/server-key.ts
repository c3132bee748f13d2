import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Length of the header before the 32 bytes of an Ed25519 key in SPKI DER (RFC 8410 section 4). */
const SPKI_HEADER_BYTES = 12;

/**
 * The public half of this server's Ed25519 key, as `ed25519:BASE64`: what an agent needs to believe its commands. The
 * key is made when it is first asked for, and kept in the data directory (0600).
 */
export function serverKey(dataDir: string): string {
  const file = join(dataDir, 'server.key');
  const der = createPublicKey(createPrivateKey(readOrMake(file))).export({ type: 'spki', format: 'der' });
  return `ed25519:${der.subarray(SPKI_HEADER_BYTES).toString('base64')}`;
}

/** Signs with this server's key, as `serverKey` has its public half. */
export function signer(dataDir: string): (bytes: Uint8Array) => Uint8Array {
  const key = createPrivateKey(readOrMake(join(dataDir, 'server.key')));
  return (bytes) => sign(null, bytes, key);
}

function readOrMake(file: string): string {
  const made = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  try {
    writeFileSync(file, made, { mode: 0o600, flag: 'wx' });
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readFileSync(file, 'utf8');
  }
}
