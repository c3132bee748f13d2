import { X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { issueClient, newKey } from './issue.ts';
import { openAuthority } from './own-authority.ts';

/** A host's certificate, of the own CA. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
  /** Hex, lower case. */
  readonly serial: string;
  /** Ms since the epoch. */
  readonly notAfter: number;
}

/**
 * A new key and a certificate whose CN is `commonName`, signed by the own CA in `folder`, which is made if there is none.
 * Neither is kept anywhere. Throws TlsError.
 */
export async function issueClientCertificate(
  folder: string,
  commonName: string,
  { days, now = Date.now() }: { readonly days: number; readonly now?: number },
): Promise<ClientCertificate> {
  const authority = await openAuthority(folder, hostname(), now);
  const key = await newKey();
  const cert = await issueClient(authority, key, commonName, days, now);
  const { serialNumber, validTo } = new X509Certificate(cert);
  return { cert, key, serial: serialNumber.toLowerCase(), notAfter: Date.parse(validTo) };
}
