import { join } from 'node:path';
import { describeUrl, inspectRegistry, RegistryError } from '@hostwire/registry';
import { failure, fine, type Observation } from '@hostwire/service/doctor';
import type { ServerCheck } from '../server-look.ts';

const RESTORE = 'update hostwire on this machine, or restore the registry from a backup of the older version';

/** Whether the registry can be opened and was not written by a newer program. */
export const registry: ServerCheck = {
  name: 'registry',
  async run({ config: { database, dataDir }, running: { instances, unreadable, health } }) {
    if (database.kind === 'postgres') return [await look({ url: database.url }, describeUrl(database.url))];
    const file = join(dataDir, 'registry.db');
    if (unreadable !== null) return [];
    if (instances.length === 0) return [await look({ file }, file)];
    return health?.degraded.includes('registry') === true ? [] : [fine(`${file} is used by the server that runs`)];
  },
};

async function look(where: { file: string } | { url: string }, name: string): Promise<Observation> {
  try {
    const found = await inspectRegistry(where);
    if (found === null) return fine(`${name} is there; it is too large to be looked at closely`);
    const { schema, known } = found;
    if (schema > known)
      return failure(`${name} has schema ${schema}, and this program knows ${known}: a newer hostwire has written it`, RESTORE);
    if (schema === 0) return fine(`${name} is empty; the first start makes its tables`);
    return fine(`${name} can be read${schema < known ? `; the next start brings its schema from ${schema} to ${known}` : ''}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return fine(`${name} is not there yet; the first start makes it`);
    if (!(error instanceof RegistryError)) throw error;
    const cure =
      'url' in where
        ? 'see that PostgreSQL runs and takes connections from here, and that user and password are right: database.url, HOSTWIRE_DATABASE_PASSWORD'
        : `stop the server, move ${name} away and restore it from a backup; without one, enrol the hosts again`;
    return failure(error.message, cure);
  }
}
