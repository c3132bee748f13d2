import type { GapBody, ProcessBody, ServerBody } from '../../server/src/api/process-schemas.ts';
import type { SeriesAnswerBody } from '../../server/src/api/schemas.ts';

/**
 * The server about itself. `well`: one process that does it all. `apart`: five processes on InfluxDB, which has been
 * down for a while: samples wait in the journals, and one process is not heard of any more.
 */
export type ServerStory = 'well' | 'apart' | 'failing';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Samples a second that the story's ingest processes take in. */
const RATE = 12.4;
/** The processes were started 9 h before the story. */
const started = Date.now() - 9 * HOUR;

type Parts = ProcessBody['parts'];

const process = (now: number, startedAt: number, rss: number): Parts[string] => ({
  resident_memory_bytes: Math.round(rss * 2 ** 20),
  uptime_seconds: Math.round((now - startedAt) / 1000),
  self_writes: Math.round((now - startedAt) / 30_000),
});

function ingest(now: number, startedAt: number, share: number): Parts[string] {
  const samples = Math.round(((now - startedAt) / 1000) * RATE * share);
  return {
    samples,
    points: samples * 21,
    clock: 3,
    invalid_json: 9,
    invalid_foreign_host: 2,
    invalid_too_large: 1,
    invalid_schema: 1,
    acks_failed: 0,
    rejected_fields_field_type: 4,
    dead_letters: 14,
  };
}

function broker(now: number, startedAt: number): Parts[string] {
  const messages = Math.round(((now - startedAt) / 1000) * RATE * 1.4);
  return {
    clients: 16,
    messages_received: messages,
    bytes_received: messages * 1840,
    refused_bad_token: 27,
    refused_unknown_host: 4,
    refused_timeout: 2,
    refused_foreign_topic: 1,
  };
}

export function storyServer(now: number, story: ServerStory): ServerBody {
  const one = (instance: string, roles: string[], parts: Parts, change: Partial<ProcessBody> = {}): ProcessBody => ({
    instance,
    roles,
    version: '0.1.0',
    started_at: started,
    last_seen: now,
    parts,
    degraded: [],
    ...change,
  });
  if (story !== 'apart') {
    const parts: Parts = {
      broker: broker(now, started),
      ingest: { ...ingest(now, started, 1), dead_letters: 0 },
      live: { hosts_online: 13, hosts_offline: 1, hosts_never_connected: 0 },
      alerting: { alert_changes_firing: 12, alert_changes_resolved: 9 },
      api: { ws_dropped_slow: 0, ws_dropped_silent: 1 },
      influx_http: { requests_read: 812, requests_write: 40 },
      store: {
        hot_rows: 18_412,
        hot_bytes: 61 * 2 ** 20,
        commits: Math.round(((now - started) / 1000) * 6.2),
        commit_ms: 4,
        failed_commits: 0,
        compactions: 214,
        compaction_ms: 912,
        file_bytes: 1.84 * 2 ** 30,
        series: 3120,
        queries: 40_211,
        query_restarts: 0,
      },
      process: process(now, started, 212),
    };
    return {
      now,
      processes: [one('nas/broker+ingest+alerts+api', ['broker', 'ingest', 'alerts', 'api'], parts)],
      gaps_24h: 0,
      dead_letters: 0,
    };
  }
  const down = now - 42 * MINUTE;
  const lag = now - down;
  const waiting = (share: number): Parts[string] => ({
    journal_accepting: 1,
    journal_bytes: Math.round(212e6 * share),
    journal_records: 31_248,
    journal_segments: 26,
    journal_io_errors: 0,
    journal_torn_tails: 0,
    journal_bad_segments: 0,
    journal_syncs: 88_211,
    journal_slowest_sync_ms: 41,
    drain_lag_ms: lag,
    drain_lag_samples: Math.round((lag / 1000) * RATE * share),
    drain_lag_bytes: Math.round((lag / 1000) * RATE * share * 1840),
    drain_state_idle: 0,
    drain_state_writing: 0,
    drain_state_waiting: 1,
    drain_retries_503: 58,
    drain_retries_no_answer: 3,
    drained: 391_204,
  });
  return {
    now,
    processes: [
      one('web-1/api', ['api'], {
        api: { ws_dropped_slow: 3 },
        live: { hosts_online: 13, hosts_offline: 1, hosts_never_connected: 0 },
        process: process(now, started, 141),
      }),
      one(
        'ingest-1/ingest',
        ['ingest'],
        { ingest: { ...ingest(now, started, 0.55), ...waiting(0.55) }, process: process(now, started, 96) },
        { last_seen: now - 12_000, degraded: ['store'] },
      ),
      one(
        'ingest-2/ingest',
        ['ingest'],
        { ingest: { ...ingest(now, started, 0.45), ...waiting(0.45) }, process: process(now, started, 91) },
        { last_seen: now - 21_000, degraded: ['store'] },
      ),
      one(
        'alerts-1/alerts',
        ['alerts'],
        { alerting: { alert_changes_firing: 12 }, process: process(now, started, 118) },
        { last_seen: now - 9 * MINUTE },
      ),
      one('<i>api</i>-old/api', ['api'], { process: process(now, started, 118) }, { last_seen: now - 31 * MINUTE, version: '0.0.9' }),
    ],
    gaps_24h: 3,
    dead_letters: 28,
  };
}

