import { access, constants, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { lockHolders, storedBytes } from '@hostwire/journal';
import { describeBytes, failure, fine, type Observation, pidsOfLocks, warning } from '@hostwire/service/doctor';
import type { AgentCheck, AgentLook } from '../agent-look.ts';

/** A segment is a sixteenth; with no more than that left the oldest samples go soon. */
const FULL = 15 / 16;
const FILLING = 0.5;

const NOT_RUNNING = warning('no agent runs on this configuration', 'start it: systemctl start hostwire-agent');

/** Whether samples can be kept on disk until the server has them: the folder, who has it, how full it is, what was damaged. */
export const spool: AgentCheck = {
  name: 'spool',
  async run(look) {
    const { spool: folder, config } = look;
    if (folder === null) {
      return [
        warning(
          'samples are kept in memory alone: those that wait are lost when the agent or the machine stops',
          'set spool.dir in the configuration to a folder on disk, or remove it for the default',
        ),
      ];
    }
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => error);
    if (names instanceof Error) return [notReadable(folder, names), ...(names.code === 'ENOENT' ? [NOT_RUNNING] : [])];
    const refused = await access(folder, constants.W_OK | constants.X_OK).catch((error: NodeJS.ErrnoException) => error);
    if (refused instanceof Error) return [notWritable(folder, refused)];
    return [...(await lookAtHolders(folder, look)), ...(await lookAtFill(folder, config.spool.max_bytes)), ...damaged(folder, names)];
  },
};

function notReadable(folder: string, error: NodeJS.ErrnoException): Observation {
  if (error.code === 'ENOENT') return fine(`${folder} is not there yet; the agent makes it when it starts`);
  if (error.code === 'ENOTDIR')
    return failure(`${folder} cannot be a folder: a file is in its way`, 'choose another with spool.dir, or move that file away');
  return warning(
    `this user may not look into ${folder} (${error.code})`,
    'run doctor as root or as the user of the service; if that is this user: chown it to it',
  );
}

function notWritable(folder: string, error: NodeJS.ErrnoException): Observation {
  const cure =
    error.code === 'EROFS'
      ? 'mount its file system read-write, or choose another folder with spool.dir'
      : `as root: chown -R hostwire-agent ${folder}; or choose another with spool.dir`;
  return failure(`${folder} cannot be written (${error.code}): samples would be kept in memory alone`, cure);
}

async function lookAtHolders(folder: string, { configFile }: AgentLook): Promise<Observation[]> {
  const locks = await lockHolders(folder);
  if (locks.length === 0) return [NOT_RUNNING];
  const pids = await pidsOfLocks(locks);
  if (pids.length === 0) return [fine('an agent runs; this user may not see which')];
  return Promise.all(
    pids.map(async (pid) => {
      const other = await otherConfiguration(pid, configFile);
      if (other === null) return fine(`an agent runs: process ${pid}`);
      return failure(
        `${folder} is in use by another agent (process ${pid}, configured by ${other}): one of this configuration refuses to start`,
        `give each agent a folder of its own: spool.dir; or stop that one: kill ${pid}`,
      );
    }),
  );
}

/** The configuration that a process was told to use, if that is another one. */
async function otherConfiguration(pid: number, configFile: string): Promise<string | null> {
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  const at = words.indexOf('--config');
  const named = at >= 0 ? words[at + 1] : words.find((word) => word.startsWith('--config='))?.slice('--config='.length);
  return named === undefined || resolve(named) === resolve(configFile) ? null : named;
}

async function lookAtFill(folder: string, maxBytes: number): Promise<Observation[]> {
  const bytes = await storedBytes(folder);
  const used = `${folder} holds ${describeBytes(bytes)} of at most ${describeBytes(maxBytes)}`;
  const cure = 'see why the server does not take them (findings of broker); or give it more room with spool.max_bytes';
  if (bytes >= maxBytes * FULL) return [failure(`${used}: it is full, and the oldest samples are given up`, cure)];
  if (bytes >= maxBytes * FILLING) return [warning(`${used}: the server has not taken samples for a while`, cure)];
  return [fine(used)];
}

function damaged(folder: string, names: readonly string[]): Observation[] {
  return names
    .filter((name) => name.includes('.bad'))
    .map((name) =>
      warning(
        `${join(folder, name)} was found damaged and set aside: its samples are lost`,
        'check the disk (dmesg, smartctl -a); then delete that file',
      ),
    );
}
