import type { Tls } from '@hostwire/certificates';
import type { Counters } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import type { FastifyInstance } from 'fastify';
import { createApi } from '../api/app.ts';
import type { ApiContext } from '../api/context.ts';
import type { LiveSocketOptions } from '../api/live-socket.ts';
import type { ServerConfig } from '../config/load-config.ts';
import { keepAddress, reachable } from '../kept-address.ts';
import { alsoOnLoopback, speakTls } from '../tls/speak-tls.ts';
import { listenFailure } from './listen-failure.ts';
import type { BrokerPart } from './open-broker.ts';

export interface ApiPart {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves the API and the dashboard, and MQTT over WebSocket beside them. Throws ListenError if the port cannot be had. */
export async function serveApi(
  context: ApiContext,
  {
    config,
    tls,
    tlsCounters,
    logger,
    bus,
    socket,
    webRoot,
  }: {
    readonly config: ServerConfig;
    /** Null: no other machine reaches it. */
    readonly tls: Tls | null;
    readonly tlsCounters: Counters;
    readonly logger: Logger;
    readonly bus: Pick<BrokerPart, 'attachTo' | 'detach'>;
    readonly socket: LiveSocketOptions;
    readonly webRoot: string | undefined;
  },
): Promise<ApiPart> {
  const closers: (() => void)[] = [];
  const app: FastifyInstance = await createApi(context, { logger, socket, ...(webRoot === undefined ? {} : { webRoot }) });
  try {
    await app.ready();
    bus.attachTo(app.server);
    if (tls !== null) {
      const { allowPlain, clientCertificates } = config.tls;
      const asksClients = clientCertificates !== 'off';
      closers.push(speakTls(app.server, { tls, port: 'http', allowPlain, movesPages: true, asksClients, counters: tlsCounters }));
    }
    await app.listen({
      host: config.listen,
      port: config.port,
      // It names the scheme of the server below, which does not know that TLS is spoken before it.
      listenTextResolver: (address) => `the dashboard and API are on ${tls === null ? address : address.replace(/^http:/, 'https:')}`,
    });
  } catch (error) {
    await app.close();
    throw listenFailure(error, 'the dashboard and API', config.listen, config.port, '--port');
  }
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.port;
  const close = async (): Promise<void> => {
    await bus.detach();
    for (const end of closers) end();
    await app.close();
  };
  try {
    closers.push(await alsoOnLoopback(app.server, config.listen, port));
  } catch (error) {
    await close();
    throw listenFailure(error, 'the dashboard and API', reachable(config.listen), port, '--port');
  }
  keepAddress(config.dataDir, 'dashboard', `http://${reachable(config.listen)}:${port}`);
  return { port, close };
}
