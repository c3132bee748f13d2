import type { Counters, Topics } from '@hostwire/model';
import type { RemoteConfigRecord, RemoteConfigRegistry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { MessageBus } from '@hostwire/transport';
import type { HostLive } from '../live/host-live.ts';
import type { LiveState } from '../live/live-state.ts';
import { messageFor } from './configs-of-hosts.ts';

export interface PublishConfigsOptions {
  readonly registry: RemoteConfigRegistry;
  readonly live: LiveState;
  readonly bus: MessageBus;
  readonly topics: Topics;
  readonly counters: Counters;
  readonly logger: Logger;
  /** Called at each connection to the broker; at once if there is one. */
  readonly onConnect: (listener: () => void) => () => void;
  /** Ms from a connection until what the broker had kept is taken for complete. */
  readonly settleMs?: number;
  /** Ms between two looks at whether all stands as it should. */
  readonly everyMs?: number;
}

export interface PublishedConfigs {
  close(): Promise<void>;
}

const SETTLE_MS = 1000;
const EVERY_MS = 60_000;
const AGAIN_MS = 2000;

/**
 * Keeps the topics `config` of all hosts as the registry says. Several processes may do so at once: each publishes what
 * differs from what stands there, by its own reading of the registry, and answers no other's message.
 */
export async function publishConfigs(options: PublishConfigsOptions): Promise<PublishedConfigs> {
  const { registry, live, bus, topics, counters, logger, settleMs = SETTLE_MS, everyMs = EVERY_MS } = options;
  let records: ReadonlyMap<string, RemoteConfigRecord> | null = null;
  /** What stands on the broker, by host. */
  const standing = new Map<string, string>();
  /** By what each host's message was made last: most changes of a host change nothing of it. */
  const grounds = new Map<string, string>();
  let revision = 0;
  let isSettled = false;
  let failing = false;
  let closed = false;
  let settling: NodeJS.Timeout | undefined;
  let again: NodeJS.Timeout | undefined;

  const publish = (host: string, text: string): void => {
    if ((standing.get(host) ?? '') === text) return;
    standing.set(host, text);
    bus.publish(topics.config(host), text, { qos: 1, retain: true }).then(
      () => counters.add(text === '' ? 'configs_cleared' : 'configs_published'),
      (error: unknown) => {
        // The next look, at the latest at the next connection, tries again.
        standing.delete(host);
        grounds.delete(host);
        counters.add('config_publish_failed');
        logger.debug({ err: error, host }, 'a remote configuration was not published');
      },
    );
  };

  const consider = (name: string): void => {
    if (records === null || !isSettled || closed) return;
    const host = live.get(name);
    if (host === undefined) {
      grounds.delete(name);
      if (standing.has(name)) publish(name, '');
      return;
    }
    const ground = `${revision} ${host.group ?? ''} ${reportedBy(host)}`;
    if (grounds.get(name) === ground) return;
    grounds.set(name, ground);
    publish(name, messageFor(records, host));
  };

  const considerAll = (): void => {
    grounds.clear();
    for (const host of new Set([...standing.keys(), ...[...live.hosts()].map(({ host: name }) => name)])) consider(host);
  };

  const read = (): void => {
    clearTimeout(again);
    registry.list().then(
      (list) => {
        failing = false;
        records = new Map(list.map((record) => [record.scope, record]));
        revision++;
        considerAll();
      },
      (error: unknown) => {
        if (closed) return;
        counters.add('config_read_failed');
        if (!failing) logger.warn({ err: error }, 'remote configurations were not read; tried again every few seconds');
        failing = true;
        again = setTimeout(read, AGAIN_MS);
        again.unref();
      },
    );
  };

  const stops = [
    options.onConnect(() => {
      // A broker that restarted has lost what it kept; one that has not tells it now.
      standing.clear();
      isSettled = false;
      clearTimeout(settling);
      settling = setTimeout(() => {
        isSettled = true;
        considerAll();
      }, settleMs);
      settling.unref();
    }),
    registry.onChange(read),
    live.onChange(consider),
  ];
  const unsubscribe = await bus.subscribe(topics.filters.configs, ({ topic, payload }) => {
    const parsed = topics.parse(topic);
    if (parsed?.kind !== 'config') return;
    if (payload.length === 0) standing.delete(parsed.host);
    else standing.set(parsed.host, Buffer.from(payload).toString('utf8'));
  });
  // What changed before somebody listened, nobody told.
  read();
  const timer = setInterval(read, everyMs);
  timer.unref();
  return {
    async close() {
      closed = true;
      clearInterval(timer);
      clearTimeout(settling);
      clearTimeout(again);
      for (const stop of stops) stop();
      await unsubscribe();
    },
  };
}

function reportedBy({ info }: HostLive): string {
  return info?.config === undefined ? '' : 'has one';
}
