import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { failure, fine, lookAtCertificate, type Observation } from '@hostwire/service/doctor';
import type { ServerConfig } from '../../config/load-config.ts';
import { isLoopback } from '../../kept-address.ts';
import { hostOf, tlsFolder } from '../../tls/open-server-tls.ts';
import type { ServerCheck } from '../server-look.ts';

const RENEW = 'renew it where it comes from, with all names; a running server takes the new files at once';

/** Whether the certificate that other machines see is one that they can trust. */
export const certificate: ServerCheck = {
  name: 'certificate',
  async run({ config, running, now }) {
    if (isLoopback(config.listen)) return [];
    const { files } = config.tls;
    if (files !== undefined) return lookAtFiles(files, namesOf(config), now());
    return lookAtOwn(tlsFolder(config.dataDir), config, { isRunning: running.instances.length > 0, now: now() });
  },
};

/** Under which others come as far as the configuration says. */
function namesOf({ tls, publicUrl, publicMqttUrl, listen }: ServerConfig): string[] {
  const urls = [publicUrl, publicMqttUrl].flatMap((url) => (url === undefined ? [] : [hostOf(url)]));
  const isOne = isIP(listen) !== 0 && listen !== '0.0.0.0' && listen !== '::';
  return [...new Set([...tls.names, ...urls, ...(urls.length === 0 && isOne ? [listen] : [])])];
}

async function lookAtFiles(
  files: NonNullable<ServerConfig['tls']['files']>,
  names: readonly string[],
  now: number,
): Promise<Observation[]> {
  const texts = new Map<string, string>();
  for (const file of [files.cert, files.key, ...(files.ca === undefined ? [] : [files.ca])]) {
    try {
      texts.set(file, await readFile(file, 'utf8'));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return [
        failure(
          `${file} cannot be read (${code})`,
          'see that tls.cert, tls.key and tls.ca name files that the user of the server may read',
        ),
      ];
    }
  }
  const pem = texts.get(files.cert) ?? '';
  const found = lookAtCertificate({ file: files.cert, pem, keyPem: texts.get(files.key), names, now, renewal: RENEW });
  const ca = files.ca === undefined ? undefined : texts.get(files.ca);
  if (ca === undefined || leadsTo(pem, ca)) return found;
  const wrong = failure(
    `the certificate in ${files.cert} does not come from the CA in ${files.ca}, which is what agents are given`,
    'set tls.ca to the CA that issued the certificate, and put the certificates between the two into tls.cert after it',
  );
  return [...found.filter(({ level }) => level !== 'ok'), wrong];
}

/** Whether the last certificate of a chain was issued by one of a CA file, or is it. */
function leadsTo(chainPem: string, caPem: string): boolean {
  try {
    const top = certificatesIn(chainPem).at(-1);
    return (
      top !== undefined &&
      certificatesIn(caPem).some((ca) => top.fingerprint256 === ca.fingerprint256 || (top.checkIssued(ca) && top.verify(ca.publicKey)))
    );
  } catch {
    return false;
  }
}

function certificatesIn(pem: string): X509Certificate[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map((text) => new X509Certificate(text));
}

/** The server renews its own certificate itself, when it starts and while it runs. */
async function lookAtOwn(
  folder: string,
  config: ServerConfig,
  { isRunning, now }: { readonly isRunning: boolean; readonly now: number },
): Promise<Observation[]> {
  const read = (name: string): Promise<string | null> =>
    readFile(join(folder, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
  const [ca, caKey, pem, key] = [await read('ca.pem'), await read('ca.key'), await read('server.pem'), await read('server.key')];
  if (ca === null && caKey === null)
    return [fine(`${folder} has no certificates yet; the first start makes an own CA and one for this machine`)];
  if (ca === null || caKey === null) {
    return [
      failure(
        `${folder} lacks ${ca === null ? 'ca.pem' : 'ca.key'}`,
        `put it back from a backup; without one remove ${folder} and enrol the hosts again`,
      ),
    ];
  }
  const authority = lookAtCertificate({
    file: join(folder, 'ca.pem'),
    pem: ca,
    keyPem: caKey,
    names: [],
    now,
    renewal: `remove ${folder}, start the server again and enrol the hosts again: they trust the old CA`,
  }).filter(({ level }) => level !== 'ok');
  if (authority.length > 0) return authority;
  if (!isRunning || pem === null) return [fine(`the own CA in ${folder} is good; the server renews its certificate when it starts`)];
  const renewal = 'the server renews its own certificate within a minute: if it does not, see its log (journalctl -u hostwire -n 50)';
  return lookAtCertificate({ file: join(folder, 'server.pem'), pem, keyPem: key ?? undefined, names: namesOf(config), now, renewal });
}
