import { createHash } from 'node:crypto';
import type { AlertRecord } from '@hostwire/registry';
import type { Observation } from './observe.ts';
import type { Rule } from './rule.ts';

/** What `evaluate` decided of one alert; `change` is null if only its value moved. */
export interface Evaluation {
  readonly alert: AlertRecord;
  readonly change: 'pending' | 'firing' | 'resolved' | 'dropped' | null;
}

/**
 * The next state of one alert, as Prometheus has it: inactive -> pending -> firing -> resolved. Pure: it depends on
 * nothing but its arguments. Null: inactive before and after.
 * - pending turns to firing when the condition has held for `forMs`; what stops holding before that is dropped.
 * - firing resolves only when the observation clears (its own threshold); between the two it stays.
 * - no data changes nothing: it is never "ok". But what was pending on a host that fell silent is dropped: it will not be
 *   known whether it held.
 */
export function evaluate(rule: Rule, observation: Observation, previous: AlertRecord | null, now: number): Evaluation | null {
  const active = previous !== null && previous.state !== 'resolved' ? previous : null;
  if (active === null) {
    if (observation.holds !== true) return null;
    const since = Math.min(observation.since ?? now, now);
    const alert = begin(rule, observation, since, now);
    return now - since >= rule.forMs ? { alert: fire(alert, now), change: 'firing' } : { alert, change: 'pending' };
  }
  if (observation.holds === null) return { alert: active, change: active.state === 'pending' && observation.lost ? 'dropped' : null };
  // A conflict that is over has no runs to name: the summary goes on saying what fired.
  const isOver = rule.condition === 'conflict' && !observation.holds;
  const summary = !isOver ? summarise(rule, observation, active.since, now) : active.summary;
  const current = { ...active, value: observation.value, summary };
  if (active.state === 'pending') {
    if (!observation.holds) return { alert: current, change: 'dropped' };
    return now - active.since >= rule.forMs ? { alert: fire(current, now), change: 'firing' } : { alert: current, change: null };
  }
  if (observation.clears) {
    return { alert: { ...active, value: observation.value, state: 'resolved', resolvedAt: now }, change: 'resolved' };
  }
  return { alert: current, change: null };
}

/** What becomes of an alert whose rule is no longer one for its host: it says what it said last, and is over. */
export function endAlert(alert: AlertRecord, now: number): Evaluation | null {
  if (alert.state === 'resolved') return null;
  return { alert: { ...alert, state: 'resolved', resolvedAt: now }, change: alert.state === 'firing' ? 'resolved' : 'dropped' };
}

/** A topic level of ours is at most this long. */
const MAX_ID_LENGTH = 128;

/**
 * `<rule>.<host>`, then the values of the labels, in characters that are safe in a topic and a URL. A label holds no dot:
 * host `a` with label `b.c` must not be able to speak for host `a.b` with label `c`.
 */
export function alertId(rule: Rule, host: string, labels: Readonly<Record<string, string>>): string {
  const values = Object.keys(labels)
    .sort()
    .map((name) => toIdPart(labels[name] ?? ''));
  const id = [rule.name, host, ...values].join('.');
  if (id.length <= MAX_ID_LENGTH) return id;
  const digest = createHash('sha256').update(id).digest('hex').slice(0, 16);
  return `${id.slice(0, MAX_ID_LENGTH - digest.length - 1)}.${digest}`;
}

/** Bytes of UTF-8 that are not safe become `:` and two hex digits, so that different values stay different. */
function toIdPart(value: string): string {
  return value.replace(/[^A-Za-z0-9_-]+/g, (part) => Buffer.from(part, 'utf8').toString('hex').replace(/../g, ':$&'));
}

function begin(rule: Rule, observation: Observation, since: number, now: number): AlertRecord {
  const judged =
    rule.condition === 'offline' || rule.condition === 'conflict'
      ? { measurement: null, field: null, where: {}, threshold: null, unit: null }
      : {
          measurement: rule.measurement,
          field: rule.field,
          where: { ...rule.where, ...observation.labels },
          threshold: rule.threshold,
          unit: rule.unit,
        };
  return {
    id: alertId(rule, observation.host, observation.labels),
    rule: rule.name,
    host: observation.host,
    severity: rule.severity,
    state: 'pending',
    labels: observation.labels,
    summary: summarise(rule, observation, since, now),
    value: observation.value,
    ...judged,
    since,
    firedAt: null,
    resolvedAt: null,
    acknowledgedAt: null,
    acknowledgedBy: null,
    note: null,
  };
}

function fire(alert: AlertRecord, now: number): AlertRecord {
  return { ...alert, state: 'firing', firedAt: now };
}

function summarise(rule: Rule, observation: Observation, since: number, now: number): string {
  return rule.summary.replace(/\{(\w+)\}/g, (whole, name: string) => {
    if (name === 'value') return observation.value === null ? 'unknown' : threeDigits(observation.value);
    if (name === 'threshold') return 'threshold' in rule ? String(rule.threshold) : whole;
    if (name === 'host') return observation.host;
    if (name === 'age') return age(now - since);
    if (name === 'duration') return observation.value === null ? 'unknown' : duration(observation.value);
    return observation.labels[name] ?? observation.words?.[name] ?? whole;
  });
}

function threeDigits(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function age(ms: number): string {
  return duration(Math.max(0, ms / 1000));
}

/** Seconds in their largest whole unit: `13d`, `-2h`. */
function duration(value: number): string {
  if (value < 0) return `-${duration(-value)}`;
  const seconds = Math.floor(value);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
