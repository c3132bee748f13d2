import type { IngestStats } from './ingest.ts';

const STATES = ['idle', 'writing', 'waiting'] as const;

/** Levels by name, as they stand on /metrics; bytes, records and milliseconds. */
export function ingestLevels({ queuedBytes, storeAvailable, journal, drain }: IngestStats): Map<string, number> {
  const levels = new Map<string, number>([
    ['ingest_queued_bytes', queuedBytes],
    ['ingest_store_available', Number(storeAvailable)],
  ]);
  if (journal !== null) {
    levels.set('ingest_journal_accepting', Number(journal.accepting));
    levels.set('ingest_journal_bytes', journal.bytes);
    levels.set('ingest_journal_records', journal.records);
    levels.set('ingest_journal_segments', journal.segments);
    levels.set('ingest_journal_io_errors', journal.ioErrors);
    levels.set('ingest_journal_torn_tails', journal.tornTails);
    levels.set('ingest_journal_bad_segments', journal.badSegments);
    levels.set('ingest_journal_syncs', journal.syncs);
    levels.set('ingest_journal_slowest_sync_ms', journal.slowestSyncMs);
  }
  if (drain !== null) {
    levels.set('ingest_drain_lag_bytes', drain.lagBytes);
    levels.set('ingest_drain_lag_samples', drain.lagSamples);
    levels.set('ingest_drain_lag_ms', drain.lagMs);
    for (const state of STATES) levels.set(`ingest_drain_state{state="${state}"}`, Number(drain.state === state));
  }
  return levels;
}
