import { linesOf, ParseError, quote } from '../proc-text.ts';

/** What /proc/<pid>/stat (proc_pid_stat(5)) tells of a process. */
export interface ProcessStat {
  readonly pid: number;
  /** At most 15 bytes (kernel workers: 63), and any of them: blanks, brackets and newlines too. */
  readonly name: string;
  /** R, S, D, Z, T, t, X, x, K, W, P, I. */
  readonly state: string;
  /** Process id of its parent; 0 for the first process and the first kernel thread. */
  readonly parent: number;
  /** utime + stime, in ticks of 1/100 s. */
  readonly ticks: number;
  /** cutime + cstime: of its children that ended and were waited for, with theirs. */
  readonly childTicks: number;
  readonly threads: number;
  /** Ticks after boot: tells two processes of one pid apart. */
  readonly startTime: number;
  /** Not exact: the kernel adds up what each processor counted only for /proc/<pid>/status. */
  readonly rssPages: number;
}

/** The name stands in brackets and may hold brackets: it ends at the last one. Throws ParseError. */
export function parseProcessStat(text: string): ProcessStat {
  const open = text.indexOf(' (');
  const close = text.lastIndexOf(') ');
  const columns = text
    .slice(close + 2)
    .trim()
    .split(' ');
  const number = (column: number) => Number(columns[column - 3]);
  const stat = {
    pid: Number(text.slice(0, open)),
    name: text.slice(open + 2, close),
    state: columns[0] ?? '',
    parent: number(4),
    ticks: number(14) + number(15),
    childTicks: Math.max(0, number(16)) + Math.max(0, number(17)),
    threads: number(20),
    startTime: number(22),
    rssPages: Math.max(0, number(24)),
  };
  const numbers = [stat.pid, stat.parent, stat.ticks, stat.childTicks, stat.threads, stat.startTime, stat.rssPages];
  if (open < 1 || close < open || !/^[A-Za-z]$/.test(stat.state) || !numbers.every((value) => Number.isInteger(value) && value >= 0)) {
    throw new ParseError(`/proc/<pid>/stat: ${quote(text)} is not a process`);
  }
  return stat;
}

const FIELD_OF_STATE: Readonly<Record<string, string>> = {
  R: 'running',
  S: 'sleeping',
  D: 'blocked',
  Z: 'zombies',
  X: 'dead',
  x: 'dead',
  T: 'stopped',
  t: 'stopped',
  W: 'paging',
  I: 'idle',
  P: 'parked',
};

/** The fields of `processes`; `parked` only where there is one, as in Telegraf. */
export function countProcesses(stats: readonly ProcessStat[]): Record<string, number> {
  const counts = {
    total: stats.length,
    total_threads: 0,
    running: 0,
    sleeping: 0,
    blocked: 0,
    zombies: 0,
    dead: 0,
    stopped: 0,
    paging: 0,
    idle: 0,
    unknown: 0,
  } as Record<string, number>;
  for (const { state, threads } of stats) {
    const field = FIELD_OF_STATE[state] ?? 'unknown';
    counts[field] = (counts[field] ?? 0) + 1;
    counts['total_threads'] = (counts['total_threads'] ?? 0) + threads;
  }
  return counts;
}

/** What /proc/<pid>/status (proc_pid_status(5)) tells; null where a line is not there. Never throws. */
export function parseProcessStatus(text: string): { uid: string | null; rss: number | null } {
  const rss = /^VmRSS:\s*([0-9]{1,12}) kB$/m.exec(text)?.[1];
  return {
    // The real user id is the first of four.
    uid: /^Uid:\t([0-9]+)/m.exec(text)?.[1] ?? null,
    rss: rss === undefined ? null : Number(rss) * 1024,
  };
}

/** /etc/passwd (passwd(5)): user id -> name; the first entry of an id counts. Never throws: what is not an entry is passed over. */
export function parsePasswd(text: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of linesOf(text)) {
    const [name, , uid] = line.split(':');
    if (name && uid !== undefined && /^[0-9]+$/.test(uid) && !names.has(uid)) names.set(uid, name);
  }
  return names;
}
