import type { Tls } from '@hostwire/certificates';
import type { Counters } from '@hostwire/model';
import { type Registry, SERVER_USERNAME } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { ServerConfig } from '../config/load-config.ts';
import { describeReach } from '../reach.ts';
import { serverKey } from '../server-key.ts';
import { enrolLocalHost, localHostId } from '../up/enrol-local.ts';
import { keepExported } from './export-broker.ts';

/**
 * Writes for programs beside this server what they need to work with it, where the configuration names a folder: Mosquitto its
 * users, rights and certificate (kept true), an agent of this machine its configuration. The result ends it. Rejects if the
 * agent's cannot be written.
 */
export async function serveNeighbours({
  config,
  tls,
  registry,
  serverToken,
  counters,
  logger,
}: {
  readonly config: ServerConfig;
  readonly tls: Tls | null;
  readonly registry: Registry;
  /** The password of `hostwire-server` where the configuration gives none. */
  readonly serverToken: string;
  readonly counters: Counters;
  readonly logger: Logger;
}): Promise<() => void> {
  const { broker, localAgent, topicRoot } = config;
  if (localAgent !== undefined) {
    const { caPem } = describeReach(config, { http: null, mqtts: null }, tls);
    const ca = caPem === null ? {} : { ca: caPem };
    const { host } = await enrolLocalHost(registry, {
      ...{ host: localHostId(process.env), folder: localAgent.dir, serverUrl: localAgent.url, topicRoot, ...ca },
      serverKey: serverKey(config.dataDir),
    });
    logger.info({ host, folder: localAgent.dir }, `an agent of this machine finds in ${localAgent.dir} how to connect as ${host}`);
  }
  if (broker.kind !== 'external' || broker.exportDir === undefined) return () => undefined;
  const { url, username = SERVER_USERNAME, password = serverToken, exportDir: folder } = broker;
  return keepExported({
    ...{ folder, url, username, password, topicRoot, registry, counters, logger },
    certificate: tls === null ? null : { current: () => certificateOf(tls), onChange: (listener) => tls.onChange(listener) },
  });
}

/** In PEM, as another program can be given them. */
function certificateOf(tls: Tls): { readonly cert: string; readonly key: string } {
  const { cert = '', key = '' } = tls.context();
  return { cert: String(cert), key: String(key) };
}
