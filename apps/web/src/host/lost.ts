import type { LostSamples } from '../api/types.ts';
import type { Gap } from '../charts/model.ts';
import { count } from '../format/number.ts';
import { clock, day, interval, moment } from '../format/time.ts';
import type { HostEvent } from './events.ts';

/** Samples that the agent of a host had to give up, as the page shows them. */
export interface Lost extends Gap {
  readonly key: string;
  readonly count: number;
  readonly reason: string;
}

interface Reason {
  /** Behind "412 samples missing, 02:10 to 04:35:". */
  readonly why: string;
  /** What it means, and what to do so that it does not happen again. */
  readonly advice: string;
}

const REASONS: Readonly<Record<string, Reason>> = {
  full: {
    why: "the agent's spool was full",
    advice:
      'The oldest samples went first. A longer outage fits into a larger spool: max_bytes below [spool] in its agent.toml, and room on its disk.',
  },
  age: {
    why: "older than the agent's spool keeps",
    advice: 'The server was not reached for longer than max_age_hours below [spool] in its agent.toml.',
  },
  disk: {
    why: "the agent's disk refused its spool, and its memory was full",
    advice: 'See that the disk with the spool has room and works; then the spool is used again by itself.',
  },
  clock: {
    why: 'taken with a wrong clock that nothing could correct',
    advice: 'The clock of the host was wrong until it was restarted. See that it gets its time from the network at boot.',
  },
  damaged: {
    why: "the agent's spool was damaged",
    advice: 'The damaged file was set aside beside the spool. See that the disk is well.',
  },
};

/** The records of a host, as stretches; one that has no times stands at the moment when it was told. */
export function lostOf(records: readonly LostSamples[]): Lost[] {
  return records
    .map(({ time, from, to, count: n, reason }) => ({
      key: `${time} ${reason}`,
      from: Math.min(from ?? time, to ?? time),
      to: Math.max(from ?? time, to ?? time),
      count: n,
      reason,
    }))
    .sort((a, b) => b.from - a.from);
}

/** Those that reach into a stretch of time. */
export function within(lost: readonly Lost[], from: number, to: number): Lost[] {
  return lost.filter((one) => one.from < to && one.to >= from);
}

/** "02:10 to 04:35", with the date where it is not today's. */
export function stretchWords({ from, to }: Gap, now: number): string {
  if (to - from < 1000) return day(from) === day(now) ? moment(from) : `${day(from)} ${moment(from)}`;
  const both = interval(from, to);
  if (day(from) !== day(now)) return `${both.from} to ${both.to}`;
  return `${to - from < 600_000 ? moment(from) : clock(from)} to ${both.to}`;
}

/** "the agent's spool was full". An unknown reason is text of the host. */
export function whyOf(reason: string): string {
  return REASONS[reason]?.why ?? `the agent says: ${reason}`;
}

export function adviceOf(reason: string): string {
  return REASONS[reason]?.advice ?? '';
}

/** "412 samples missing, 02:10 to 04:35: the agent's spool was full". */
export function lostSentence(one: Lost, now: number): string {
  return `${count(one.count, 'sample')} missing, ${stretchWords(one, now)}: ${whyOf(one.reason)}`;
}

export function lostEvents(lost: readonly Lost[], now: number): HostEvent[] {
  return lost.map((one) => ({
    key: `lost ${one.key}`,
    time: one.from,
    glyph: 'nodata',
    subject: `${count(one.count, 'sample')} missing`,
    words: one.to - one.from < 1000 ? '' : stretchWords(one, now),
    detail: whyOf(one.reason),
  }));
}
