import type { HostAccess } from '@hostwire/host-access';
import type { CollectorNeeds } from '../collector.ts';
import { ParseError } from '../proc-text.ts';
import { shareReading } from '../shared-reading.ts';
import { parseContainers } from './parse.ts';

const ENGINES = ['/var/run/docker.sock', '/run/podman/podman.sock'];
const PATH = '/containers/json';

/** What `readContainerNames` asks. */
export const CONTAINER_NAME_NEEDS: Required<Pick<CollectorNeeds, 'sockets'>> = {
  sockets: ENGINES.map((path) => ({ path, get: [PATH] })),
};

/**
 * Id -> name of the containers that run, of each engine that may be asked, not older than `maxAgeMs` at `time`. Never
 * rejects: a name is not worth an error.
 */
export function readContainerNames(access: HostAccess, time: number, maxAgeMs: number): Promise<ReadonlyMap<string, string>> {
  return shareReading(access, 'container names', { time, maxAgeMs }, async (signal) => {
    const lists = await Promise.all(ENGINES.map((socketPath) => readNames(access, socketPath, signal)));
    return new Map(lists.flat());
  });
}

async function readNames(access: HostAccess, socketPath: string, signal: AbortSignal): Promise<[id: string, name: string][]> {
  try {
    const { status, body } = await access.request({ socketPath, path: PATH, keep: ['/*/Id', '/*/Names'] }, { signal, timeout: 2000 });
    return status === 200 ? parseContainers(body).map(({ id, name }) => [id, name]) : [];
  } catch (error) {
    if (error instanceof Error && ('code' in error || error instanceof ParseError)) return [];
    throw error;
  }
}
