import { X509Certificate } from 'node:crypto';
import type { CertificateFacts } from '@hostwire/host-access';
import type { FieldValue } from '@hostwire/model';
import { ParseError, quote } from '../proc-text.ts';

const PEM = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]{1,100000}-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;
/** A chain has three or four; a file of authorities a hundred. */
const MAX_CERTIFICATES = 10;

/** The certificates in a file of PEM blocks (RFC 7468), the first ten. Throws ParseError if there is none, or one cannot be read. */
export function parseCertificates(text: string): CertificateFacts[] {
  const blocks = [...text.matchAll(PEM)].slice(0, MAX_CERTIFICATES).map(([block]) => block);
  if (blocks.length === 0) throw new ParseError(`certificate: ${quote(text)} holds no PEM block of one`);
  return blocks.map(toFacts);
}

function toFacts(block: string): CertificateFacts {
  try {
    const certificate = new X509Certificate(block);
    const { subject, issuer, serialNumber, fingerprint256, validFrom, validTo, subjectAltName } = certificate;
    const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
    if (Number.isNaN(from) || Number.isNaN(to)) throw new ParseError(`certificate: ${quote(validTo)} is no time`);
    return {
      subject: attributes(subject),
      issuer: attributes(issuer),
      serialNumber,
      fingerprint256,
      validFrom: from,
      validTo: to,
      san: subjectAltName === undefined ? [] : subjectAltName.split(', '),
      bits: keyBits(certificate),
    };
  } catch (error) {
    if (error instanceof ParseError) throw error;
    throw new ParseError(`certificate: the PEM block holds none that can be read: ${String(error)}`);
  }
}

function keyBits(certificate: X509Certificate): number | null {
  try {
    return certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? null;
  } catch {
    // A kind of key that this OpenSSL does not know.
    return null;
  }
}

/** `CN=example.org` a line, with a backslash before what RFC 2253 wants one before. */
function attributes(name: string | undefined): Record<string, string> {
  const found = new Map<string, string>();
  for (const line of (name ?? '').split('\n')) {
    const at = line.indexOf('=');
    if (at <= 0) continue;
    const key = line.slice(0, at);
    const value = line
      .slice(at + 1)
      .replace(/\\([0-9A-F]{2})|\\(.)/g, (_, hex?: string, plain = '') =>
        hex === undefined ? String(plain) : String.fromCharCode(Number.parseInt(hex, 16)),
      );
    const before = found.get(key);
    found.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  return Object.fromEntries(found);
}

/** Common name, or where there is none the first name that it is for. */
export function commonNameOf({ subject, san }: CertificateFacts): string {
  return own(subject, 'CN') ?? san[0]?.replace(/^(DNS|IP Address):/, '') ?? '';
}

/** The first of a chain is the leaf, whoever signed it; of the others who signed itself is a root. */
export function typeOf({ subject, issuer }: CertificateFacts, index: number): 'leaf' | 'intermediate' | 'root' {
  if (index === 0) return 'leaf';
  return sameName(subject, issuer) ? 'root' : 'intermediate';
}

function sameName(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === own(b, key));
}

/** Telegraf's fields of one certificate at `now` (ms since the epoch). `distrust`: why it is not trusted, null if it is. Throws ParseError. */
export function certificateFields(facts: CertificateFacts, now: number, distrust: string | null): Record<string, FieldValue> {
  const { validFrom, validTo, serialNumber, issuer, subject, san, bits } = facts;
  if (!Number.isFinite(validFrom) || !Number.isFinite(validTo))
    throw new ParseError(`certificate ${quote(serialNumber)}: its dates are no times`);
  const seconds = (ms: number): number => Math.trunc(ms / 1000);
  const fields: Record<string, FieldValue> = {
    expiry: seconds(validTo - now),
    age: seconds(now - validFrom),
    startdate: seconds(validFrom),
    enddate: seconds(validTo),
    verification: distrust === null ? 'valid' : 'invalid',
    verification_code: distrust === null ? 0 : 1,
    serial_number: serialNumber.toLowerCase(),
  };
  if (distrust !== null) fields['verification_error'] = distrust;
  if (bits !== null) fields['public_key_length'] = bits;
  if (san.length > 0) fields['san'] = san.map((name) => name.replace(/^(DNS|IP Address):/, '')).join(',');
  const names = { issuer_common_name: own(issuer, 'CN'), organization: own(subject, 'O') };
  for (const [name, value] of Object.entries(names)) if (value !== undefined) fields[name] = value;
  return fields;
}

/** Why a certificate is not trusted at `now` by its own dates, in OpenSSL's words; null if they are right. */
export function dateFault({ validFrom, validTo }: CertificateFacts, now: number): string | null {
  if (now > validTo) return 'CERT_HAS_EXPIRED';
  return now < validFrom ? 'CERT_NOT_YET_VALID' : null;
}

function own(record: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
