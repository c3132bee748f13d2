import type { Counters } from '@hostwire/model';
import { hashToken, type Registry, verifyToken } from '@hostwire/registry';
import { type Logger, version } from '@hostwire/service';
import { type Credentials, createInfluxHttp, type EmbeddedStore } from '@hostwire/store';
import type { ServerConfig } from '../config/load-config.ts';
import { keepAddress, reachable } from '../kept-address.ts';
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
  store,
  registry,
  serverToken,
  counters,
  logger,
}: {
  readonly config: Pick<ServerConfig, 'listen' | 'influxPort' | 'dataDir'>;
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
  try {
    await server.listen({ host: config.listen, port: config.influxPort });
  } catch (error) {
    await server.close();
    const failure = listenFailure(error, "InfluxDB's HTTP API", config.listen, config.influxPort, '--influx-port');
    if (!(failure instanceof ListenError)) throw failure;
    logger.warn(`${failure.message} Everything else goes on without it.`);
    return { port: null, close: async () => undefined };
  }
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.influxPort;
  keepAddress(config.dataDir, 'influx', `http://${reachable(config.listen)}:${port}`);
  return { port, close: () => server.close() };
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
