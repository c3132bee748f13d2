import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext, rootCertificates } from 'node:tls';
import { parseCertificates, readPem } from './pem-files.ts';
import { TlsError } from './tls-error.ts';

/** Files that a user gave. */
export interface UserFiles {
  /** PEM: the server's certificate, then those above it but for the root. */
  readonly cert: string;
  readonly key: string;
  /** What those who connect need to know to trust it; absent: what their systems know. */
  readonly ca?: string;
}

export interface UserCertificates {
  readonly cert: string;
  readonly key: string;
  /** Null: it leads to a root that every system knows. */
  readonly ca: string | null;
}

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/**
 * Reads and checks a user's files. Throws TlsError that says what does not fit and what to do: a file that cannot be read,
 * a key of another certificate, a certificate for another purpose, a chain that is out of order or incomplete.
 */
export function readUserFiles({ cert: certFile, key: keyFile, ca: caFile }: UserFiles): UserCertificates {
  const cert = readPem(certFile, 'tls.cert');
  const key = readPem(keyFile, 'tls.key');
  const chain = parseCertificates(cert, `tls.cert ${certFile}`);
  const [leaf] = chain;
  if (leaf === undefined) throw new TlsError('unusable', `tls.cert ${certFile} holds no certificate`);
  if (!leaf.checkPrivateKey(parseKey(key, keyFile))) {
    const elsewhere = chain.findIndex((other) => other.checkPrivateKey(parseKey(key, keyFile)));
    const why =
      elsewhere > 0
        ? `is that of certificate ${elsewhere + 1} in ${certFile}; the server's own certificate must come first`
        : `is not the key of the certificate in ${certFile}; give the key with which it was asked for`;
    throw new TlsError('unusable', `tls.key ${keyFile} ${why}`);
  }
  // Node's name for extended key usage.
  const purposes = leaf.keyUsage as readonly string[] | undefined;
  if (purposes !== undefined && !purposes.includes(SERVER_AUTH)) {
    throw new TlsError('unusable', `tls.cert ${certFile} is not for a server (no serverAuth among its uses); ask your CA for one that is`);
  }
  const ca = caFile === undefined ? null : readPem(caFile, 'tls.ca');
  const known = ca === null ? [] : parseCertificates(ca, `tls.ca ${caFile}`);
  const top = topOf(chain, certFile);
  checkAccepted(cert, key, certFile);
  if (ca !== null) {
    if (!known.some((root) => isSame(root, top) || isIssued(top, root))) {
      throw new TlsError('unusable', `tls.cert ${certFile} does not lead to a certificate in tls.ca ${caFile}: ${missing(top)}`);
    }
    return { cert, key, ca };
  }
  if (isIssued(top, top)) return { cert, key, ca: isPublic(top) ? null : `${top.toString()}` };
  if (!publicRoots().some((root) => isIssued(top, root))) {
    throw new TlsError(
      'unusable',
      `tls.cert ${certFile} is no complete chain: ${missing(top)}. Append it (of Let's Encrypt take fullchain.pem, not cert.pem), or give your own CA as tls.ca`,
    );
  }
  return { cert, key, ca: null };
}

/** The last of a chain of which each was issued by the next. */
function topOf(chain: readonly X509Certificate[], file: string): X509Certificate {
  return chain.reduce((below, above) => {
    if (below === above || isIssued(below, above)) return above;
    throw new TlsError(
      'unusable',
      `tls.cert ${file} is out of order: after ${nameOf(below.subject)} must come its issuer, ${nameOf(below.issuer)}, not ${nameOf(above.subject)}`,
    );
  }, chain[0] as X509Certificate);
}

function missing(top: X509Certificate): string {
  return `the issuer of ${nameOf(top.subject)} is missing, ${nameOf(top.issuer)}`;
}

function nameOf(name: string): string {
  return JSON.stringify(/(?:^|\n)CN=(.*)/.exec(name)?.[1] ?? name.replaceAll('\n', ', '));
}

function isIssued(cert: X509Certificate, issuer: X509Certificate): boolean {
  return cert.checkIssued(issuer) && cert.verify(issuer.publicKey);
}

function isSame(a: X509Certificate, b: X509Certificate): boolean {
  return a.fingerprint256 === b.fingerprint256;
}

function isPublic(cert: X509Certificate): boolean {
  return publicRoots().some((root) => isSame(root, cert));
}

function publicRoots(): X509Certificate[] {
  return rootCertificates.map((pem) => new X509Certificate(pem));
}

function parseKey(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const locked = /ENCRYPTED/.test(pem);
    const why = locked
      ? 'is locked by a passphrase; give one without (openssl pkey -in KEY -out NEW), readable by the server alone'
      : 'holds no private key; it must be PEM, with -----BEGIN PRIVATE KEY----- or -----BEGIN EC PRIVATE KEY-----';
    throw new TlsError('unusable', `tls.key ${file} ${why}`, { cause });
  }
}

/** What else the TLS library may have against it, such as a key that is too short. */
function checkAccepted(cert: string, key: string, file: string): void {
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw new TlsError('unusable', `tls.cert ${file} cannot be used for TLS: ${(cause as Error).message}`, { cause });
  }
}
