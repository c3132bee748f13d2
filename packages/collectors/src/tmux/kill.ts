import { AccessError, type HostAccess } from '@hostwire/host-access';
import type { CommandNeed } from '../collector.ts';
import { isNoServer, parseSessions } from './parse.ts';
import { AS_UID, AS_USER, askTmux, findSockets, LIST, SERVER, SESSION_NEEDS } from './sessions.ts';

/** Names one session for good: tmux numbers them anew only with a new server, and then not in the same second. */
export interface SessionName {
  readonly user: string;
  readonly socket: string;
  /** `$3` */
  readonly session: string;
  /** Seconds since the epoch. */
  readonly created: number;
}

/** gone: there is no such session (any more), and nothing was done. */
export type KillOutcome = 'done' | 'gone';

const SESSION_ID = '\\$[0-9]{1,9}';
const KILL = ['kill-session', '-t', { pattern: SESSION_ID }];

/** What `killSession` runs. */
export const KILL_NEEDS: readonly CommandNeed[] = [
  ...SESSION_NEEDS.commands,
  { command: 'tmux', args: [...SERVER, ...KILL] },
  { command: 'setpriv', args: [AS_UID, ...AS_USER, ...SERVER, ...KILL], sudo: true },
];

/**
 * Ends a session with all that runs in it, if it is there as it is named: the server's socket, its user, the number and the
 * time of its beginning. Throws AccessError if the server cannot be asked, or refuses.
 */
export async function killSession(access: HostAccess, name: SessionName, signal: AbortSignal): Promise<KillOutcome> {
  const { sockets, self, names } = await findSockets(access, { signal });
  const server = sockets.find(({ path }) => path === name.socket);
  if (server === undefined || (names.get(String(server.uid)) ?? String(server.uid)) !== name.user) return 'gone';
  const ask = async (args: readonly string[]): Promise<string | null> => {
    const { exitCode, stdout, stderr } = await askTmux(access, server, self, args, signal);
    if (exitCode === 0) return stdout;
    if (isNoServer(stderr) || /can't find session/.test(stderr)) return null;
    throw new AccessError(`exit-${exitCode}`, `tmux on ${server.path}: ${stderr.trim() || `exit code ${exitCode}`}`);
  };
  const listed = await ask(LIST);
  const isThere = listed !== null && parseSessions(listed).some(({ id, created }) => id === name.session && created === name.created);
  // By its number alone: a name may be that of another by now.
  return isThere && (await ask(['kill-session', '-t', name.session])) !== null ? 'done' : 'gone';
}
