import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { issueAuthority, issueServer, newKey, type Pair } from './issue.ts';
import { readPem, replaceFile } from './pem-files.ts';
import { TlsError } from './tls-error.ts';

const DAY_MS = 86_400_000;
const RENEW_BEFORE_MS = 30 * DAY_MS;
/** Nobody has this program with a clock that is earlier. */
const EARLIEST = Date.UTC(2025, 0, 1);

export interface OwnServer {
  readonly authority: Pair;
  readonly server: Pair;
}

/**
 * The own certificate authority in `folder`: `ca.pem`, `ca.key`; made when it is first asked for, the keys for their
 * owner only. Several processes may ask at once and get the same. Throws TlsError, or what the file system says.
 */
export async function openAuthority(folder: string, machine: string, now: number): Promise<Pair> {
  const [cert, key] = [join(folder, 'ca.pem'), join(folder, 'ca.key')];
  if (!existsSync(cert) && !existsSync(key)) await makeAuthority(folder, machine, now);
  const authority = { cert: readPem(cert, "the own CA's certificate"), key: readPem(key, "the own CA's key") };
  if (!fits(authority)) {
    throw new TlsError(
      'unusable',
      `${cert} and ${key} do not belong together; put both back from a backup, or remove both and enrol the hosts again`,
    );
  }
  return authority;
}

/**
 * The server's certificate of the own authority: `server.pem`, `server.key`. A new one with the same key is issued when
 * there is none that fits, when 30 days or less are left, or when it lacks one of `names`; `issued` tells.
 */
export async function openOwnServer(
  folder: string,
  machine: string,
  names: readonly string[],
  now: number,
): Promise<OwnServer & { readonly issued: boolean }> {
  const authority = await openAuthority(folder, machine, now);
  const [certFile, keyFile] = [join(folder, 'server.pem'), join(folder, 'server.key')];
  if (!existsSync(keyFile)) replaceFile(keyFile, await newKey(), 0o600);
  const key = readPem(keyFile, "the server's own key");
  const kept = existsSync(certFile) ? readPem(certFile, "the server's own certificate") : null;
  if (kept !== null && isGood(kept, key, authority, names, now)) return { authority, server: { cert: kept, key }, issued: false };
  checkClock(now);
  const cert = await issueServer(authority, key, names, now);
  replaceFile(certFile, cert, 0o644);
  return { authority, server: { cert, key }, issued: true };
}

/** All or nothing: of several processes that start at once the first gives the folder its name, and the others use that. */
async function makeAuthority(folder: string, machine: string, now: number): Promise<void> {
  checkClock(now);
  const { cert, key } = await issueAuthority(machine, now);
  if (existsSync(folder)) {
    replaceFile(join(folder, 'ca.key'), key, 0o600);
    replaceFile(join(folder, 'ca.pem'), cert, 0o644);
    return;
  }
  const temporary = mkdtempSync(`${folder}.`);
  try {
    chmodSync(temporary, 0o700);
    replaceFile(join(temporary, 'ca.key'), key, 0o600);
    replaceFile(join(temporary, 'ca.pem'), cert, 0o644);
    replaceFile(join(temporary, 'server.key'), await newKey(), 0o600);
    renameSync(temporary, folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function checkClock(now: number): void {
  if (now >= EARLIEST) return;
  const says = new Date(now).toISOString().slice(0, 10);
  throw new TlsError(
    'clock',
    `this machine's clock says ${says}, and a certificate made now would be wrong; set the clock and start again`,
  );
}

function isGood(pem: string, key: string, authority: Pair, names: readonly string[], now: number): boolean {
  try {
    const cert = new X509Certificate(pem);
    const issuer = new X509Certificate(authority.cert);
    return (
      fits({ cert: pem, key }) &&
      cert.checkIssued(issuer) &&
      cert.verify(issuer.publicKey) &&
      Date.parse(cert.validFrom) <= now &&
      // One that ends with its authority could not live longer.
      (Date.parse(cert.validTo) - now > RENEW_BEFORE_MS || cert.validTo === issuer.validTo) &&
      lacking(cert, names).length === 0
    );
  } catch {
    return false;
  }
}

/** Those of the names that a certificate does not stand for. */
export function lacking(cert: X509Certificate, names: readonly string[]): string[] {
  return names.filter((name) => (isIP(name) === 0 ? cert.checkHost(name) : cert.checkIP(name)) === undefined);
}

function fits({ cert, key }: Pair): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
