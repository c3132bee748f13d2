import type { BusMessage, MessageBus } from '@hostwire/transport';
import type { Aedes, AedesPublishPacket } from 'aedes';
import type { RetainedMessages } from './retained.ts';

export interface LocalBusListeners {
  /** Hears how long the handlers took for a message of a client. */
  readonly spent: (clientId: string, ms: number) => void;
  /** Hears what a handler threw. */
  readonly threw: (error: unknown, topic: string) => void;
}

/** The bus of the roles in the broker's own process. It is not asked for credentials and may publish everything. */
export function createLocalBus(aedes: Aedes, retained: RetainedMessages, { spent, threw }: LocalBusListeners): MessageBus {
  const removals = new Set<() => Promise<void>>();

  function call(handler: (message: BusMessage) => void, message: BusMessage): void {
    try {
      handler(message);
    } catch (error) {
      threw(error, message.topic);
    }
  }

  return {
    publish(topic, payload, { qos, retain = false }) {
      const bytes =
        typeof payload === 'string' ? Buffer.from(payload) : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      return new Promise((resolve, reject) => {
        aedes.publish({ cmd: 'publish', topic, payload: bytes, qos, retain, dup: false }, (error) => {
          if (error) reject(error);
          else resolve();
        });
      });
    },

    async subscribe(filter, handler) {
      const wild = /^[+#]/.test(filter);
      const deliver = (packet: AedesPublishPacket, done: () => void): void => {
        // MQTT 3.1.1 section 4.7.2: a filter that begins with a wildcard does not match topics that begin with $.
        if (!(wild && packet.topic.startsWith('$'))) {
          const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
          const start = performance.now();
          call(handler, { topic: packet.topic, payload, retained: false, receivedAt: Date.now() });
          const { clientId } = packet as AedesPublishPacket & { readonly clientId?: string };
          if (clientId !== undefined) spent(clientId, performance.now() - start);
        }
        done();
      };
      await new Promise<void>((done) => aedes.subscribe(filter, deliver, done));
      for (const { topic, payload } of retained.matching([filter]))
        call(handler, { topic, payload, retained: true, receivedAt: Date.now() });
      const remove = async (): Promise<void> => {
        if (!removals.delete(remove)) return;
        await new Promise<void>((done) => aedes.unsubscribe(filter, deliver, done));
      };
      removals.add(remove);
      return remove;
    },

    async close() {
      await Promise.all([...removals].map((remove) => remove()));
    },
  };
}
