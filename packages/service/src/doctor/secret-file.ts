import { stat } from 'node:fs/promises';
import { failure, fine, type Observation, warning } from './finding.ts';
import { couldNotLook } from './run-checks.ts';

/** Where container engines put secrets: what may read them there is what runs in the container. */
const MOUNTED_SECRETS = '/run/secrets/';

/** Who may read a file that holds a secret; null if there is no such file. `what` names it: `the server's key`. */
export async function lookAtSecretFile(path: string, what: string): Promise<Observation | null> {
  let mode: number;
  try {
    ({ mode } = await stat(path));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? null : couldNotLook(error, path);
  }
  const shown = `0${(mode & 0o777).toString(8)}`;
  if (path.startsWith(MOUNTED_SECRETS) || (mode & 0o077) === 0) return fine(`${path} (${what}) is its owner's alone (${shown})`);
  const cure = `chmod 600 ${path}; if others of this machine are not to be trusted, make a new secret as well`;
  if ((mode & 0o007) !== 0) return failure(`every user of this machine may read or change ${path} (${what}): its mode is ${shown}`, cure);
  return warning(`the group of ${path} (${what}) may read or change it: its mode is ${shown}`, cure);
}
