import { linesOf, ParseError, parseDecimal, wordsOf } from '../proc-text.ts';

/** The three load averages of /proc/loadavg (proc(5)). Throws ParseError. */
export function parseLoadavg(text: string): { load1: number; load5: number; load15: number } {
  const [load1, load5, load15] = wordsOf(text);
  return {
    load1: parseDecimal(load1, '/proc/loadavg: 1 min'),
    load5: parseDecimal(load5, '/proc/loadavg: 5 min'),
    load15: parseDecimal(load15, '/proc/loadavg: 15 min'),
  };
}

/** Whole seconds since boot, of /proc/uptime. Throws ParseError. */
export function parseUptime(text: string): number {
  return Math.floor(parseDecimal(wordsOf(text)[0], '/proc/uptime'));
}

/** How many CPUs a list such as `0-3,5` names (cpuset(7), "List format"). Throws ParseError. */
export function countCpuList(text: string): number {
  let count = 0;
  for (const part of text.trim().split(',')) {
    const match = /^([0-9]{1,6})(?:-([0-9]{1,6}))?$/.exec(part);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? match?.[1]);
    if (!(to >= from)) throw new ParseError(`cpu list: ${JSON.stringify(part.slice(0, 40))} is not a number or a range`);
    count += to - from + 1;
  }
  return count;
}

/** CPUs and cores in /proc/cpuinfo; `cores` is null where the architecture does not tell (arm). Never throws. */
export function parseCpuinfo(text: string): { cpus: number; cores: number | null } {
  let cpus = 0;
  let socket = '';
  const cores = new Set<string>();
  for (const line of linesOf(text)) {
    const [key, value = ''] = line.split(':', 2).map((part) => part.trim());
    if (key === 'processor') cpus++;
    else if (key === 'physical id') socket = value;
    else if (key === 'core id') cores.add(`${socket}/${value}`);
  }
  return { cpus, cores: cores.size === 0 ? null : cores.size };
}

/**
 * Sessions of users among the files of /run/systemd/sessions (KEY=value lines, written by systemd-logind); greeters,
 * lock screens, service managers and background jobs are none. Never throws.
 */
export function countSessions(files: readonly string[]): { users: number; unique: number } {
  const names: string[] = [];
  for (const file of files) {
    const user = /^USER=(.+)$/m.exec(file)?.[1];
    const kind = /^CLASS=(.+)$/m.exec(file)?.[1];
    const leaving = /^STATE=closing$/m.test(file);
    if (user !== undefined && !leaving && (kind === 'user' || kind === 'user-early' || kind === 'user-light')) names.push(user);
  }
  return { users: names.length, unique: new Set(names).size };
}
