import { createHash, X509Certificate } from 'node:crypto';

/** SHA-256 of a certificate's DER as `sha256:` and 64 lower-case hex digits: what an agent keeps of the CA. Throws if `pem` holds none. */
export function fingerprint(pem: string): string {
  return `sha256:${createHash('sha256').update(new X509Certificate(pem).raw).digest('hex')}`;
}

/**
 * SHA-256 of a certificate's public key (SPKI DER, RFC 7469 section 2.4) as curl and wget take it: `sha256//BASE64`.
 * Throws if `pem` holds no certificate.
 */
export function publicKeyPin(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256//${createHash('sha256').update(spki).digest('base64')}`;
}
