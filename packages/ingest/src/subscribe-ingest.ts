import type { Topics } from '@hostwire/model';
import type { Logger, MessageBus, MqttClient } from '@hostwire/transport';
import type { Ingest } from './ingest.ts';

/**
 * Feeds ingest from a broker in another process. PUBACK says only that a sample is in ingest's bounded queue; when that
 * is full it is held back. What is not made durable is sent again by its agent, which waits for the `ack`.
 * `filter` may be a shared subscription. The result ends it.
 */
export function subscribeIngest(
  client: Pick<MqttClient, 'subscribe'>,
  ingest: Pick<Ingest, 'accept' | 'room'>,
  { topics, logger, filter = topics.filters.samples }: { readonly topics: Topics; readonly logger: Logger; readonly filter?: string },
): Promise<() => Promise<void>> {
  return client.subscribe(filter, (message) => {
    // It was live once; its agent still has it if it was not acknowledged.
    if (message.retained) return undefined;
    const take = (): void => {
      ingest.accept(message).catch((error: unknown) => logger.debug({ topic: message.topic, err: error }, 'a sample was not stored'));
    };
    const room = ingest.room();
    if (room !== null) return room.then(take);
    take();
    return undefined;
  });
}

/** Lets ingest hear which runs connect, by which it finds two agents with one identity. The result ends it. */
export function watchIdentities(
  bus: Pick<MessageBus, 'subscribe'>,
  ingest: Pick<Ingest, 'heardInfo'>,
  topics: Topics,
): Promise<() => Promise<void>> {
  return bus.subscribe(topics.filters.infos, (message) => {
    if (!message.retained) ingest.heardInfo(message);
  });
}
