import type { Alert } from '../api/types.ts';
import type { Mark } from '../charts/draw.ts';

/** Alerts as flags on the charts: where each began to fire, and where it was resolved. */
export function marksOf(alerts: readonly Alert[]): Mark[] {
  return alerts.flatMap((alert): Mark[] => {
    if (alert.fired_at === null) return [];
    const fired: Mark = {
      time: alert.fired_at,
      tone: alert.severity === 'critical' ? 'crit' : alert.severity === 'warning' ? 'warn' : 'mute',
    };
    return alert.resolved_at === null ? [fired] : [fired, { time: alert.resolved_at, tone: 'mute' }];
  });
}

export interface HostEvent {
  readonly key: string;
  readonly time: number;
  readonly glyph: 'crit' | 'warn' | 'info' | 'done' | 'pending' | 'nodata';
  /** What it is about: the rule of an alert. */
  readonly subject: string;
  /** What became of it. */
  readonly words: string;
  readonly detail: string;
}

/** What happened on a host, newest first: alerts that began, were acknowledged, were resolved. */
export function eventsOf(alerts: readonly Alert[]): HostEvent[] {
  return alerts
    .flatMap((alert): HostEvent[] => {
      const glyph = alert.severity === 'critical' ? 'crit' : alert.severity === 'warning' ? 'warn' : 'info';
      const about = { subject: alert.rule.replaceAll('_', ' '), detail: alert.summary };
      const events: HostEvent[] = [];
      if (alert.fired_at === null) events.push({ key: `${alert.id} p`, time: alert.since, glyph: 'pending', ...about, words: 'pending' });
      else
        events.push({ key: `${alert.id} f`, time: alert.fired_at, glyph, ...about, words: alert.state === 'firing' ? 'firing' : 'fired' });
      if (alert.acknowledged_at !== null)
        events.push({
          key: `${alert.id} a`,
          time: alert.acknowledged_at,
          glyph: 'done',
          ...about,
          words: `acknowledged by ${alert.acknowledged_by ?? 'somebody'}`,
        });
      if (alert.resolved_at !== null)
        events.push({ key: `${alert.id} r`, time: alert.resolved_at, glyph: 'done', ...about, words: 'resolved' });
      return events;
    })
    .sort((a, b) => b.time - a.time);
}
