export * from './broker-url.ts';
export type { ConnectionFailure } from './failure.ts';
export type { Logger } from './logger.ts';
export * from './message-bus.ts';
export * from './mqtt-bus.ts';
export {
  type ClientTls,
  connectMqtt,
  type MessageHandler,
  type MqttClient,
  type MqttClientOptions,
  reconnectDelay,
  TransportError,
} from './mqtt-client.ts';
export * from './payload.ts';
export { topicFilter } from './topic-filter.ts';
export { tryConnection } from './try-connection.ts';
