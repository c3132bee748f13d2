import type { MessageBus, MqttClient } from '@hostwire/transport';

/** What the broker publishes when the connection is lost without a farewell. */
export interface Will {
  readonly topic: string;
  readonly payload: string;
}

/** One way of this process to the broker, for one purpose. */
export interface BrokerLink {
  readonly bus: MessageBus;
  /** Null where the broker is this process. */
  readonly client: MqttClient | null;
  /** Since when all that is published is heard, ms since the epoch; null: there is no connection. */
  connectedSince(): number | null;
  /** Called at each connection, after the subscriptions stand; at once if there is one. The result removes the listener. */
  onConnect(listener: () => void): () => void;
  /** Publishes no will. */
  close(): Promise<void>;
}
