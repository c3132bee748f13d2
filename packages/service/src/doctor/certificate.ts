import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { failure, fine, type Observation, warning } from './finding.ts';
import { describeDuration } from './units.ts';

const DAY_MS = 86_400_000;
const SOON_MS = 14 * DAY_MS;

export interface CertificateQuestion {
  /** Where it lies. */
  readonly file: string;
  /** The first certificate of it is looked at. */
  readonly pem: string;
  /** Its private key; absent: not looked at. */
  readonly keyPem?: string | undefined;
  /** Names and addresses under which clients reach its server. */
  readonly names: readonly string[];
  readonly now: number;
  /** What to do to get another. */
  readonly renewal: string;
}

/** What is wrong with a certificate: its time, its names, its key. One finding that says that it is right if nothing is. */
export function lookAtCertificate({ file, pem, keyPem, names, now, renewal }: CertificateQuestion): Observation[] {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch {
    return [
      failure(
        `${file} holds no certificate in PEM`,
        'put the certificate, then the chain, there as PEM, from -----BEGIN CERTIFICATE----- on',
      ),
    ];
  }
  const found = [...lookAtTime(certificate, file, now, renewal), ...lookAtNames(certificate, file, names, renewal)];
  if (keyPem !== undefined && !hasKey(certificate, keyPem)) {
    found.push(
      failure(`the private key does not belong to the certificate in ${file}`, 'give the two files of one pair as tls.cert and tls.key'),
    );
  }
  const until = new Date(certificate.validTo).toISOString().slice(0, 10);
  return found.length > 0
    ? found
    : [fine(`the certificate in ${file} is valid until ${until}${names.length === 0 ? '' : ', and is for the names that clients use'}`)];
}

function lookAtTime(certificate: X509Certificate, file: string, now: number, renewal: string): Observation[] {
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  if (to <= now) return [failure(`the certificate in ${file} expired ${describeDuration(now - to)} ago`, renewal)];
  if (from > now) {
    return [
      failure(
        `the certificate in ${file} is not valid before ${certificate.validFrom}`,
        'set the clock of this machine if it is wrong; else wait, or use another certificate',
      ),
    ];
  }
  return to - now < SOON_MS ? [warning(`the certificate in ${file} expires in ${describeDuration(to - now)}`, renewal)] : [];
}

function lookAtNames(certificate: X509Certificate, file: string, names: readonly string[], renewal: string): Observation[] {
  const missing = names.filter((name) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) === undefined);
  if (missing.length === 0) return [];
  const has = certificate.subjectAltName?.replaceAll(/DNS:|IP Address:/g, '') ?? 'none';
  return [failure(`the certificate in ${file} is not for ${missing.join(', ')}, under which clients come; it has ${has}`, renewal)];
}

function hasKey(certificate: X509Certificate, keyPem: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
}
