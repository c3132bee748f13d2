import type { Server } from 'node:http';
import { type Broker, startBroker } from '@hostwire/broker';
import { type Ingest, subscribeIngest } from '@hostwire/ingest';
import type { Counters, Topics } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import { connectMqtt, createMqttBus, type MessageBus } from '@hostwire/transport';
import type { ServerConfig } from '../config/load-config.ts';

/** How the roles of this process speak MQTT, and how samples come in. */
export interface BusPart {
  readonly bus: MessageBus;
  /** Null with an external broker. */
  readonly mqttPort: number | null;
  isConnected(): boolean;
  clients(): number | null;
  /** MQTT over WebSocket on the API's port, where the broker is this process. */
  attachTo(server: Server): void;
  close(): Promise<void>;
}

export interface BusOptions {
  readonly config: ServerConfig;
  readonly registry: Registry;
  /** Lets the server's other processes on this data directory in. */
  readonly serverToken: string;
  readonly topics: Topics;
  readonly counters: Counters;
  readonly logger: Logger;
  /** Null: this process takes no samples in. */
  readonly ingest: Ingest | null;
}

const CLIENT_ID = 'hostwire-server';
const CONNECT_WAIT_MS = 5000;

/** Starts the embedded broker, or connects to the external one. Throws BrokerError if the port cannot be listened on. */
export function openBus(options: BusOptions): Promise<BusPart> {
  return options.config.broker.kind === 'external' ? connectExternal(options, options.config.broker) : startEmbedded(options);
}

async function startEmbedded({ config, registry, serverToken, topics, counters, logger, ingest }: BusOptions): Promise<BusPart> {
  const broker: Broker = await startBroker({
    registry,
    serverToken,
    topics,
    host: config.listen,
    port: config.mqttPort,
    logger,
    counters,
    // PUBACK waits for the commit.
    ...(ingest === null ? {} : { onPublish: (message) => ingest.accept(message) }),
  });
  const bus = broker.bus();
  await bus.publish(topics.serverStatus, 'online', { qos: 1, retain: true });
  return {
    bus,
    mqttPort: broker.port,
    isConnected: () => true,
    clients: () => broker.stats().clients,
    attachTo: (server) => broker.attachTo(server),
    async close() {
      await bus.publish(topics.serverStatus, 'offline', { qos: 1, retain: true });
      await bus.close();
      await broker.close();
    },
  };
}

async function connectExternal(
  { topics, logger, ingest }: BusOptions,
  { url, username, password }: { readonly url: string; readonly username?: string; readonly password?: string },
): Promise<BusPart> {
  const client = connectMqtt({
    url,
    clientId: CLIENT_ID,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    will: { topic: topics.serverStatus, payload: 'offline', qos: 1, retain: true },
    logger,
  });
  const sayOnline = (status: 'online' | 'offline'): Promise<void> =>
    client
      .publish(topics.serverStatus, status, { qos: 1, retain: true })
      .catch((error: unknown) => logger.warn({ err: error }, `the server's own status ${status} was not published`));
  client.onConnect(() => void sayOnline('online'));
  if (ingest !== null) await subscribeIngest(client, ingest, { topics, logger });
  // Going on without a broker is better than not starting: the dashboard then says what is wrong.
  await new Promise<void>((done) => {
    const timer = setTimeout(done, CONNECT_WAIT_MS);
    client.onConnect(() => {
      clearTimeout(timer);
      done();
    });
  });
  return {
    bus: createMqttBus(client),
    mqttPort: null,
    isConnected: () => client.connected,
    clients: () => null,
    attachTo: () => undefined,
    async close() {
      if (client.connected) await sayOnline('offline');
      await client.close();
    },
  };
}
