import type { Gap, GapReason } from '@hostwire/collectors';
import { TIERS, type Tier } from '@hostwire/model';
import type { SeqRanges } from '../outbox.ts';

/** A sample as it lies in the spool. */
export interface SampleRecord {
  readonly kind: 'sample';
  readonly run: string;
  readonly seq: number;
  readonly tier: Tier;
  /** Ms since the epoch; goes before the one in `text`. */
  readonly time: number;
  /** Seconds. */
  readonly interval: number;
  /** Ms since the machine's boot when its tick began. */
  readonly monotonic: number;
  /** Names that boot. */
  readonly boot: string;
  /** The server had confirmed the clock when `time` was taken. */
  readonly sure: boolean;
  /** The oldest of its run that was waiting then, perhaps itself: those before it are not missed if their records are damaged. */
  readonly low: number;
  /** What it tells the server is missing. */
  readonly gaps: readonly Gap[];
  /** The sample's JSON. */
  readonly text: string;
}

/** These samples are durable elsewhere. */
export interface AckRecord {
  readonly kind: 'ack';
  readonly run: string;
  readonly seqs: SeqRanges;
}

/** These samples have another time: `zero` plus their `monotonic`, rounded. */
export interface TimeRecord {
  readonly kind: 'time';
  readonly run: string;
  readonly seqs: SeqRanges;
  /** Ms since the epoch when `monotonic` was 0. */
  readonly zero: number;
}

/** What is missing and no sample on disk tells yet, all of it; and what is counted in there but still lies in the spool. */
export interface GapRecord {
  readonly kind: 'gap';
  readonly gaps: readonly Gap[];
  readonly drop: readonly { readonly run: string; readonly seqs: SeqRanges }[];
  /** Everything in segments before this one is given up. */
  readonly before: number;
}

export type SpoolRecord = SampleRecord | AckRecord | TimeRecord | GapRecord;

const VERSION = 1;
const NEWLINE = 0x0a;
const REASONS: readonly string[] = ['full', 'age', 'disk', 'clock', 'damaged'] satisfies GapReason[];

/** A line of JSON; for a sample its text follows. */
export function encodeRecord(record: SpoolRecord): Buffer {
  if (record.kind !== 'sample') return Buffer.from(JSON.stringify({ v: VERSION, ...record }));
  const { text, gaps, sure, low, ...rest } = record;
  const optional = { ...(sure ? { sure } : {}), ...(low === rest.seq ? {} : { low }), ...(gaps.length === 0 ? {} : { gaps }) };
  const header = { v: VERSION, ...rest, ...optional };
  return Buffer.from(`${JSON.stringify(header)}\n${text}`);
}

/** The record, or null if it is none of this version's. */
export function decodeRecord(bytes: Buffer): SpoolRecord | null {
  const end = bytes.indexOf(NEWLINE);
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8', 0, end === -1 ? bytes.length : end));
  } catch {
    return null;
  }
  if (!isTable(header) || header['v'] !== VERSION) return null;
  const { kind, run, seqs, zero, drop = [], before, gaps = [] } = header;
  if (!isGaps(gaps)) return null;
  if (kind === 'gap') return isDrops(drop) && isFiniteNumber(before) ? { kind, gaps, drop, before } : null;
  if (typeof run !== 'string') return null;
  if (kind === 'ack') return isRanges(seqs) ? { kind, run, seqs } : null;
  if (kind === 'time') return isRanges(seqs) && isFiniteNumber(zero) ? { kind, run, seqs, zero } : null;
  const { seq, time, interval, monotonic, low = seq } = header;
  if (kind !== 'sample' || end === -1 || !isFiniteNumber(seq) || !isFiniteNumber(low) || !isFiniteNumber(time)) return null;
  if (!isFiniteNumber(interval) || !isFiniteNumber(monotonic) || typeof header['boot'] !== 'string') return null;
  const tier = TIERS.find((known) => known === header['tier']);
  if (tier === undefined) return null;
  const sure = header['sure'] === true;
  const text = bytes.toString('utf8', end + 1);
  return { kind, run, seq, tier, time, interval, monotonic, boot: header['boot'], sure, low, gaps, text };
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isRanges(value: unknown): value is SeqRanges {
  return Array.isArray(value) && value.every((range) => Array.isArray(range) && range.length === 2 && range.every(isFiniteNumber));
}

function isDrops(value: unknown): value is GapRecord['drop'] {
  return Array.isArray(value) && value.every((item) => isTable(item) && typeof item['run'] === 'string' && isRanges(item['seqs']));
}

function isGaps(value: unknown): value is Gap[] {
  return (
    Array.isArray(value) &&
    value.every(
      (gap) => isTable(gap) && REASONS.includes(String(gap['reason'])) && [gap['from'], gap['to'], gap['count']].every(isFiniteNumber),
    )
  );
}
