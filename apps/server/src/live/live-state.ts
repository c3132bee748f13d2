import type { HostConflict } from '@hostwire/alerting';
import type { HostInfo, Row, Sample } from '@hostwire/model';
import type { HostRecord } from '@hostwire/registry';
import type { CatalogIndex } from './catalog-index.ts';
import { type Arrival, HostLive } from './host-live.ts';

/** What listeners of samples hear: the rows of this sample, and the rates that it made. */
export interface LiveSample {
  readonly sample: Sample;
  /** Computed when asked for. */
  rates(): Readonly<Record<string, readonly Row[]>>;
}

/** The newest of every host, in memory: what the dashboard shows and what alerts are evaluated on. */
export interface LiveState {
  readonly catalogs: CatalogIndex;
  hosts(): IterableIterator<HostLive>;
  get(host: string): HostLive | undefined;
  /** Makes the hosts those of the registry, with its groups and labels: new ones appear, removed ones go; returns those that went. */
  sync(records: readonly HostRecord[]): string[];
  /** What was written of a host just now, before the next `sync` brings it. */
  regroup(record: HostRecord): void;
  /** Messages of hosts that are not enrolled are left out: false. */
  applySample(sample: Sample, arrival: Arrival): boolean;
  applyStatus(host: string, status: 'online' | 'offline', arrival: Arrival): boolean;
  applyInfo(host: string, info: HostInfo, arrival: Arrival): boolean;
  /** A live message that says no more than that its agent is there. */
  applySignOfLife(host: string, receivedAt: number): boolean;
  /** Called with the name of a host of which something changed (also when it is new or gone). */
  onChange(listener: (host: string) => void): () => void;
  onSample(listener: (sample: LiveSample) => void): () => void;
}

/** Is told what is live, and says which hosts are two. */
export interface Identities {
  sawConnect(host: string, run: string, receivedAt: number): unknown;
  sawSample(sample: Sample, receivedAt: number): unknown;
  conflictOf(host: string): HostConflict | null;
}

const ALL_ARE_ONE: Identities = { sawConnect: () => null, sawSample: () => null, conflictOf: () => null };

export function createLiveState(catalogs: CatalogIndex, identities: Identities = ALL_ARE_ONE): LiveState {
  const hosts = new Map<string, HostLive>();
  const changeListeners = new Set<(host: string) => void>();
  const sampleListeners = new Set<(sample: LiveSample) => void>();
  const stateOf = (host: string) => hosts.get(host)?.state;
  const states = new Map<string, HostLive['state'] | undefined>();
  const changed = (host: string): void => {
    for (const listener of changeListeners) listener(host);
    const state = stateOf(host);
    if (states.get(host) === state) return;
    if (state === undefined) states.delete(host);
    else states.set(host, state);
    // What is known of a host behind a gateway is known by it.
    for (const live of hosts.values()) if (live.gateway === host) for (const listener of changeListeners) listener(live.host);
  };

  return {
    catalogs,
    hosts: () => hosts.values(),
    get: (host) => hosts.get(host),
    sync(records) {
      const known = new Set(records.map(({ host }) => host));
      const gone = [...hosts.keys()].filter((host) => !known.has(host));
      for (const host of gone) hosts.delete(host);
      for (const record of records) {
        const live = hosts.get(record.host);
        if (live === undefined) hosts.set(record.host, new HostLive(record, catalogs, (host) => identities.conflictOf(host), stateOf));
        if (live === undefined || live.regroup(record)) changed(record.host);
      }
      for (const host of gone) changed(host);
      return gone;
    },
    regroup(record) {
      if (hosts.get(record.host)?.regroup(record) === true) changed(record.host);
    },
    applySample(sample, arrival) {
      const live = hosts.get(sample.host);
      if (live === undefined) return false;
      if (!arrival.retained && sample.backfill !== true) identities.sawSample(sample, arrival.receivedAt);
      if (!live.applySample(sample, arrival)) return true;
      changed(sample.host);
      if (sampleListeners.size > 0 && !arrival.retained) {
        const rates = (): Record<string, readonly Row[]> =>
          Object.fromEntries(Object.keys(sample.data).map((name) => [name, live.rates(name)]));
        for (const listener of sampleListeners) listener({ sample, rates });
      }
      return true;
    },
    applyStatus(host, status, arrival) {
      const live = hosts.get(host);
      live?.applyStatus(status, arrival);
      if (live !== undefined) changed(host);
      return live !== undefined;
    },
    applySignOfLife(host, receivedAt) {
      const live = hosts.get(host);
      live?.applySignOfLife(receivedAt);
      if (live !== undefined) changed(host);
      return live !== undefined;
    },
    applyInfo(host, info, arrival) {
      const live = hosts.get(host);
      if (live === undefined) return false;
      if (!arrival.retained) identities.sawConnect(host, info.run, arrival.receivedAt);
      live.applyInfo(info, arrival);
      changed(host);
      return true;
    },
    onChange(listener) {
      changeListeners.add(listener);
      return () => changeListeners.delete(listener);
    },
    onSample(listener) {
      sampleListeners.add(listener);
      return () => sampleListeners.delete(listener);
    },
  };
}
