import { type Catalog, type Counters, catalogHash, type HostInfo, type Topics } from '@hostwire/model';
import { catalogCheck, hostInfoCheck } from '@hostwire/model/schema';
import type { Registry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import { type BusMessage, decodeJson, type MessageBus } from '@hostwire/transport';
import type { Arrival } from './host-live.ts';
import type { LiveState } from './live-state.ts';
import { keepStrangers } from './strangers.ts';

export interface ListenOptions {
  readonly bus: MessageBus;
  readonly topics: Topics;
  readonly live: LiveState;
  readonly registry: Pick<Registry, 'hosts' | 'catalogs'>;
  readonly counters: Counters;
  readonly logger: Logger;
  /** A live message of a host that is not enrolled. */
  readonly onUnknownHost: (host: string) => void;
  /** Which of what hosts say; default all. */
  readonly kinds?: readonly HostWord[];
}

export type HostWord = 'status' | 'info' | 'catalog';

/** Keeps the live state by what hosts say of themselves: status, info and catalog. Bad messages are counted and left out. */
export async function listenToHosts(options: ListenOptions): Promise<void> {
  const { bus, topics, live, registry, counters, logger, onUnknownHost, kinds = ['status', 'info', 'catalog'] } = options;
  const invalid = (kind: string): void => counters.add(`invalid{kind="${kind}"}`);
  const saved = (work: Promise<void>, what: string): void => {
    work.catch((error: unknown) => {
      counters.add('save_failed');
      logger.warn({ err: error }, `${what} not saved; the host sends it again when it connects again`);
    });
  };
  const decode = (message: BusMessage): unknown => {
    try {
      return decodeJson(message.payload);
    } catch {
      return undefined;
    }
  };

  const unknown = (host: string, message: BusMessage): void => {
    strangers.keep(host, message);
    // What is retained may be of a host that was removed.
    if (!message.retained) onUnknownHost(host);
  };

  const onStatus = (host: string, message: BusMessage): void => {
    const status = Buffer.from(message.payload).toString('latin1');
    if (status !== 'online' && status !== 'offline') invalid('status');
    else if (!live.applyStatus(host, status, arrivalOf(message))) unknown(host, message);
  };

  const onInfo = (host: string, message: BusMessage): void => {
    const info = decode(message);
    if (!hostInfoCheck.Check(info)) invalid('info');
    else if (!live.applyInfo(host, info as HostInfo, arrivalOf(message))) unknown(host, message);
    else saved(registry.hosts.saveInfo(host, info as HostInfo), 'facts of a host');
  };

  const onCatalog = (host: string, message: BusMessage): void => {
    const catalog = decode(message);
    // Others are typed by it too: a catalog under another one's hash must not get in.
    if (!catalogCheck.Check(catalog) || catalogHash((catalog as Catalog).measurements) !== catalog.hash) invalid('catalog');
    else if (live.get(host) === undefined) unknown(host, message);
    // The check leaves units open: a newer agent may know more of them.
    else if (live.catalogs.add(catalog as Catalog)) saved(registry.catalogs.save(catalog as Catalog), 'a catalog');
    else if (live.catalogs.get(catalog.hash) === undefined) counters.add('catalogs_left_out');
  };

  const handlers = { status: onStatus, info: onInfo, catalog: onCatalog };
  const handle = (message: BusMessage): void => {
    const topic = topics.parse(message.topic);
    // An empty payload clears a retained message; it says nothing.
    if (topic === null || message.payload.length === 0) return;
    if (topic.kind === 'status' || topic.kind === 'info' || topic.kind === 'catalog') handlers[topic.kind](topic.host, message);
  };
  const strangers = keepStrangers(live, counters, handle);
  const { statuses, infos, catalogs } = topics.filters;
  const filters = { status: statuses, info: infos, catalog: catalogs };
  for (const kind of kinds) await bus.subscribe(filters[kind], handle);
}

function arrivalOf({ receivedAt, retained }: BusMessage): Arrival {
  return { receivedAt, retained };
}
