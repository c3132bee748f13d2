import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { mosquittoAcl, mosquittoConf, mosquittoPasswords } from '@hostwire/broker';
import { topics as topicsOf } from '@hostwire/model';
import { hashToken, type MqttUser, verifyToken } from '@hostwire/registry';
import { readOrNull, replaceFile } from './replace-file.ts';

export interface MosquittoExport {
  readonly folder: string;
  /** Of the broker, as hosts and this server reach it: says the port, and whether it speaks TLS. */
  readonly url: string;
  /** As whom the server itself connects. */
  readonly username: string;
  readonly password: string;
  readonly topicRoot: string;
  readonly users: readonly MqttUser[];
  /** Of the broker, PEM; null: whoever runs it gives it one. */
  readonly certificate: { readonly cert: string; readonly key: string } | null;
}

/**
 * Writes what Mosquitto needs to let in the hosts and tokens of the registry, and the server itself, as the embedded broker
 * would: `passwords`, `acl`, `hostwire.conf`, and with a certificate `server.pem` and `server.key`. Each file is 0600 and replaced
 * as a whole, and belongs to the folder's owner. True if one was written: what holds the same already stays as it is.
 */
export function writeMosquittoFiles({ folder, url, username, password, topicRoot, users, certificate }: MosquittoExport): boolean {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const at = (name: string): string => join(folder, name);
  const [passwordFile, aclFile] = [at('passwords'), at('acl')];
  const secured = certificate !== null && new URL(url).protocol === 'mqtts:';
  const server = { name: username, hash: keptHash(passwordFile, username, password) };
  const conf = { port: portOf(url), passwordFile, aclFile, ...(secured ? { certFile: at('server.pem'), keyFile: at('server.key') } : {}) };
  return [
    ...(secured ? [replaceFile(conf.keyFile ?? '', certificate.key), replaceFile(conf.certFile ?? '', certificate.cert)] : []),
    replaceFile(passwordFile, mosquittoPasswords(users, server)),
    replaceFile(aclFile, mosquittoAcl(users, server, topicsOf(topicRoot))),
    // Last: who waits for it finds all that it names.
    replaceFile(at('hostwire.conf'), mosquittoConf(conf)),
  ].includes(true);
}

/** The hash of an earlier export, if it is that of the same password: without a change the file stays as it is. */
function keptHash(passwordFile: string, username: string, password: string): string {
  const line = readOrNull(passwordFile)
    ?.split('\n')
    .find((text) => text.startsWith(`${username}:`));
  const hash = line?.slice(username.length + 1);
  return verifyToken(password, hash) && hash !== undefined ? hash : hashToken(password);
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  if (port !== '') return Number(port);
  return protocol === 'mqtts:' ? 8883 : 1883;
}
