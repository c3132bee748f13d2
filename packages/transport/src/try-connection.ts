import type { ConnectionFailure } from './failure.ts';
import { connectMqtt, type MqttClientOptions } from './mqtt-client.ts';

const TIMEOUT_MS = 7000;

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/**
 * Connects once and says goodbye. Resolves with null if the broker took the credentials, else with why not. Throws an Error
 * if the URL is not valid. Use a client id that nobody else has: a broker ends the session of an earlier one.
 */
export async function tryConnection(
  options: Omit<MqttClientOptions, 'logger' | 'counters' | 'will' | 'onFailure'>,
  timeoutMs = TIMEOUT_MS,
): Promise<ConnectionFailure | null> {
  let settle: (failure: ConnectionFailure | null) => void = () => undefined;
  const settled = new Promise<ConnectionFailure | null>((done) => {
    settle = done;
  });
  const client = connectMqtt({
    ...options,
    connectTimeoutMs: timeoutMs,
    logger: SILENT,
    onFailure: (failure) => settle(failure),
  });
  client.onConnect(() => settle(null));
  try {
    return await settled;
  } finally {
    await client.close();
  }
}
