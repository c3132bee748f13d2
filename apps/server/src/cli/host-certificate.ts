import { closeSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { issueClientCertificate } from '@hostwire/certificates';
import { RegistryError } from '@hostwire/registry';
import type { ServerOptions } from '../config/load-config.ts';
import { tlsFolder } from '../tls/open-server-tls.ts';
import { UsageError } from './failure.ts';
import { formatTime, print, printJson } from './print.ts';
import { withRegistry } from './with-registry.ts';

export interface HostCertificateSettings {
  /** Folder for both files; made if it is not there. */
  readonly out: string | undefined;
  readonly days: string | undefined;
}

const DEFAULT_DAYS = 365;

/**
 * Issues a certificate to a host and writes it and its key, which is kept nowhere else, as NAME.pem and NAME.key (0600).
 * The server lets it in within 2 s. Throws UsageError, RegistryError `unknown`, TlsError, or what the file system says.
 */
export function issueHostCertificate(
  options: ServerOptions,
  host: string,
  settings: HostCertificateSettings,
  json: boolean,
): Promise<void> {
  const { out, days = String(DEFAULT_DAYS) } = settings;
  if (out === undefined) throw new UsageError('host certificate needs --out DIR, where the certificate and its key are written');
  if (!/^[1-9]\d{0,3}$/.test(days)) throw new UsageError(`--days ${days} is not a number of days from 1 to 9999`);
  return withRegistry(options, async ({ hosts, certificates }, config) => {
    if ((await hosts.get(host)) === null) throw new RegistryError('unknown', `there is no host ${host}; \`hostwire host list\` shows them`);
    const { cert, key, serial, notAfter } = await issueClientCertificate(tlsFolder(config.dataDir), host, { days: Number(days) });
    const folder = resolve(out);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const [certFile, keyFile] = [join(folder, `${host}.pem`), join(folder, `${host}.key`)];
    put(keyFile, key, 0o600);
    put(certFile, cert, 0o644);
    // Last: one that was not written is let in by nobody.
    await certificates.add({ serial, host, expiresAt: notAfter });
    const isAsked = config.tls.clientCertificates !== 'off';
    if (json) {
      printJson({ host, cert: certFile, key: keyFile, serial, not_after: notAfter, client_certificates: config.tls.clientCertificates });
      return;
    }
    print(`${certFile} and ${keyFile} are the certificate of host ${host}, good until ${formatTime(notAfter)}. Its agent.toml:\n`);
    print(`  [tls]\n  cert = "/etc/hostwire/${host}.pem"\n  key = "/etc/hostwire/${host}.key"\n`);
    print(`It is revoked with the token of the host: hostwire host rotate ${host}, or host remove ${host}.`);
    if (!isAsked) print('The server asks for certificates once tls.client_certificates says accept or require.');
  });
}

/** A new file by name, so that wider permissions of an old one do not remain. */
function put(file: string, text: string, mode: number): void {
  const temporary = `${file}.${process.pid}`;
  const descriptor = openSync(temporary, 'wx', mode);
  try {
    writeFileSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
}
