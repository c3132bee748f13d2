import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { emqxAcl, emqxConf } from '@hostwire/broker';
import { topics as topicsOf } from '@hostwire/model';
import type { MqttUser } from '@hostwire/registry';
import type { BrokerConfig, ServerConfig, ServerOptions } from '../config/load-config.ts';
import { writeMosquittoFiles } from '../mosquitto-export.ts';
import { replaceFile } from '../replace-file.ts';
import { tlsFolder } from '../tls/open-server-tls.ts';
import { UsageError } from './failure.ts';
import { dashboardUrl } from './login.ts';
import { print, printJson } from './print.ts';
import { withRegistry } from './with-registry.ts';

export interface ExportOptions {
  readonly format: string | undefined;
  /** Default `broker` in the data directory. */
  readonly out: string | undefined;
  /** For EMQX: where it reaches the API. */
  readonly apiUrl: string | undefined;
}

type ExternalBroker = Extract<BrokerConfig, { kind: 'external' }> & { readonly username: string; readonly password: string };

/**
 * Writes what an external broker needs to let in the hosts and tokens of the registry, and the server itself, as the
 * embedded one would. Each file is 0600 and replaced as a whole, and belongs to the folder's owner.
 */
export async function exportBroker(options: ServerOptions, { format, out, apiUrl }: ExportOptions, json: boolean): Promise<void> {
  if (format !== 'mosquitto' && format !== 'emqx') {
    throw new UsageError(`--format ${format === undefined ? 'is missing' : `${format} is not known`}; it is mosquitto or emqx`);
  }
  await withRegistry(options, async ({ tokens }, config) => {
    const broker = externalBroker(config);
    const users = await tokens.mqttUsers();
    if (users.some(({ name }) => name === broker.username)) {
      throw new UsageError(
        `a host or token has the name ${broker.username} of broker.username, as which the server itself connects; choose another`,
      );
    }
    const folder = resolve(out ?? join(config.dataDir, 'broker'));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const lines = format === 'mosquitto' ? exportMosquitto(folder, config, broker, users) : exportEmqx(folder, config, broker, apiUrl);
    if (json) printJson({ format, folder, users: users.length });
    else print(lines.join('\n'));
  });
}

function exportMosquitto(folder: string, config: ServerConfig, broker: ExternalBroker, users: readonly MqttUser[]): string[] {
  const { url, username, password } = broker;
  const changed = writeMosquittoFiles({ ...{ folder, url, username, password, users }, topicRoot: config.topicRoot, certificate: null });
  return [
    `${users.length} hosts and tokens, and the server as ${username}, are in ${folder}${changed ? '' : ' already: nothing changed'}.`,
    `Mosquitto reads them with: include_dir ${folder}`,
    'After a change: kill -HUP $(pidof mosquitto), and a restart when hostwire.conf changed.',
  ];
}

function exportEmqx(folder: string, config: ServerConfig, broker: ExternalBroker, apiUrl: string | undefined): string[] {
  if (broker.authSecret === undefined) {
    throw new UsageError('broker.auth_secret is missing; set HOSTWIRE_BROKER_AUTH_SECRET to e.g. the output of: openssl rand -hex 32');
  }
  const url = (apiUrl ?? dashboardUrl(config.listen, config.port)).replace(/\/+$/, '');
  if (!/^https?:\/\/[^/@\s"]+/.test(url)) throw new UsageError(`--api-url ${url} is not http:// or https:// and a host`);
  const aclFile = join(folder, 'hostwire-acl.conf');
  replaceFile(aclFile, emqxAcl(broker.username, topicsOf(config.topicRoot)));
  const caFile = join(folder, 'hostwire-ca.pem');
  const ca = url.startsWith('https:') ? knownCa(config) : null;
  if (ca !== null) replaceFile(caFile, readFileSync(ca, 'utf8'));
  replaceFile(
    join(folder, 'hostwire.conf'),
    emqxConf({ apiUrl: url, secret: broker.authSecret, aclFile, ...(ca === null ? {} : { caFile }) }),
  );
  return [
    `EMQX asks ${url} who may connect. At the end of its emqx.conf: include "${join(folder, 'hostwire.conf')}"`,
    'Hosts and tokens may be added and removed without a new export.',
  ];
}

/** File of the CA of this server's own ports; null: every system knows it. */
function knownCa({ dataDir, tls }: ServerConfig): string | null {
  if (tls.files !== undefined) return tls.files.ca ?? null;
  const own = join(tlsFolder(dataDir), 'ca.pem');
  return existsSync(own) ? own : null;
}

function externalBroker({ broker }: ServerConfig): ExternalBroker {
  if (broker.kind === 'embedded')
    throw new UsageError('broker.url is missing; it says which broker the server is to use: mqtt://host:1883');
  const { username, password } = broker;
  if (username === undefined || password === undefined) {
    throw new UsageError('broker.username and broker.password are missing; as whom is the server itself to connect?');
  }
  if (/[:\s]/.test(username)) throw new UsageError('broker.username must hold no colon and no space');
  return { ...broker, username, password };
}
