import { type Ingest, subscribeIngest } from '@hostwire/ingest';
import type { Counters, Topics } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import { type MqttClient, TransportError } from '@hostwire/transport';

/** Workers in this group get each sample once among them (MQTT 5 section 4.8.2). */
const GROUP = 'ingest';

/**
 * Feeds ingest from a broker in another process: its share of all samples, or all where the broker has no shared
 * subscriptions (the embedded one). Decided anew at each connection.
 */
export function takeSamples(
  client: MqttClient,
  ingest: Pick<Ingest, 'accept' | 'room'>,
  { topics, counters, logger }: { readonly topics: Topics; readonly counters: Counters; readonly logger: Logger },
): void {
  let end: () => Promise<void> = async () => undefined;
  let turn: Promise<void> = Promise.resolve();
  const subscribe = async (): Promise<void> => {
    await end();
    const filters = [`$share/${GROUP}/${topics.filters.samples}`, topics.filters.samples];
    for (const filter of filters) {
      try {
        end = await subscribeIngest(client, ingest, { topics, logger, filter });
        return;
      } catch (error) {
        if (!(error instanceof TransportError && error.code === 'refused')) throw error;
        logger.debug({ filter }, 'the broker refuses a subscription to samples');
      }
    }
    counters.add('ingest_subscriptions_failed_total');
    logger.error({ filters }, "the broker lets this server read no samples; allow it in the broker's access rules");
  };
  client.onConnect(() => {
    turn = turn.then(subscribe).catch((error: unknown) => {
      counters.add('ingest_subscriptions_failed_total');
      logger.warn({ err: error }, 'samples are not subscribed to; tried again at the next connection');
    });
  });
}
