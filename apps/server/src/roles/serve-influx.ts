import type { Tls } from '@hostwire/certificates';
import type { Counters } from '@hostwire/model';
import { hashToken, type Registry, verifyToken } from '@hostwire/registry';
import { type Logger, version } from '@hostwire/service';
import { type Credentials, createInfluxHttp, type EmbeddedStore } from '@hostwire/store';
import type { ServerConfig } from '../config/load-config.ts';
import { keepAddress, reachable } from '../kept-address.ts';
import { alsoOnLoopback, speakTls } from '../tls/speak-tls.ts';
import { countErrors } from './count-errors.ts';
import { ListenError, listenFailure } from './listen-failure.ts';

export interface InfluxPart {
  /** Null: the port could not be had, and everything else goes on without it. */
  readonly port: number | null;
  close(): Promise<void>;
}

/** Serves the embedded store as the InfluxDB that it stands in for, to tokens of the registry. */
export async function serveInflux({
  config,
  tls,
  tlsCounters,
  store,
  registry,
  serverToken,
  counters,
  logger,
}: {
  readonly config: Pick<ServerConfig, 'listen' | 'influxPort' | 'dataDir' | 'tls'>;
  /** Null: no other machine reaches it. */
  readonly tls: Tls | null;
  readonly tlsCounters: Counters;
  readonly store: EmbeddedStore;
  readonly registry: Pick<Registry, 'tokens'>;
  /** Token of the server's other processes on this data directory; it may do all. */
  readonly serverToken: string;
  readonly counters: Counters;
  readonly logger: Logger;
}): Promise<InfluxPart> {
  const serverHash = hashToken(serverToken);
  const server = createInfluxHttp({
    store,
    version,
    logger,
    createDatabase: (name) => store.createDatabase(name),
    async authorize(credentials, access) {
      const isAllowed = await mayUse(registry, serverHash, credentials, access);
      counters.add(isAllowed ? `requests{access="${access}"}` : `refused{access="${access}"}`);
      return isAllowed;
    },
  });
  countErrors(server, counters);
  const closers: (() => void)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closers) end();
    await server.close();
  };
  let port = config.influxPort;
  try {
    if (tls !== null) {
      await server.ready();
      const { allowPlain } = config.tls;
      closers.push(speakTls(server.server, { tls, port: 'influx', allowPlain, movesPages: false, counters: tlsCounters }));
    }
    await server.listen({ host: config.listen, port });
    const address = server.server.address();
    if (typeof address === 'object' && address !== null) port = address.port;
    closers.push(await alsoOnLoopback(server.server, config.listen, port));
  } catch (error) {
    await close();
    const failure = listenFailure(error, "InfluxDB's HTTP API", config.listen, config.influxPort, '--influx-port');
    if (!(failure instanceof ListenError)) throw failure;
    logger.warn(`${failure.message} Everything else goes on without it.`);
    return { port: null, close: async () => undefined };
  }
  keepAddress(config.dataDir, 'influx', `http://${reachable(config.listen)}:${port}`);
  return { port, close };
}

/** Old clients know only names and passwords: the token is the password then, whatever the name. */
async function mayUse(
  { tokens }: Pick<Registry, 'tokens'>,
  serverHash: string,
  credentials: Credentials | null,
  access: 'read' | 'write',
): Promise<boolean> {
  const token = credentials?.token ?? credentials?.password ?? '';
  if (token === '' || token.length > 512) return false;
  if (verifyToken(token, serverHash)) return true;
  const scopes = (await tokens.check(token))?.scopes ?? [];
  return scopes.includes('admin') || scopes.includes(access === 'read' ? 'series:read' : 'series:write');
}
