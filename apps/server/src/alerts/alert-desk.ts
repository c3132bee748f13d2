import type { AlertEvent, Alerting } from '@hostwire/alerting';

/** Alerts as the API shows them and people change them, wherever they are evaluated. */
export type AlertDesk = Pick<Alerting, 'list' | 'firing' | 'acknowledge' | 'unacknowledge' | 'onEvent'>;

export interface SwitchedDesk extends AlertDesk {
  /** While this process leads, its own evaluation is the desk; null: another's is followed. */
  lead(alerting: AlertDesk | null): void;
}

/** The desk of the leader while that is this process, otherwise of who follows it. */
export function switchedDesk(followed: AlertDesk): SwitchedDesk {
  const listeners = new Set<(event: AlertEvent) => void>();
  const tell = (event: AlertEvent): void => {
    for (const listener of listeners) listener(event);
  };
  let desk = followed;
  let stop = followed.onEvent(tell);
  return {
    lead(alerting) {
      stop();
      desk = alerting ?? followed;
      stop = desk.onEvent(tell);
    },
    list: () => desk.list(),
    firing: (host) => desk.firing(host),
    acknowledge: (id, by, note) => desk.acknowledge(id, by, note),
    unacknowledge: (id) => desk.unacknowledge(id),
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
