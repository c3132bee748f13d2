import type { Counters, Topics } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { MessageBus } from '@hostwire/transport';
import { listenToHosts } from './listen.ts';
import { listenToSamples } from './listen-samples.ts';
import type { LiveState } from './live-state.ts';

export interface HearOptions {
  readonly bus: MessageBus;
  readonly topics: Topics;
  readonly live: LiveState;
  readonly registry: Pick<Registry, 'hosts' | 'catalogs'>;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly onUnknownHost: (host: string) => void;
  /** Whether ingest of this process hands on all samples; else they are subscribed to. */
  readonly samplesFromIngest: boolean;
}

/** Keeps the live state by all that hosts say. */
export async function hearHosts({ samplesFromIngest, ...options }: HearOptions): Promise<void> {
  await listenToHosts(options);
  if (!samplesFromIngest) await listenToSamples(options);
}
