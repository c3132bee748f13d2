import { access, constants, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

const SYSTEM_FOLDER = '/var/lib/hostwire-agent/spool';

/**
 * Where the spool is: as configured ('' is null: memory only), else the system's folder if this user can write there, else
 * the user's own ($XDG_STATE_HOME, by the XDG Base Directory Specification only if it is absolute).
 */
export async function spoolFolder(configured: string | undefined, env: NodeJS.ProcessEnv, system = SYSTEM_FOLDER): Promise<string | null> {
  if (configured !== undefined) return configured === '' ? null : configured;
  try {
    await mkdir(system, { recursive: true, mode: 0o700 });
    await access(system, constants.W_OK | constants.X_OK);
    return system;
  } catch {
    return userFolder(env);
  }
}

/** The same as far as it can be told without making anything: a system's folder that is not there is root's to make. */
export async function likelySpoolFolder(
  configured: string | undefined,
  env: NodeJS.ProcessEnv,
  system = SYSTEM_FOLDER,
): Promise<string | null> {
  if (configured !== undefined) return configured === '' ? null : configured;
  try {
    await access(system, constants.W_OK | constants.X_OK);
    return system;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && process.getuid?.() === 0 ? system : userFolder(env);
  }
}

function userFolder(env: NodeJS.ProcessEnv): string {
  const state = env['XDG_STATE_HOME'] ?? '';
  return join(isAbsolute(state) ? state : join(homedir(), '.local', 'state'), 'hostwire-agent', 'spool');
}
