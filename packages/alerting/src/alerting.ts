import { Counters, type Topics } from '@hostwire/model';
import type { Acknowledgement, AlertRecord, AlertRegistry } from '@hostwire/registry';
import type { MessageBus } from '@hostwire/transport';
import { alertPayload, sameAcknowledgement } from './alert-body.ts';
import { alertId, type Evaluation, endAlert, evaluate } from './evaluate.ts';
import { type HostView, observe } from './observe.ts';
import { isFor, type Rule, type Severity } from './rule.ts';

/** What listeners hear. `alert_cleared` also tells of a pending alert that was dropped before it fired. */
export interface AlertEvent {
  readonly event: 'alert_new' | 'alert_update' | 'alert_cleared';
  readonly alert: AlertRecord;
}

/** The few methods of a logger that are used here. */
export interface AlertLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface AlertingOptions {
  readonly rules: readonly Rule[];
  readonly registry: AlertRegistry;
  readonly bus: MessageBus;
  readonly topics: Topics;
  readonly logger: AlertLog;
  /** The live state, asked at every evaluation. */
  readonly hosts: () => Iterable<HostView>;
  readonly counters?: Counters;
  /**
   * Since when this process has heard all that hosts say, ms since the epoch; null: it does not hear them now, and nothing
   * is evaluated. Absent: from the start on.
   */
  readonly listeningSince?: () => number | null;
  /** False once another process leads: from then on nothing is evaluated, published or saved. */
  readonly mayAct?: () => boolean;
  /** Calls the listener at each connection of `bus` to its broker, at once if there is one. Absent: it is always there. */
  readonly onConnect?: (listener: () => void) => () => void;
  /** Ms since the epoch. */
  readonly now?: () => number;
  /** Ms between evaluations; default 1000. */
  readonly everyMs?: number;
}

export interface Alerting {
  /** Loads what was pending or firing, publishes the retained topics, now and at each connection, begins to evaluate. */
  start(): Promise<void>;
  /** Pending, firing, and what resolved within the last day. */
  list(): AlertRecord[];
  /** Firing alerts of a host by severity. */
  firing(host: string): Readonly<Record<Severity, number>>;
  /** Changes that the registry has not taken yet. */
  unsaved(): number;
  /** Null if there is no such alert or it is not firing. Throws if the registry does not take it. */
  acknowledge(id: string, by: string, note: string | null): Promise<AlertRecord | null>;
  unacknowledge(id: string): Promise<AlertRecord | null>;
  /** Forgets a host's alerts and clears their topics: it was removed. */
  forgetHost(host: string): Promise<void>;
  onEvent(listener: (event: AlertEvent) => void): () => void;
  /** One evaluation of every rule on every host; `start` calls it in a rhythm. */
  tick(): Promise<void>;
  close(): Promise<void>;
}

const KEEP_RESOLVED_MS = 24 * 3_600_000;
/** Evaluations further apart than this were not just late. */
const MAX_GAP_MS = 10_000;
/** Values that move are kept in this rhythm, for those who read alerts from the registry. */
const SAVE_VALUES_MS = 5000;

