import 'reflect-metadata';
import { createPrivateKey, createPublicKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import * as x509 from '@peculiar/x509';

/** A certificate and its private key, PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** X.509 distinguished name, most significant first, as `{CN: ['name']}`. */
type Name = readonly Readonly<Record<string, string[]>>[];

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** Browsers refuse server certificates that live longer (CA/Browser Forum Baseline Requirements, section 6.3.2). */
const SERVER_DAYS = 397;
/** Clocks of a fleet differ. */
const BACKDATED_MS = DAY_MS;
const CURVE = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' };

/** A new private key on P-256, PKCS 8. */
export async function newKey(): Promise<string> {
  const { privateKey } = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
  return toPem(Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey)), 'PRIVATE KEY');
}

/** A certificate authority that signs itself and what stands directly under it, for ten years. */
export async function issueAuthority(machine: string, now: number): Promise<Pair> {
  const key = await newKey();
  // Two of one name, made one after the other, would be mistaken for each other by those who know the older one.
  const commonName = `Hostwire CA ${randomBytes(3).toString('hex')} of ${machine}`.slice(0, 64);
  const name: Name = [{ O: ['Hostwire'] }, { CN: [commonName] }];
  const cert = await sign({
    subject: name,
    issuer: name,
    publicKeyOf: key,
    signingKey: key,
    from: now - BACKDATED_MS,
    until: now - BACKDATED_MS + AUTHORITY_DAYS * DAY_MS,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return { cert, key };
}

/** A server's certificate for these names and addresses, for 397 days or until its authority ends. */
export async function issueServer(authority: Pair, key: string, names: readonly string[], now: number): Promise<string> {
  const [first = 'hostwire'] = names;
  return sign({
    subject: [{ CN: [first.length <= 64 ? first : 'hostwire'] }],
    ...issuedBy(authority, now, SERVER_DAYS),
    publicKeyOf: key,
    extensions: [
      ...leaf('1.3.6.1.5.5.7.3.1'),
      new x509.SubjectAlternativeNameExtension(names.map(alternativeName)),
      await x509.AuthorityKeyIdentifierExtension.create(await publicKey(authority.key)),
    ],
  });
}

function alternativeName(name: string): { type: 'dns' | 'ip'; value: string } {
  if (!isIPv6(name)) return { type: isIP(name) === 0 ? 'dns' : 'ip', value: name };
  // In the form that the library can read: without an IPv4 address at its end (RFC 5952 section 5).
  return { type: 'ip', value: new URL(`http://[${name}]`).hostname.slice(1, -1) };
}

/** A client's certificate whose CN is `commonName`. */
export async function issueClient(authority: Pair, key: string, commonName: string, days: number, now: number): Promise<string> {
  return sign({
    subject: [{ CN: [commonName] }],
    ...issuedBy(authority, now, days),
    publicKeyOf: key,
    extensions: [...leaf('1.3.6.1.5.5.7.3.2'), await x509.AuthorityKeyIdentifierExtension.create(await publicKey(authority.key))],
  });
}

function issuedBy(authority: Pair, now: number, days: number): { issuer: Name; signingKey: string; from: number; until: number } {
  const { subject, validTo } = new X509Certificate(authority.cert);
  const from = now - BACKDATED_MS;
  return {
    issuer: subject.split('\n').map((part) => {
      const at = part.indexOf('=');
      return { [part.slice(0, at)]: [part.slice(at + 1)] };
    }),
    signingKey: authority.key,
    from,
    until: Math.min(from + days * DAY_MS, Date.parse(validTo)),
  };
}

function leaf(purpose: string): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([purpose]),
  ];
}

async function sign({
  subject,
  issuer,
  publicKeyOf,
  signingKey,
  from,
  until,
  extensions,
}: {
  readonly subject: Name;
  readonly issuer: Name;
  readonly publicKeyOf: string;
  readonly signingKey: string;
  readonly from: number;
  readonly until: number;
  readonly extensions: x509.Extension[];
}): Promise<string> {
  const subjectKey = await publicKey(publicKeyOf);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: subject.map((part) => ({ ...part })),
    issuer: issuer.map((part) => ({ ...part })),
    notBefore: new Date(from),
    notAfter: new Date(until),
    signingAlgorithm: SIGNING,
    publicKey: subjectKey,
    signingKey: await privateKey(signingKey),
    extensions: [...extensions, await x509.SubjectKeyIdentifierExtension.create(subjectKey)],
  });
  return `${cert.toString('pem')}\n`;
}

/** 127 random bits, positive (RFC 5280 section 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function privateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, CURVE, false, ['sign']);
}

async function publicKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  return webcrypto.subtle.importKey('spki', der, CURVE, true, ['verify']);
}

function toPem(der: Buffer, label: string): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
