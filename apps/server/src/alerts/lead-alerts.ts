import { type Alerting, createAlerting, type Rule } from '@hostwire/alerting';
import { type Counters, TIERS, type Topics } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { LiveState } from '../live/live-state.ts';
import type { BrokerLink, Will } from '../roles/broker-link.ts';
import type { Term } from './leadership.ts';

export interface LeadAlertsOptions {
  readonly rules: readonly Rule[];
  readonly registry: Pick<Registry, 'alerts' | 'hosts'>;
  readonly topics: Topics;
  readonly live: LiveState;
  /** A connection of its own: the will of the server's status is the leader's alone. */
  readonly link: (will: Will) => BrokerLink;
  /** Since when the live state hears all hosts; null: it does not now. */
  readonly listeningSince: () => number | null;
  readonly counters: Counters;
  readonly logger: Logger;
}

export interface AlertsTerm extends Term {
  readonly alerting: Alerting;
  /** A host was removed: what is kept of it at the broker goes. */
  forgetHost(host: string): Promise<void>;
}

/** Evaluates alerts, and publishes them and the server's own status, until the term ends. */
export async function leadAlerts(options: LeadAlertsOptions, isLeader: () => boolean): Promise<AlertsTerm> {
  const { rules, registry, topics, live, listeningSince, counters, logger } = options;
  const { serverStatus } = topics;
  const link = options.link({ topic: serverStatus, payload: 'offline' });
  const say = async (status: 'online' | 'offline'): Promise<void> => {
    if (!isLeader()) return;
    try {
      await link.bus.publish(serverStatus, status, { qos: 1, retain: true });
    } catch (error) {
      counters.add('status_publish_failed');
      logger.debug({ err: error }, `the server's own status ${status} was not published`);
    }
  };
  const alerting = createAlerting({
    rules,
    registry: registry.alerts,
    bus: link.bus,
    topics,
    logger,
    hosts: () => live.hosts(),
    counters,
    mayAct: isLeader,
    listeningSince,
    onConnect: (listener) => link.onConnect(listener),
  });
  try {
    await alerting.start();
    link.onConnect(() => void say('online'));
    // The will of a leader before this one may come late, after this one's own word.
    const stopListening = await link.bus.subscribe(serverStatus, ({ payload }) => {
      if (Buffer.from(payload).toString('latin1') === 'offline') void say('online');
    });
    await forgetRemoved(alerting, registry);
    return {
      alerting,
      async forgetHost(host) {
        await alerting.forgetHost(host);
        const kept = [topics.status(host), topics.info(host), topics.catalog(host), ...TIERS.map((tier) => topics.sample(host, tier))];
        for (const topic of isLeader() ? kept : []) {
          await link.bus.publish(topic, '', { qos: 1, retain: true }).catch(() => counters.add('alert_publish_failed'));
        }
      },
      async end(lost) {
        // What waits for a broker that hangs must not keep this process from leading again.
        if (lost) await link.close();
        await stopListening().catch(() => undefined);
        await alerting.close();
        if (lost) return;
        await say('offline');
        await link.close();
      },
    };
  } catch (error) {
    await alerting.close();
    await link.close();
    throw error;
  }
}

/** Hosts that were removed while nobody led. */
async function forgetRemoved(alerting: Alerting, { hosts }: Pick<Registry, 'hosts'>): Promise<void> {
  const known = new Set((await hosts.list()).map(({ host }) => host));
  const gone = alerting.list().filter(({ host, state }) => state !== 'resolved' && !known.has(host));
  for (const host of new Set(gone.map((alert) => alert.host))) await alerting.forgetHost(host);
}
