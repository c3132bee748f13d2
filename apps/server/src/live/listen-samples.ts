import { decodeSample, SampleCheck } from '@hostwire/ingest';
import { type Counters, MAX_CLOCK_SKEW_MS, type Topics } from '@hostwire/model';
import type { BusMessage, MessageBus } from '@hostwire/transport';
import type { LiveState } from './live-state.ts';
import { keepStrangers } from './strangers.ts';

export interface ListenSamplesOptions {
  readonly bus: Pick<MessageBus, 'subscribe'>;
  readonly topics: Topics;
  readonly live: LiveState;
  readonly counters: Counters;
  /** A live sample of a host that is not enrolled. */
  readonly onUnknownHost: (host: string) => void;
}

/**
 * Keeps the live state by the samples themselves, where ingest is elsewhere or has but a share of them. Those that
 * ingest would not store are left out here too.
 */
export async function listenToSamples({ bus, topics, live, counters, onUnknownHost }: ListenSamplesOptions): Promise<void> {
  const check = new SampleCheck(live.catalogs.own);
  const handle = (message: BusMessage): void => {
    const { topic, payload, receivedAt, retained } = message;
    if (payload.length === 0) return;
    const { sample } = decodeSample(topics, check, topic, payload);
    if (sample === null) {
      counters.add('invalid{kind="sample"}');
    } else if (!retained && sample.backfill !== true && Math.abs(sample.time - receivedAt) > MAX_CLOCK_SKEW_MS) {
      // Its agent is told the time, and sends it again.
      counters.add('wrong_clock');
      live.applySignOfLife(sample.host, receivedAt);
    } else if (!live.applySample(sample, { receivedAt, retained })) {
      if (sample.backfill !== true) strangers.keep(sample.host, message);
      if (!retained) onUnknownHost(sample.host);
    }
  };
  const strangers = keepStrangers(live, counters, handle);
  await bus.subscribe(topics.filters.samples, handle);
}
