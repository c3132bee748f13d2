import { AccessError, type ExecResult, type HostAccess } from '@hostwire/host-access';
import type { CollectorNeeds } from '../collector.ts';
import { isAbsent } from '../proc-text.ts';
import { parsePasswd, parseProcessStatus } from '../processes/parse.ts';
import { shareReading } from '../shared-reading.ts';
import {
  isNoServer,
  PANE_FORMAT,
  parseSessions,
  parseTmuxSockets,
  SESSION_FORMAT,
  SOCKET_NAME,
  type TmuxSession,
  type TmuxSocket,
} from './parse.ts';

/** A session with whose it is. */
export interface OwnedSession extends TmuxSession {
  /** Name of the user, or the number where /etc/passwd has none. */
  readonly user: string;
  readonly socket: string;
  /** The session's name; where the user has two of that name on two servers, the second's is followed by `@` and its server's. */
  readonly title: string;
}

export interface Sessions {
  readonly sessions: readonly OwnedSession[];
  /** Servers that could be asked, but did not answer as they should. */
  readonly failures: readonly unknown[];
}

/** A server that does not answer in this time hangs. */
const SERVER_TIMEOUT_MS = 2500;
/** Anybody may make as many sockets as he likes. */
const MAX_SOCKETS_OF_USER = 16;
/** A user may run a server of his own making, which says what it likes. */
const MAX_SESSIONS_OF_SERVER = 1000;
const USERS_AT_ONCE = 4;

export const LIST = ['list-sessions', '-F', SESSION_FORMAT, ';', 'list-panes', '-a', '-F', PANE_FORMAT];
/** By its full path: what runs as another must not be looked up on a PATH that this agent could choose. */
export const AS_USER = ['--regid=65534', '--clear-groups', '/usr/bin/tmux'];
export const SERVER = ['-u', '-L', { pattern: SOCKET_NAME }];

/** Becoming a user, for `setpriv`. */
export const AS_UID = { pattern: '--reuid=[0-9]{1,9}' };

/** What `readSessions` runs and reads. */
export const SESSION_NEEDS: Required<Pick<CollectorNeeds, 'commands' | 'files'>> = {
  commands: [
    { command: 'tmux', args: [...SERVER, ...LIST] },
    { command: 'setpriv', args: [AS_UID, ...AS_USER, ...SERVER, ...LIST], sudo: true },
  ],
  files: ['/etc/passwd', '/tmp/tmux-*/*'],
};

/** The sessions of all servers that may be asked, for the tick at `time`, by default as they are now. */
export function readSessions(access: HostAccess, time: number, maxAgeMs = 1000): Promise<Sessions> {
  return shareReading(access, 'tmux sessions', { time, maxAgeMs }, (signal) => askAll(access, signal));
}

/** Live sockets of tmux on this host, and the user that asks. */
export async function findSockets(access: HostAccess, options: { readonly signal?: AbortSignal } = {}) {
  const [unix, status, passwd] = await access.readFiles(['/proc/net/unix', '/proc/self/status', '/etc/passwd'], options);
  if (unix instanceof AccessError && !isAbsent(unix)) throw unix;
  const self = typeof status === 'string' ? parseProcessStatus(status).uid : null;
  return {
    sockets: parseTmuxSockets(typeof unix === 'string' ? unix : ''),
    /** Id of the user that commands run as; null if it cannot be told. */
    self: self === null ? null : Number(self),
    names: parsePasswd(typeof passwd === 'string' ? passwd : ''),
  };
}

/**
 * Runs tmux as the user whose server it is. Never as root on the server of another: a server tells its client which files to
 * open and what to execute, and so would be given root. By `-L` and not by `-S`, so that tmux checks that the folder belongs
 * to that user. Throws AccessError; EACCES if this agent may not run it for that user.
 */
export async function askTmux(
  access: HostAccess,
  { uid, name }: Pick<TmuxSocket, 'uid' | 'name'>,
  self: number | null,
  args: readonly string[],
  signal: AbortSignal,
): Promise<ExecResult> {
  const asked = ['-u', '-L', name, ...args];
  const options = { signal, timeout: SERVER_TIMEOUT_MS };
  if (uid === self && uid !== 0) return access.exec('tmux', asked, options);
  try {
    return await access.exec('setpriv', [`--reuid=${uid}`, ...AS_USER, ...asked], { ...options, sudo: true });
  } catch (error) {
    // Root asks root's server in the same way, so that `doctor --sudoers` run as root finds that line too.
    if (uid !== self || !(error instanceof AccessError && error.code === 'ENOENT')) throw error;
    return access.exec('tmux', asked, options);
  }
}

async function askAll(access: HostAccess, signal: AbortSignal): Promise<Sessions> {
  const { sockets, self, names } = await findSockets(access, { signal });
  const users = [...new Set(sockets.map(({ uid }) => uid))];
  const found = new Map<number, Sessions>();
  const next = users.values();
  const work = async (): Promise<void> => {
    for (const uid of next)
      found.set(
        uid,
        await askUser(
          access,
          sockets.filter((socket) => socket.uid === uid),
          self,
          names,
          signal,
        ),
      );
  };
  await Promise.all(Array.from({ length: USERS_AT_ONCE }, work));
  const all = users.flatMap((uid) => found.get(uid) ?? []);
  return { sessions: all.flatMap(({ sessions }) => sessions), failures: all.flatMap(({ failures }) => failures) };
}

/** One server of a user after the other, and none after one that hangs: the next would as well, and others wait. */
async function askUser(
  access: HostAccess,
  sockets: readonly TmuxSocket[],
  self: number | null,
  names: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Sessions> {
  const sessions: OwnedSession[] = [];
  const failures: unknown[] = [];
  const titles = new Set<string>();
  for (const socket of sockets.slice(0, MAX_SOCKETS_OF_USER)) {
    try {
      const { exitCode, stdout, stderr } = await askTmux(access, socket, self, LIST, signal);
      if (exitCode === 1 && isNoServer(stderr)) continue;
      if (exitCode !== 0) throw new AccessError(`exit-${exitCode}`, `tmux on ${socket.path}: ${stderr.trim() || `exit code ${exitCode}`}`);
      const user = names.get(String(socket.uid)) ?? String(socket.uid);
      const told = parseSessions(stdout);
      for (const session of told.slice(0, MAX_SESSIONS_OF_SERVER)) {
        const { id, name } = session;
        const title = [name, `${name}@${socket.name}`, `${name}@${socket.name}@${id}`].find((one) => !titles.has(one));
        if (title === undefined) continue;
        titles.add(title);
        sessions.push({ ...session, user, socket: socket.path, title });
      }
      if (told.length > MAX_SESSIONS_OF_SERVER) {
        const rest = told.length - MAX_SESSIONS_OF_SERVER;
        failures.push(
          new AccessError('too-large', `tmux on ${socket.path}: ${rest} sessions more than ${MAX_SESSIONS_OF_SERVER} are left out`),
        );
      }
    } catch (error) {
      // Others' servers that it may not ask are no failure: `probe` tells what grants it.
      if (error instanceof AccessError && ['EACCES', 'EPERM'].includes(error.code)) break;
      failures.push(error);
      if (error instanceof AccessError && error.code === 'timeout') break;
    }
  }
  if (sockets.length > MAX_SOCKETS_OF_USER) {
    failures.push(
      new AccessError('too-large', `tmux: uid ${sockets[0]?.uid} has more than ${MAX_SOCKETS_OF_USER} servers; the others are left out`),
    );
  }
  return { sessions, failures };
}
