import type { ServerProcess, ServerState } from '../api/types.ts';

/** A process that does everything and is well, with what a test changes. */
export function aProcess(change: Partial<ServerProcess> = {}): ServerProcess {
  return {
    instance: 'a/all',
    roles: ['broker', 'ingest', 'alerts', 'api'],
    version: '0.1.0',
    started_at: 0,
    last_seen: 1_000_000,
    parts: { ingest: { samples: 10 } },
    degraded: [],
    ...change,
  };
}

/** What the server answers when such a process is alone. */
export function aServer(change: Partial<ServerState> = {}): ServerState {
  return { now: 1_000_000, processes: [aProcess()], gaps_24h: 0, problems: [], dead_letters: 0, ...change };
}
