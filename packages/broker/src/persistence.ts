import { Readable } from 'node:stream';
import type { AedesPublishPacket, Client, PublishPacket } from 'aedes';
import type { RetainedMessages } from './retained.ts';

/**
 * Done without a turn of the event loop. aedes drops a message for a subscriber that already got one with a higher
 * number; if storing a retained message took longer than not storing one, the next message could overtake it and it
 * would be lost.
 */
function now<T>(value: T): PromiseLike<T> {
  return {
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is
    then: (resolve) => now(resolve?.(value) as never),
  };
}

/**
 * What aedes 1.2 asks of a persistence, for a broker that keeps no sessions: all are clean, so there are no stored
 * subscriptions and no queues, only retained messages, wills, and the packet ids of QoS 2 that are on their way in.
 */
export function cleanPersistence(retained: RetainedMessages): object {
  const incoming = new Map<string, Map<number | undefined, PublishPacket>>();
  return {
    async setup() {},
    storeRetained(packet: AedesPublishPacket) {
      retained.store(packet);
      return now(undefined);
    },
    createRetainedStream: (filter: string) => retained.stream([filter]),
    createRetainedStreamCombi: (filters: readonly string[]) => retained.stream(filters),
    subscriptionsByTopic: () => now([]),
    outgoingEnqueueCombi: () => now(undefined),
    async cleanSubscriptions() {},
    outgoingStream: () => Readable.from([]),
    outgoingUpdate: () => now(undefined),
    outgoingClearMessageId: () => now(undefined),
    async incomingStorePacket(client: Client, packet: PublishPacket) {
      const packets = incoming.get(client.id) ?? new Map<number | undefined, PublishPacket>();
      packets.set(packet.messageId, packet);
      incoming.set(client.id, packets);
    },
    async incomingGetPacket(client: Client, packet: PublishPacket) {
      const found = incoming.get(client.id)?.get(packet.messageId);
      if (found === undefined) throw new Error('no such packet');
      return found;
    },
    async incomingDelPacket(client: Client, packet: PublishPacket) {
      if (incoming.get(client.id)?.delete(packet.messageId) !== true) throw new Error('no such packet');
    },
    async cleanIncoming(client: Client) {
      incoming.delete(client.id);
    },
    // Wills live with their connection; a stored one is only for the brokers of a cluster.
    async putWill() {},
    async delWill() {},
    streamWill: () => Readable.from([]),
  };
}
