import { ParseError, quote } from '../proc-text.ts';
import { joinPath, type PoolStatus, type Scan, type Vdev } from './pool-status.ts';

type Json = Readonly<Record<string, unknown>>;

/** Words of the JSON form for what the text form calls otherwise: it does not know why a device is closed. */
const STATES: Readonly<Record<string, string>> = { HEALTHY: 'ONLINE', CANT_OPEN: 'UNAVAIL', CLOSED: 'OFFLINE' };

/** Where the devices stand that are not in the tree, and the text form's heading of them. */
const CLASSES = { logs: 'logs', l2cache: 'cache', spares: 'spares', special: 'special', dedup: 'dedup' } as const;

/** `zpool status -j --json-int -p` of OpenZFS 2.3 and later (zpool-status(8), output version 0.1). Throws ParseError. */
export function parseStatusJson(text: string): PoolStatus[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new ParseError(`zpool status -j: ${quote(text)} is not JSON`);
  }
  const pools = isObject(parsed) ? parsed['pools'] : undefined;
  if (!isObject(pools)) throw new ParseError(`zpool status -j: ${quote(text)} has no pools`);
  return Object.entries(pools).flatMap(([pool, status]) => {
    if (!isObject(status)) return [];
    const errors = toCount(status['error_count']);
    const vdevs = [...tree(status['vdevs'], null)];
    for (const [key, heading] of Object.entries(CLASSES)) vdevs.push(...tree(status[key], heading));
    return [{ pool, ...(errors === undefined ? {} : { errors }), scans: toScans(status['scan_stats']), vdevs }];
  });
}

/** `above` null: these are the pools themselves, which have no path. */
function* tree(vdevs: unknown, above: string | null): Generator<Vdev> {
  if (!isObject(vdevs)) return;
  for (const [name, vdev] of Object.entries(vdevs)) {
    if (!isObject(vdev)) continue;
    const path = above === null ? '' : joinPath(above, name);
    const state = typeof vdev['state'] === 'string' ? vdev['state'] : '';
    const counts = { readErrors: 'read_errors', writeErrors: 'write_errors', checksumErrors: 'checksum_errors' };
    yield {
      path,
      state: Object.hasOwn(STATES, state) ? (STATES[state] ?? state) : state,
      ...Object.fromEntries(
        Object.entries(counts).flatMap(([field, key]) => {
          const count = toCount(vdev[key]);
          return count === undefined ? [] : [[field, count]];
        }),
      ),
    };
    yield* tree(vdev['vdevs'], path);
  }
}

const SCAN_STATES: Readonly<Record<string, Scan['state']>> = { SCANNING: 'running', FINISHED: 'finished', CANCELED: 'canceled' };

function toScans(stats: unknown): Scan[] {
  if (!isObject(stats)) return [];
  const kind = stats['function'] === 'SCRUB' ? 'scrub' : stats['function'] === 'RESILVER' ? 'resilver' : undefined;
  const word = String(stats['state']);
  const state = Object.hasOwn(SCAN_STATES, word) ? SCAN_STATES[word] : undefined;
  if (kind === undefined || state === undefined) return [];
  if (state === 'running') {
    const [issued, toExamine, skipped = 0] = [toCount(stats['issued']), toCount(stats['to_examine']), toCount(stats['skipped'])];
    const whole = (toExamine ?? 0) - skipped;
    const percent = issued !== undefined && whole > 0 ? { percent: Math.min(100, (100 * issued) / whole) } : {};
    return [{ kind, state: (toCount(stats['scrub_pause']) ?? 0) > 0 ? 'paused' : 'running', ...percent }];
  }
  const [errors, ended] = [toCount(stats['errors']), toCount(stats['end_time'])];
  return [
    { kind, state, ...(errors === undefined || state === 'canceled' ? {} : { errors }), ...(ended ? { endedAt: ended * 1000 } : {}) },
  ];
}

/** A whole number, as such or as text; what is written with a unit is not one. */
function toCount(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^[0-9]{1,16}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
