import { access, constants, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { failure, fine, type Observation, warning } from '@hostwire/service/doctor';
import type { ServerCheck } from '../server-look.ts';

/** A command that was run as root may have left files there that the service cannot write. */
const LOOKED_AT = 1000;

/** Whether the data directory can be used by who owns it, and by nobody else. */
export const dataDirectory: ServerCheck = {
  name: 'data directory',
  async run({ config: { dataDir } }) {
    const found = await stat(dataDir).catch((error: NodeJS.ErrnoException) => error);
    if (found instanceof Error) return [await notThere(dataDir, found)];
    if (!found.isDirectory()) return [failure(`${dataDir} is no folder`, 'choose another with data_dir, or move that file away')];
    const refused = await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK).catch((error: NodeJS.ErrnoException) => error);
    if (refused instanceof Error) return [notWritable(dataDir, found.uid, refused)];
    const observations = [...(await foreignFiles(dataDir, found.uid))];
    if ((found.mode & 0o077) !== 0) {
      const mode = `0${(found.mode & 0o777).toString(8)}`;
      observations.push(warning(`other users of this machine may look into ${dataDir}: its mode is ${mode}`, `chmod 700 ${dataDir}`));
    }
    return observations.length > 0 ? observations : [fine(`${dataDir} can be written, by its owner alone`)];
  },
};

async function notThere(dataDir: string, error: NodeJS.ErrnoException): Promise<Observation> {
  if (error.code !== 'ENOENT')
    return failure(
      `${dataDir} cannot be used: ${error.message}`,
      'give the folder above it to the user of the service, or choose another with data_dir',
    );
  for (let at = dirname(dataDir); ; at = dirname(at)) {
    const refused = await access(at, constants.W_OK | constants.X_OK).catch((caught: NodeJS.ErrnoException) => caught);
    if (!(refused instanceof Error)) return fine(`${dataDir} is not there yet; the first start makes it`);
    if (refused.code === 'ENOENT' && dirname(at) !== at) continue;
    return failure(
      `${dataDir} is not there, and this user cannot make it (${refused.code} at ${at})`,
      `as root: install -d -m 700 -o USER ${dataDir}; or choose another with data_dir`,
    );
  }
}

function notWritable(dataDir: string, uid: number, error: NodeJS.ErrnoException): Observation {
  if (error.code === 'EROFS') {
    return failure(
      `${dataDir} is on a file system that is mounted read-only`,
      'mount it read-write (see dmesg: a damaged disk is mounted so), or choose another with data_dir',
    );
  }
  if (uid !== process.getuid?.()) {
    return failure(
      `this user cannot write to ${dataDir}, which belongs to user ${uid}`,
      `run the server, and doctor, as that user; or as root: chown -R USER ${dataDir}`,
    );
  }
  return failure(`${dataDir} cannot be written (${error.code})`, `chmod 700 ${dataDir}`);
}

async function foreignFiles(dataDir: string, uid: number): Promise<Observation[]> {
  const entries = (await readdir(dataDir, { recursive: true })).slice(0, LOOKED_AT);
  const owners = await Promise.all(
    entries.map(async (name) => ({
      name,
      uid: await stat(join(dataDir, name)).then(
        (file) => file.uid,
        () => uid,
      ),
    })),
  );
  const foreign = owners.filter((file) => file.uid !== uid);
  const [first] = foreign;
  if (first === undefined) return [];
  const more = foreign.length === 1 ? '' : ` and ${foreign.length - 1} more`;
  return [
    failure(
      `${join(dataDir, first.name)}${more} belong to user ${first.uid} and not to the directory's owner, who may not be able to write them`,
      `chown -R --reference=${dataDir} ${dataDir}, and run commands as the user of the service: sudo -u USER hostwire ...`,
    ),
  ];
}