/** Measurement `hostwire` in buckets: flat flows with a little noise, and a journal that fills. */
export function storySelf(query: URLSearchParams, now: number, story: ServerStory): SeriesAnswerBody {
  const [measurement, field, aggregate] = ['hostwire', query.get('field') ?? '', query.get('aggregate') ?? 'mean'];
  const step = Number.parseInt(query.get('step') ?? '60000', 10);
  const from = Math.floor(Number(query.get('from')) / step) * step;
  const times: number[] = [];
  for (let time = from; time < Math.min(Number(query.get('to') ?? now), now); time += step) times.push(time);
  const part = /^part:(.*)$/.exec(query.get('where') ?? '')?.[1] ?? '';
  const series = storyServer(now, story)
    .processes.filter(({ parts }) => parts[part]?.[field] !== undefined)
    .map(({ instance, parts, started_at, last_seen }) => {
      const value = parts[part]?.[field] ?? 0;
      const lasting = Math.max(1, (now - started_at) / 1000);
      const at = (time: number): number | null => {
        if (time < started_at || time > last_seen) return null;
        const noise = 1 + 0.08 * Math.sin(time / 173_000 + instance.length) + 0.05 * Math.sin(time / 47_000);
        if (field.startsWith('drain_lag_')) return Math.max(0, (value * (time - (now - 42 * MINUTE))) / (42 * MINUTE));
        if (aggregate !== 'rate') return value * (0.97 + 0.03 * noise);
        // What happens seldom happens now and then, not a little all the time.
        return value < 200 ? (Math.sin(time / 61_000 + value) > 0.96 ? 2 / 60 : 0) : (value / lasting) * noise;
      };
      return { tags: { instance }, values: times.map(at) };
    });
  return { measurement, field, aggregate, step, unit: null, times, series, query: `SELECT ${aggregate}("${field}") FROM "hostwire"` };
}

/** What agents of the story gave up: gpu-box has an outage tonight and a single sample, pi-02 a reason of its own. */
export function storyGaps(host: string, now: number): GapBody[] {
  const gap = (from: number, to: number, count: number, reason: string): GapBody => ({
    time: now - to * MINUTE + 5000,
    from: now - from * MINUTE,
    to: now - to * MINUTE,
    count,
    reason,
  });
  if (host === 'gpu-box') return [gap(9.38 * 60, 9.03 * 60, 252, 'full'), gap(41, 33, 97, 'disk'), gap(20, 20, 1, 'clock')];
  if (host === 'pi-02') return [gap(70, 45, 300, '<b>moths</b>')];
  return [];
}

/** Is a sample of that moment missing? */
export function isLost(host: string, time: number, now: number): boolean {
  return storyGaps(host, now).some(({ from, to, count }) => count > 1 && from !== null && to !== null && time >= from && time <= to);
}
