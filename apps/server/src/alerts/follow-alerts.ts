import type { AlertEvent } from '@hostwire/alerting';
import { sameAcknowledgement } from '@hostwire/alerting';
import type { Counters, Topics } from '@hostwire/model';
import type { AlertRecord, AlertRegistry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { MessageBus } from '@hostwire/transport';
import type { AlertDesk } from './alert-desk.ts';

export interface FollowOptions {
  readonly registry: AlertRegistry;
  readonly bus: Pick<MessageBus, 'subscribe'>;
  readonly topics: Topics;
  readonly counters: Counters;
  readonly logger: Logger;
  /** False while this process leads itself: then nothing is read. */
  readonly isNeeded: () => boolean;
  readonly everyMs?: number;
}

export interface FollowedAlerts extends AlertDesk {
  close(): Promise<void>;
}

const EVERY_MS = 1000;
/** From the word on the topic to what is saved of it. */
const SOON_MS = 150;
const DAY_MS = 86_400_000;

/** The alerts of a leader in another process, out of the registry; their topics only say when to look. */
export async function followAlerts(options: FollowOptions): Promise<FollowedAlerts> {
  const { registry, bus, topics, counters, logger, isNeeded, everyMs = EVERY_MS } = options;
  const listeners = new Set<(event: AlertEvent) => void>();
  let alerts: ReadonlyMap<string, AlertRecord> | null = null;
  let failing = false;

  const read = async (): Promise<void> => {
    if (!isNeeded()) {
      alerts = null;
      return;
    }
    try {
      const saved = await registry.list(Date.now() - DAY_MS);
      // What was pending and came to nothing is saved as resolved, and was never an alert.
      const next = new Map(
        saved.filter(({ state, firedAt }) => state !== 'resolved' || firedAt !== null).map((alert) => [alert.id, alert]),
      );
      const events = alerts === null ? [] : differences(alerts, next);
      alerts = next;
      for (const event of events) for (const listener of listeners) listener(event);
      failing = false;
    } catch (error) {
      counters.add('alert_read_failed');
      if (!failing) logger.warn({ err: error }, 'alerts were not read; those known before are shown');
      failing = true;
    }
  };
  let reading: Promise<void> = Promise.resolve();
  const look = (): Promise<void> => {
    reading = reading.then(read);
    return reading;
  };
  const timer = setInterval(() => void look(), everyMs);
  timer.unref();
  let soon: NodeJS.Timeout | undefined;
  const unsubscribe = await bus.subscribe(`${topics.root}/v1/+/alert/+`, ({ retained }) => {
    if (retained || soon !== undefined || !isNeeded()) return;
    soon = setTimeout(() => {
      soon = undefined;
      void look();
    }, SOON_MS);
  });
  await look();

  const save = async (...change: Parameters<AlertRegistry['saveAcknowledgement']>): Promise<AlertRecord | null> => {
    const saved = await registry.saveAcknowledgement(...change);
    await look();
    return saved;
  };
  return {
    list: () => [...(alerts?.values() ?? [])],
    firing(host) {
      const count = { critical: 0, warning: 0, info: 0 };
      for (const alert of alerts?.values() ?? []) if (alert.host === host && alert.state === 'firing') count[alert.severity]++;
      return count;
    },
    acknowledge: (id, by, note) => save(id, { at: Date.now(), by, note }),
    unacknowledge: (id) => save(id, null),
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      clearInterval(timer);
      clearTimeout(soon);
      await unsubscribe().catch(() => undefined);
      await reading;
    },
  };
}

function differences(before: ReadonlyMap<string, AlertRecord>, after: ReadonlyMap<string, AlertRecord>): AlertEvent[] {
  const events: AlertEvent[] = [];
  for (const [id, alert] of after) {
    const known = before.get(id);
    if (alert.state === 'firing') {
      if (known?.state !== 'firing' || known.firedAt !== alert.firedAt) events.push({ event: 'alert_new', alert });
      else if (!sameAcknowledgement(known, alert)) events.push({ event: 'alert_update', alert });
    } else if (alert.state === 'resolved' && known !== undefined && known.state !== 'resolved')
      events.push({ event: 'alert_cleared', alert });
  }
  for (const [id, alert] of before) {
    if (!after.has(id) && alert.state !== 'resolved') events.push({ event: 'alert_cleared', alert: { ...alert, state: 'resolved' } });
  }
  return events;
}
