import type { AlertRecord, Severity } from '@hostwire/registry';

/** Whether two records of one firing say the same of who looks after it. */
export function sameAcknowledgement(a: AlertRecord, b: AlertRecord): boolean {
  return a.acknowledgedAt === b.acknowledgedAt && a.acknowledgedBy === b.acknowledgedBy && a.note === b.note;
}

/** The payload of an alert's topic, as JSON: the record with snake_case names, times in ms since the epoch. */
export function alertPayload(alert: AlertRecord): string {
  return JSON.stringify(toAlertBody(alert));
}

/** An alert as MQTT, the API and the WebSocket show it. */
export function toAlertBody(alert: AlertRecord): {
  id: string;
  rule: string;
  host: string;
  severity: Severity;
  state: AlertRecord['state'];
  labels: Record<string, string>;
  summary: string;
  measurement: string | null;
  field: string | null;
  where: Record<string, string>;
  value: number | null;
  threshold: number | null;
  unit: string | null;
  since: number;
  fired_at: number | null;
  resolved_at: number | null;
  acknowledged_at: number | null;
  acknowledged_by: string | null;
  note: string | null;
} {
  const { firedAt, resolvedAt, acknowledgedAt, acknowledgedBy, labels, where, ...same } = alert;
  return {
    ...same,
    labels: { ...labels },
    where: { ...where },
    fired_at: firedAt,
    resolved_at: resolvedAt,
    acknowledged_at: acknowledgedAt,
    acknowledged_by: acknowledgedBy,
  };
}
