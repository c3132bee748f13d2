import { join } from 'node:path';
import { Counters, topics as makeTopics } from '@hostwire/model';
import { openRegistry, type Registry } from '@hostwire/registry';
import { tempDir, waitFor } from '@hostwire/testkit';
import { connectMqtt, type Logger, type MqttClient, type MqttClientOptions } from '@hostwire/transport';
import { onTestFinished } from 'vitest';
import { type Broker, type BrokerOptions, startBroker } from './broker.ts';

export const topics = makeTopics();

export function recorder(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const write = (fields: object, message: string): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { lines, debug: write, info: write, warn: write, error: write };
}

export interface Rig {
  readonly registry: Registry;
  readonly broker: Broker;
  readonly counters: Counters;
  readonly logger: ReturnType<typeof recorder>;
  refused(reason: string): number;
  /** A client that has connected. */
  connect(username: string, password: string, options?: Partial<MqttClientOptions>): Promise<MqttClient>;
  /** A client that may never connect. */
  client(username: string, password: string, options?: Partial<MqttClientOptions>): MqttClient;
}

/** A broker on a free port of 127.0.0.1, with an empty registry; all ends with the test. */
export async function rig(options: Partial<BrokerOptions> = {}): Promise<Rig> {
  const registry = await openRegistry({ file: join(tempDir(), 'registry.db') });
  const counters = new Counters();
  const logger = recorder();
  const broker = await startBroker({ registry, topics, host: '127.0.0.1', port: 0, logger, counters, ...options });
  const clients: MqttClient[] = [];
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await broker.close();
    await registry.close();
  });
  const client = (username: string, password: string, clientOptions: Partial<MqttClientOptions> = {}): MqttClient => {
    const made = connectMqtt({
      url: `mqtt://127.0.0.1:${broker.port}`,
      clientId: username,
      username,
      password,
      logger: recorder(),
      minDelayMs: 50,
      maxDelayMs: 200,
      ...clientOptions,
    });
    clients.push(made);
    return made;
  };
  return {
    registry,
    broker,
    counters,
    logger,
    refused: (reason) => counters.get(`broker_refused_total{reason="${reason}"}`),
    client,
    async connect(username, password, clientOptions) {
      const made = client(username, password, clientOptions);
      await waitFor(() => made.connected, { what: `${username} to connect` });
      return made;
    },
  };
}
