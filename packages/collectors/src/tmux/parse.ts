import { linesOf, ParseError, quote } from '../proc-text.ts';

/** A live socket in the folder that tmux(1) makes for its user: /tmp/tmux-UID/NAME. */
export interface TmuxSocket {
  readonly path: string;
  /** Id of the user whose folder it is. */
  readonly uid: number;
  /** What `tmux -L` takes. */
  readonly name: string;
}

/** A session of one server. */
export interface TmuxSession {
  /** `$3`: its own as long as the server runs. */
  readonly id: string;
  /** As tmux has it: blanks, quotes and any letters; control characters and backslashes escaped by tmux. */
  readonly name: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** Seconds since 1970 of the last key or attaching; 0 if this tmux does not tell. */
  readonly activity: number;
  /** Clients that are attached. */
  readonly attached: number;
  readonly windows: number;
  /** First processes of its panes; of panes whose process has ended none. */
  readonly panes: readonly number[];
}

/** The columns of a session, its name last: whatever stands in it, it cannot be taken for another column. */
export const SESSION_FORMAT = [
  's:#{session_id}:#{session_created}:#{session_activity}:#{session_last_attached}',
  '#{session_attached}:#{session_windows}:#{session_name}',
].join(':');
export const PANE_FORMAT = 'p:#{session_id}:#{pane_pid}:#{pane_dead}';

const SESSION = /^s:(\$[0-9]{1,9}):([0-9]{1,12}):([0-9]{0,12}):([0-9]{0,12}):([0-9]{0,9}):([0-9]{0,9}):(.*)$/;
const PANE = /^p:(\$[0-9]{1,9}):([0-9]{1,9}):([01]?)$/;

/** Source of a regular expression: names of sockets that are asked. */
export const SOCKET_NAME = '[A-Za-z0-9_][A-Za-z0-9_.@%+=,-]{0,63}';
const SOCKET = new RegExp(
  `^[0-9a-f]+: [0-9A-F]+ [0-9A-F]+ 00010000 [0-9A-F]+ [0-9A-F]+ +[0-9]+ (/tmp/tmux-([0-9]{1,9})/(${SOCKET_NAME}))$`,
);

/** What `list-sessions ; list-panes -a` print in these formats. Throws ParseError. */
export function parseSessions(text: string): TmuxSession[] {
  const sessions = new Map<string, Omit<TmuxSession, 'panes' | 'name'> & { name: string; readonly panes: number[] }>();
  let last: { name: string } | undefined;
  for (const line of linesOf(text)) {
    const [, pane, pid, dead] = PANE.exec(line) ?? [];
    if (pane !== undefined) {
      if (dead !== '1') sessions.get(pane)?.panes.push(Number(pid));
      continue;
    }
    const [, id, created, activity, attachedAt, attached, windows, name] = SESSION.exec(line) ?? [];
    if (id !== undefined && name !== undefined) {
      if (sessions.has(id)) continue;
      const session = {
        id,
        name,
        created: Number(created),
        activity: Math.max(Number(activity), Number(attachedAt)),
        attached: Number(attached),
        windows: Number(windows),
        panes: [],
      };
      sessions.set(id, session);
      last = session;
    } else if (last !== undefined) {
      // tmux before 2.4 let a name hold line ends.
      last.name += ` ${line}`;
    } else {
      throw new ParseError(`tmux list-sessions: ${quote(line)} is not a session`);
    }
  }
  return [...sessions.values()];
}

/** True if the server has gone or was never there: no failure, as its sockets stay behind. */
export function isNoServer(stderr: string): boolean {
  return /no server running|server exited|lost server|No such file or directory|Connection refused/.test(stderr);
}

/**
 * The sockets of tmux that somebody listens at, of /proc/net/unix (proc_net(5)), which shows those of all users; `default`
 * first. Those that a server left behind are not among them. Never throws: what is no such line is passed over.
 */
export function parseTmuxSockets(text: string): TmuxSocket[] {
  const sockets = new Map<string, TmuxSocket>();
  for (const line of linesOf(text)) {
    // Flag 00010000: it accepts connections.
    const [, path, uid, name] = SOCKET.exec(line) ?? [];
    if (path !== undefined && name !== undefined) sockets.set(path, { path, uid: Number(uid), name });
  }
  const rank = ({ name }: TmuxSocket) => (name === 'default' ? 0 : 1);
  return [...sockets.values()].sort((a, b) => a.uid - b.uid || rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}
