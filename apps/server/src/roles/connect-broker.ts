import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVER_USERNAME } from '@hostwire/registry';
import { ConfigError } from '@hostwire/service';
import { connectMqtt, createMqttBus } from '@hostwire/transport';
import type { ServerConfig } from '../config/load-config.ts';
import { keptAddress } from '../kept-address.ts';
import type { BrokerLink, Will } from './broker-link.ts';
import type { BrokerPart, BrokerPartOptions } from './open-broker.ts';

interface BrokerAccess {
  readonly url: () => string;
  readonly tls?: () => { readonly ca: string };
  readonly username?: string;
  readonly password?: string;
}

/** Processes of one data directory may start in any order. */
const ADDRESS_WAIT_MS = 15_000;
const ADDRESS_POLL_MS = 100;
/** A dashboard that shows old values for a minute would be taken for a failure of all hosts. */
const MAX_RECONNECT_MS = 5000;

/** The broker of another process: an external one, or the embedded one of the same data directory. */
export async function connectBroker(options: Omit<BrokerPartOptions, 'ingest' | 'registry' | 'counters' | 'tls'>): Promise<BrokerPart> {
  const { config, clientName, logger } = options;
  const access = await accessTo(config, options.serverToken);
  const links = new Set<BrokerLink>();

  const link = (purpose: string, will?: Will): BrokerLink => {
    const client = connectMqtt({
      ...access,
      clientId: `hostwire-${purpose}-${clientName}`,
      ...(will === undefined ? {} : { will: { ...will, qos: 1, retain: true } }),
      maxDelayMs: MAX_RECONNECT_MS,
      counters: options.linkCounters,
      logger,
    });
    let since = 0;
    client.onConnect(() => {
      since = Date.now();
    });
    const made: BrokerLink = {
      bus: createMqttBus(client),
      client,
      connectedSince: () => (client.connected ? since : null),
      onConnect: (listener) => client.onConnect(listener),
      async close() {
        links.delete(made);
        await client.close();
      },
    };
    links.add(made);
    return made;
  };

  return {
    mqttPort: null,
    mqttsPort: null,
    link,
    isConnected: () => [...links].every((made) => made.connectedSince() !== null),
    stats: () => null,
    attachTo: () => undefined,
    detach: async () => undefined,
    async close() {
      await Promise.all([...links].map((made) => made.close()));
    },
  };
}

async function accessTo({ broker, dataDir }: ServerConfig, serverToken: string): Promise<BrokerAccess> {
  if (broker.kind === 'external') {
    const { url, username, ca, password = username === SERVER_USERNAME ? serverToken : undefined } = broker;
    return {
      url: () => url,
      ...(ca === undefined ? {} : { tls: () => ({ ca: readFileSync(ca, 'utf8') }) }),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    };
  }
  let known = keptAddress(dataDir, 'mqtt');
  for (let waited = 0; known === null && waited < ADDRESS_WAIT_MS; waited += ADDRESS_POLL_MS) {
    await sleep(ADDRESS_POLL_MS);
    known = keptAddress(dataDir, 'mqtt');
  }
  if (known === null) {
    const allowed = `is missing, and no process with the role broker runs on ${dataDir}; start one, or name a broker: --broker-url mqtt://host:1883`;
    throw new ConfigError('the configuration', [{ key: 'broker.url', allowed }]);
  }
  const last = known;
  return { url: () => keptAddress(dataDir, 'mqtt') ?? last, username: SERVER_USERNAME, password: serverToken };
}
