import type { Server } from 'node:http';
import { type BrokerStats, startBroker } from '@hostwire/broker';
import type { Tls } from '@hostwire/certificates';
import type { Ingest } from '@hostwire/ingest';
import type { Counters, Topics } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { ServerConfig } from '../config/load-config.ts';
import { isLoopback, keepAddress, reachable } from '../kept-address.ts';
import type { BrokerLink, Will } from './broker-link.ts';
import { connectBroker } from './connect-broker.ts';

/** How the roles of this process speak MQTT. */
export interface BrokerPart {
  /** Null: the broker is another process. */
  readonly mqttPort: number | null;
  /** Null: the broker is another process, or no other machine reaches it. */
  readonly mqttsPort: number | null;
  /** `purpose` names the connection to the broker. */
  link(purpose: string, will?: Will): BrokerLink;
  /** All links. */
  isConnected(): boolean;
  /** Null: the broker is another process. */
  stats(): BrokerStats | null;
  /** MQTT over WebSocket on the API's port, where the broker is this process. */
  attachTo(server: Server): void;
  /** Ends what came by `attachTo`, so that its server can close. */
  detach(): Promise<void>;
  close(): Promise<void>;
}

export interface BrokerPartOptions {
  readonly config: ServerConfig;
  /** Null: no other machine reaches the broker. */
  readonly tls: Tls | null;
  readonly registry: Registry;
  /** Lets the server's other processes on this data directory in. */
  readonly serverToken: string;
  /** Ends the names of this process's connections. */
  readonly clientName: string;
  readonly topics: Topics;
  readonly counters: Counters;
  /** Of the connections to a broker in another process. */
  readonly linkCounters: Counters;
  readonly logger: Logger;
  /** Gets all samples where the broker is this process; null: this process takes none in. */
  readonly ingest: Ingest | null;
}

/**
 * Starts the embedded broker, or finds the one of another process. Throws BrokerError if the port cannot be listened on,
 * ConfigError if no process tells of a broker.
 */
export function openBroker(options: BrokerPartOptions): Promise<BrokerPart> {
  const { broker, roles } = options.config;
  return broker.kind === 'embedded' && roles.includes('broker') ? startEmbedded(options) : connectBroker(options);
}

async function startEmbedded({
  config,
  tls,
  registry,
  serverToken,
  topics,
  counters,
  logger,
  ingest,
}: BrokerPartOptions): Promise<BrokerPart> {
  // Without TLS for this machine alone, for its own programs and the server's other processes.
  const plainAddress = tls === null || config.tls.allowPlain ? config.listen : '127.0.0.1';
  const broker = await startBroker({
    registry,
    serverToken,
    topics,
    host: plainAddress,
    port: config.mqttPort,
    ...(tls === null
      ? {}
      : {
          secure: {
            ...{ host: config.listen, port: config.mqttsPort, clientCertificates: config.tls.clientCertificates },
            context: () => tls.context(),
            onChange: (listener: () => void) => tls.onChange(listener),
          },
        }),
    logger,
    counters,
    // PUBACK waits for the commit.
    ...(ingest === null ? {} : { onPublish: (message) => ingest.accept(message) }),
  });
  const startedAt = Date.now();
  keepAddress(config.dataDir, 'mqtt', `mqtt://${plainHost(plainAddress)}:${broker.port}`);
  if (broker.securePort !== null) keepAddress(config.dataDir, 'mqtts', `mqtts://${reachable(config.listen)}:${broker.securePort}`);
  return {
    mqttPort: broker.port,
    mqttsPort: broker.securePort,
    link() {
      const bus = broker.bus();
      const onConnect = (listener: () => void): (() => void) => {
        listener();
        return () => undefined;
      };
      return { bus, client: null, connectedSince: () => startedAt, onConnect, close: () => bus.close() };
    },
    isConnected: () => true,
    stats: () => broker.stats(),
    attachTo: (server) => broker.attachTo(server),
    detach: () => broker.closeWebSockets(),
    close: () => broker.close(),
  };
}

/** Where this machine finds MQTT without TLS; unlike HTTP, one address of another interface has no loopback beside it. */
function plainHost(address: string): string {
  if (address === '0.0.0.0' || address === '::' || isLoopback(address)) return reachable(address);
  return address.includes(':') ? `[${address}]` : address;
}
