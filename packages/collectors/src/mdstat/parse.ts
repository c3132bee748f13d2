import type { FieldValue } from '@hostwire/model';
import { ParseError, parseCounter, parseDecimal, quote, wordsOf } from '../proc-text.ts';

/** One array of /proc/mdstat. */
export interface MdArray {
  readonly name: string;
  /** Fields of measurement `mdstat`, with Telegraf's names. */
  readonly fields: Record<string, FieldValue>;
}

/** What the kernel writes before `=` in a line of progress or of what waits, and Telegraf's word for it. */
const ACTIVITIES: Readonly<Record<string, string>> = {
  recovery: 'recovering',
  resync: 'resyncing',
  check: 'checking',
  reshape: 'reshaping',
  repair: 'repairing',
};

/** A member: `sda1[8]`, `sdb2[2](F)`, `sdc[1](W)(S)`. */
const MEMBER = /^([^[\]\s]+)\[[0-9]+\]((?:\([A-Z]\))*)$/;

/**
 * /proc/mdstat as the kernel's md_seq_show and the status functions of its personalities write it (drivers/md/md.c): a line
 * `md0 : active raid1 sda1[0] sdb1[1]`, then lines that begin with a blank. Throws ParseError.
 */
export function parseMdstat(text: string): MdArray[] {
  const arrays: { head: string; body: string[] }[] = [];
  for (const line of text.split('\n')) {
    if (/^[^\s:]+ : /.test(line) && !/^(Personalities|unused devices) ?:/.test(line)) arrays.push({ head: line, body: [] });
    else if (/^\s+\S/.test(line)) arrays.at(-1)?.body.push(line.trim());
  }
  return arrays.map(({ head, body }) => parseArray(head, body));
}

function parseArray(head: string, body: readonly string[]): MdArray {
  const [name = '', , ...words] = wordsOf(head);
  const [activity = '', ...rest] = words;
  if (!/^(in)?active$/.test(activity)) throw new ParseError(`mdstat: ${quote(head)} is not an array`);
  const readOnly = /^\((auto-read-only|read-only)\)$/.exec(rest[0] ?? '')?.[1];
  const named = readOnly === undefined ? rest : rest.slice(1);
  const members = named.flatMap((word) => {
    const [whole, device = '', marks = ''] = MEMBER.exec(word) ?? [];
    return whole === undefined ? [] : [{ device, marks }];
  });
  const level = named[0] !== undefined && !MEMBER.test(named[0]) ? named[0] : '';
  const size = /^([0-9]+) blocks\b/.exec(body[0] ?? '');
  if (size === null) throw new ParseError(`mdstat: ${name}: ${quote(body[0])} does not say how many blocks`);
  const blocks = parseCounter(size[1], `mdstat: ${name}`);
  const { state, ...progress } = progressOf(name, body.slice(1), blocks);
  return {
    name,
    fields: {
      ActivityState: state ?? activity,
      Level: level,
      ...(readOnly === undefined ? {} : { ReadOnly: readOnly }),
      Devices: members
        .map(({ device }) => device)
        .sort()
        .join(','),
      BlocksTotal: blocks,
      DisksFailed: members.filter(({ marks }) => marks.includes('(F)')).length,
      DisksSpare: members.filter(({ marks }) => marks.includes('(S)')).length,
      ...disksOf(activity, level, members.length, body[0] ?? ''),
      ...progress,
    },
  };
}

/** As Telegraf: raid0 and linear have all their members or do not run; an array that is not running has none in use. */
function disksOf(activity: string, level: string, members: number, status: string): Record<string, number> {
  if (activity === 'inactive') return { DisksActive: 0, DisksTotal: 0, DisksDown: 0 };
  const counts = /\[([0-9]{1,6})\/([0-9]{1,6})\] \[([U_]+)\]/.exec(status);
  if (counts === null) {
    if (!/^(raid0|linear)$/.test(level) && level !== '') return {};
    return { DisksActive: members, DisksTotal: members, DisksDown: 0 };
  }
  const [, total, active, map = ''] = counts;
  return { DisksActive: Number(active), DisksTotal: Number(total), DisksDown: map.split('_').length - 1 };
}

/** What goes on in the background; the kernel writes one such line or none. */
function progressOf(name: string, body: readonly string[], blocks: number | bigint): { state?: string } & Record<string, FieldValue> {
  const idle = { BlocksSynced: blocks, BlocksSyncedPct: 0, BlocksSyncedFinishTime: 0, BlocksSyncedSpeed: 0 };
  for (const line of body) {
    const waits = /^(\w+)=(?:DELAYED|PENDING|REMOTE)$/.exec(line);
    const [, waiting = ''] = waits ?? [];
    if (Object.hasOwn(ACTIVITIES, waiting)) return { ...idle, BlocksSynced: 0, state: ACTIVITIES[waiting] ?? waiting };
    const runs = /(\w+) *= *([0-9.]+)% \(([0-9]+)\/[0-9]+\) finish=([0-9.]+)min speed=([0-9]+)K\/sec/.exec(line);
    const [, running = '', percent, synced, finish, speed] = runs ?? [];
    if (!Object.hasOwn(ACTIVITIES, running)) continue;
    const what = `mdstat: ${name}: ${running}`;
    return {
      BlocksSynced: parseCounter(synced, what),
      BlocksSyncedPct: parseDecimal(percent, what),
      BlocksSyncedFinishTime: parseDecimal(finish, what),
      BlocksSyncedSpeed: parseDecimal(speed, what),
      state: ACTIVITIES[running] ?? running,
    };
  }
  return idle;
}