/** Evaluates the rules over the live state, keeps what it found in the registry, and publishes the retained alert topics. */
export function createAlerting(options: AlertingOptions): Alerting {
  const { rules, registry, bus, topics, logger, hosts, counters = new Counters(), now = Date.now, everyMs = 1000 } = options;
  const { mayAct = () => true, onConnect = callNow } = options;
  const alerts = new Map<string, AlertRecord>();
  const unsaved = new Map<string, AlertRecord>();
  /** What resolved today and is pending again under the same id: it comes back if that comes to nothing. */
  const resolvedBefore = new Map<string, AlertRecord>();
  const listeners = new Set<(event: AlertEvent) => void>();
  /** Values that moved since they were saved. */
  const moved = new Set<string>();
  let startedAt = now();
  let tickedAt = startedAt;
  let valuesSavedAt = startedAt;
  let timer: NodeJS.Timeout | null = null;
  let running: Promise<void> = Promise.resolve();
  let dropRetained: (() => Promise<void>) | null = null;
  let stopRepublishing: () => void = () => undefined;
  let saveFailed = false;

  const emit = (event: AlertEvent['event'], alert: AlertRecord): void => {
    for (const listener of listeners) {
      try {
        listener({ event, alert });
      } catch (error) {
        logger.warn({ alert: alert.id, err: error }, 'a listener of alerts threw');
      }
    }
  };

  const keep = (alert: AlertRecord): void => {
    alerts.set(alert.id, alert);
    unsaved.set(alert.id, alert);
  };

  // A firing alert is retained; a resolved one is said once to those who listen, and its retained copy is cleared.
  const publish = async (alert: AlertRecord): Promise<void> => {
    if (!mayAct()) return;
    const topic = topics.alert(alert.host, alert.id);
    try {
      if (alert.state === 'firing') await bus.publish(topic, alertPayload(alert), { qos: 1, retain: true });
      if (alert.state === 'resolved') {
        await bus.publish(topic, alertPayload(alert), { qos: 1, retain: false });
        await bus.publish(topic, '', { qos: 1, retain: true });
      }
    } catch (error) {
      counters.add('alert_publish_failed');
      logger.warn({ alert: alert.id, err: error }, 'alert topic not published; it is published again when the broker is back');
    }
  };

  const save = async (): Promise<void> => {
    if (unsaved.size === 0 || !mayAct()) return;
    const batch = [...unsaved.values()];
    try {
      await registry.save(batch);
      for (const alert of batch) if (unsaved.get(alert.id) === alert) unsaved.delete(alert.id);
      saveFailed = false;
    } catch (error) {
      counters.add('alert_save_failed');
      if (!saveFailed) logger.warn({ err: error }, 'alert state not saved; kept in memory and tried again every second');
      saveFailed = true;
    }
  };

  const apply = async ({ alert, change }: Evaluation): Promise<void> => {
    if (change === null) {
      const known = alerts.get(alert.id);
      if (known?.value !== alert.value || known.summary !== alert.summary) moved.add(alert.id);
      alerts.set(alert.id, alert);
      return;
    }
    counters.add(`alert_changes{change="${change}"}`);
    if (change === 'dropped') {
      const before = resolvedBefore.get(alert.id);
      resolvedBefore.delete(alert.id);
      const dropped: AlertRecord = before ?? { ...alert, state: 'resolved', resolvedAt: now() };
      if (before === undefined) alerts.delete(alert.id);
      else alerts.set(alert.id, before);
      unsaved.set(alert.id, dropped);
      emit('alert_cleared', dropped);
      return;
    }
    const known = alerts.get(alert.id);
    if (change === 'pending' && known?.state === 'resolved') resolvedBefore.set(alert.id, known);
    keep(alert);
    if (change === 'pending') return;
    resolvedBefore.delete(alert.id);
    logger.info({ alert: alert.id, value: alert.value, threshold: alert.threshold }, `alert ${change}: ${alert.host}: ${alert.summary}`);
    emit(change === 'firing' ? 'alert_new' : 'alert_cleared', alert);
    await publish(alert);
  };

  /** What was acknowledged in another process. */
  const takeAcknowledgements = async (): Promise<void> => {
    if (![...alerts.values()].some(({ state }) => state === 'firing')) return;
    const known = await registry.list().catch(() => {
      counters.add('alert_read_failed');
      return [];
    });
    for (const saved of known) {
      const alert = alerts.get(saved.id);
      if (alert?.state !== 'firing' || alert.firedAt !== saved.firedAt || sameAcknowledgement(alert, saved)) continue;
      const { acknowledgedAt, acknowledgedBy, note } = saved;
      const changed: AlertRecord = { ...alert, acknowledgedAt, acknowledgedBy, note };
      alerts.set(alert.id, changed);
      emit('alert_update', changed);
      await publish(changed);
    }
  };

  const noteValues = (at: number): void => {
    if (at >= valuesSavedAt && at - valuesSavedAt < SAVE_VALUES_MS) return;
    valuesSavedAt = at;
    for (const id of moved) {
      const alert = alerts.get(id);
      if (alert !== undefined && alert.state !== 'resolved') unsaved.set(id, alert);
    }
    moved.clear();
  };

  /** The host has left the rule's groups, or lost a label that the rule asks for. */
  const endAlertsOf = async (rule: Rule, host: string, at: number): Promise<void> => {
    for (const alert of alerts.values()) {
      const evaluation = alert.rule === rule.name && alert.host === host ? endAlert(alert, at) : null;
      if (evaluation !== null && mayAct()) await apply(evaluation);
    }
  };

  const evaluateAll = async (): Promise<void> => {
    const listening = options.listeningSince?.();
    if (!mayAct() || listening === null) return;
    const at = now();
    await takeAcknowledgements();
    // Who was not heard while nobody listened was not silent.
    startedAt = Math.max(startedAt, listening ?? 0);
    // This process slept or its clock was set: the time between was not silence of the hosts.
    if (at < tickedAt || at - tickedAt > MAX_GAP_MS + everyMs) startedAt = at;
    tickedAt = at;
    for (const view of hosts()) {
      for (const rule of rules) {
        if (!isFor(rule, view)) {
          await endAlertsOf(rule, view.host, at);
          continue;
        }
        for (const observation of observe(rule, view, at, startedAt)) {
          const previous = alerts.get(alertId(rule, view.host, observation.labels)) ?? null;
          const evaluation = evaluate(rule, observation, previous, at);
          if (evaluation !== null && mayAct()) await apply(evaluation);
        }
      }
    }
    for (const [id, alert] of alerts) {
      if (alert.state === 'resolved' && at - (alert.resolvedAt ?? 0) > KEEP_RESOLVED_MS) alerts.delete(id);
    }
    noteValues(at);
    await save();
  };

  // What goes wrong in one evaluation must not end all others.
  const tick = (): Promise<void> => {
    running = running.then(evaluateAll).catch((error: unknown) => {
      counters.add('alert_evaluation_failed');
      logger.warn({ err: error }, 'alerts not evaluated; tried again at the next turn');
    });
    return running;
  };

  const update = async (id: string, acknowledgement: Acknowledgement | null): Promise<AlertRecord | null> => {
    if (alerts.get(id)?.state !== 'firing' || !mayAct()) return null;
    // It may have fired a moment ago.
    await save();
    const saved = await registry.saveAcknowledgement(id, acknowledgement);
    const alert = alerts.get(id);
    if (saved === null || alert?.state !== 'firing') return null;
    const { acknowledgedAt, acknowledgedBy, note } = saved;
    const changed = { ...alert, acknowledgedAt, acknowledgedBy, note };
    alerts.set(id, changed);
    emit('alert_update', changed);
    await publish(changed);
    return changed;
  };

  // Retained is not storage: a broker that lost what it kept, or never had it, is told again.
  const publishFiring = async (): Promise<void> => {
    for (const alert of [...alerts.values()]) if (alert.state === 'firing') await publish(alert);
  };

  return {
    async start() {
      // One that stood by heard the hosts before it leads.
      startedAt = options.listeningSince?.() ?? now();
      tickedAt = now();
      const forMs = new Map(rules.map((rule) => [rule.name, rule.forMs]));
      for (const alert of await registry.list(now() - KEEP_RESOLVED_MS)) {
        const pendingMs = forMs.get(alert.rule);
        // It was pending and came to nothing.
        if (alert.state === 'resolved' && alert.firedAt === null) continue;
        // A rule that is gone has nobody to resolve its alerts.
        if (pendingMs === undefined && alert.state !== 'resolved') keep({ ...alert, state: 'resolved', resolvedAt: tickedAt });
        // Nobody knows whether the condition held while no server ran for so long.
        else if (alert.state === 'pending' && tickedAt - alert.since >= (pendingMs ?? 0)) keep({ ...alert, since: tickedAt });
        else alerts.set(alert.id, alert);
      }
      let published: Promise<void> = Promise.resolve();
      stopRepublishing = onConnect(() => {
        published = published.then(publishFiring);
      });
      await published;
      // What the broker still holds of others is cleared, also after each connection.
      dropRetained = await bus.subscribe(`${topics.root}/v1/+/alert/+`, ({ topic, payload, retained }) => {
        const parsed = topics.parse(topic);
        if (!retained || payload.length === 0 || parsed?.kind !== 'alert' || alerts.get(parsed.id)?.state === 'firing') return;
        if (!mayAct()) return;
        bus.publish(topic, '', { qos: 1, retain: true }).catch(() => counters.add('alert_publish_failed'));
      });
      await save();
      timer = setInterval(() => void tick(), everyMs);
      timer.unref();
    },
    list: () => [...alerts.values()],
    unsaved: () => unsaved.size,
    firing(host) {
      const count = { critical: 0, warning: 0, info: 0 };
      for (const alert of alerts.values()) if (alert.host === host && alert.state === 'firing') count[alert.severity]++;
      return count;
    },
    acknowledge: (id, by, note) => update(id, { at: now(), by, note }),
    unacknowledge: (id) => update(id, null),
    async forgetHost(host) {
      for (const alert of [...alerts.values()].filter((entry) => entry.host === host && entry.state !== 'resolved')) {
        const resolved: AlertRecord = { ...alert, state: 'resolved', resolvedAt: now() };
        keep(resolved);
        emit('alert_cleared', resolved);
        await publish(resolved);
      }
      await save();
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    tick,
    async close() {
      if (timer !== null) clearInterval(timer);
      stopRepublishing();
      await running;
      await dropRetained?.();
      await save();
    },
  };
}

function callNow(listener: () => void): () => void {
  listener();
  return () => undefined;
}
