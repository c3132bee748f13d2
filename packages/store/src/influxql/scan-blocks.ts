import type { Block, RowBlock, SummaryWanted } from '../series-reader.ts';
import type { Member } from './groups.ts';
import { splitNs, type TimeRange } from './time-range.ts';

/** The fields to read of a member: those asked for, then those its filter needs. */
export interface Reading {
  readonly member: Member;
  readonly fields: readonly string[];
  readonly filterColumns: readonly number[];
}

export function readingOf(member: Member, fields: readonly string[]): Reading {
  if (member.filter === null) return { member, fields, filterColumns: [] };
  const all = [...fields];
  const filterColumns = member.filter.fields.map((name) => {
    const at = all.indexOf(name);
    return at === -1 ? all.push(name) - 1 : at;
  });
  return { member, fields: all, filterColumns };
}

/** Blocks of a member within a range of nanoseconds, each with the mask of rows that count (null: all). */
export function* scanBlocks(
  reading: Reading,
  range: TimeRange,
  summaries?: SummaryWanted,
): Generator<{ readonly block: Block; readonly mask: Uint8Array | null }> {
  const min = splitNs(range.min);
  const max = splitNs(range.max);
  const { member } = reading;
  const cutsEdges = min.nanos !== 0 || max.nanos !== 999_999;
  const wanted = member.filter === null && summaries !== undefined ? edgeSafe(summaries, min, max) : undefined;
  for (const block of member.source.scan(member.ref, reading.fields, min.ms, max.ms, wanted)) {
    if (block.kind === 'summary') {
      yield { block, mask: null };
      continue;
    }
    let mask = member.filter === null ? null : member.filter.mask(block, reading.filterColumns);
    if (cutsEdges && block.n > 0) mask = cutEdges(block, mask, min, max);
    yield { block, mask };
  }
}

type Edge = { readonly ms: number; readonly nanos: number };

/** A block at an edge that lies inside a millisecond must come as rows, so that its rows beyond the edge can be left out. */
function edgeSafe(summaries: SummaryWanted, min: Edge, max: Edge): SummaryWanted {
  const from = min.nanos === 0 ? min.ms : min.ms + 1;
  const to = max.nanos === 999_999 ? max.ms : max.ms - 1;
  return (t0, t1) => t0 >= from && t1 <= to && summaries(t0, t1);
}

function cutEdges(block: RowBlock, mask: Uint8Array | null, min: Edge, max: Edge): Uint8Array | null {
  const first = block.times[0] ?? 0;
  const last = block.times[block.n - 1] ?? 0;
  if (first > min.ms && last < max.ms) return mask;
  const cut = mask ?? new Uint8Array(block.n).fill(1);
  for (let i = 0; i < block.n; i++) {
    const ms = block.times[i] ?? 0;
    const nanos = block.nanos?.[i] ?? 0;
    if ((ms === min.ms && nanos < min.nanos) || (ms === max.ms && nanos > max.nanos)) cut[i] = 0;
  }
  return cut;
}
