import { processReport } from '../self/process-report.ts';
import { readProcesses, type StoredProcesses } from '../self/read-processes.ts';
import type { ApiContext } from './context.ts';
import type { ServerBody } from './process-schemas.ts';

const TIMEOUT_MS = 5000;

/** All processes of this server that are known of. A store that does not answer leaves the others out, and says null. */
export async function describeServer(context: Pick<ApiContext, 'store' | 'database' | 'self' | 'now' | 'problems'>): Promise<ServerBody> {
  const now = context.now();
  const own = processReport(context.self, now);
  const stored = await readProcesses(context.store, context.database, now, AbortSignal.timeout(TIMEOUT_MS)).catch(
    (): StoredProcesses | null => null,
  );
  const others = (stored?.processes ?? []).filter(({ instance }) => instance !== own.instance);
  const processes = [own, ...others.sort((a, b) => (a.instance < b.instance ? -1 : 1))];
  return {
    now,
    processes,
    gaps_24h: stored?.gaps ?? null,
    problems: [...context.problems()],
    dead_letters: processes.reduce((sum, { parts }) => sum + (parts['ingest']?.['dead_letters'] ?? 0), 0),
  };
}
