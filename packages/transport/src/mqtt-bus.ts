import type { MessageBus } from './message-bus.ts';
import type { MqttClient } from './mqtt-client.ts';

/** The bus of a server role that runs apart from its broker. Closing it closes the client. */
export function createMqttBus(client: MqttClient): MessageBus {
  return {
    publish: (topic, payload, options) => client.publish(topic, payload, options),
    subscribe: (filter, handler) => client.subscribe(filter, handler),
    close: () => client.close(),
  };
}
