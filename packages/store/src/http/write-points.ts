import { groupPoints, type LineError, type Precision, parseLines } from '../line-protocol/index.ts';
import type { RejectedField, SeriesStore } from '../series-store.ts';

/** Reasons are shown up to here; a client that sends garbage need not get all of it back. */
const MAX_REASONS = 20;
const MAX_REASON_LENGTH = 500;

/** Writes line protocol. Null: all of it is stored; else InfluxDB's message of a partial write (the rest is stored). */
export async function writePoints(
  store: SeriesStore,
  database: string,
  text: string,
  precision: Precision,
  nowMs: number,
): Promise<string | null> {
  const { points, errors } = parseLines(text, precision, nowMs);
  if (points.length === 0) return errors.length === 0 ? null : reasons(errors);
  const { rejected } = await store.write(groupPoints(points, database));
  if (errors.length === 0 && rejected.length === 0) return null;
  const refused = rejected.slice(0, MAX_REASONS).map(refusal);
  return `partial write: ${[...(errors.length === 0 ? [] : [reasons(errors)]), ...new Set(refused)].join('\n')} dropped=${rejected.length}`;
}

/** In words that InfluxDB's clients know. */
function refusal({ code, message }: RejectedField): string {
  if (code === 'type-conflict') return `field type conflict: ${message}`;
  return code === 'max-series' ? `max-series-per-database limit exceeded: ${message}` : message;
}

function reasons(errors: readonly LineError[]): string {
  const shown = errors.slice(0, MAX_REASONS).map(({ message }) => message.slice(0, MAX_REASON_LENGTH));
  return (errors.length > MAX_REASONS ? [...shown, `and ${errors.length - MAX_REASONS} more lines`] : shown).join('\n');
}
