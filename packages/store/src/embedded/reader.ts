import type { FieldType } from '@hostwire/model';
import type { Block, Column, RowBlock, Scalar, SeriesReader, SeriesRef, SummaryBlock, SummaryWanted } from '../series-reader.ts';
import { DamagedError } from './binary.ts';
import { columnList, columnMap, cut, narrowed, present, slice, valueAt } from './blocks.ts';
import { Chunk, type Times } from './chunk.ts';
import type { ChunkSummaries, ColdChunk, ColdFile } from './cold-file.ts';
import { ColdReader } from './cold-reader.ts';
import { type Database, Dictionary, type Field, type Series } from './dictionary.ts';
import { lowerBound } from './hot-directory.ts';
import { HotReader } from './hot-reader.ts';
import { copyCell } from './row-merge.ts';
import { RowReader } from './row-reader.ts';
import { type MergedSeries, SeriesBuilder } from './series-merge.ts';
import { columnOf, rowOf, type Shape } from './shape.ts';
import { chunkKey, dayOf, HOUR, hourOf } from './slot.ts';
import { decodeSummaries } from './summary.ts';

export interface ReaderOptions {
  readonly directory: string;
  /** Told what is damaged; the rest is answered. */
  readonly report: (problem: string) => void;
  /** Called often; throws to end a query that nobody waits for any more. */
  readonly checkpoint: () => void;
}

/**
 * The series of a store, for reading, in one thread. Hot rows are always read before day files: what a compaction moves
 * in between is then seen twice, and merged, rather than missed.
 */
export class EmbeddedReader implements SeriesReader {
  readonly #dictionary = new Dictionary();
  readonly #hot: HotReader;
  readonly #cold: ColdReader;
  readonly #options: ReaderOptions;
  readonly #row: RowReader;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#hot = new HotReader(options.directory, this.#dictionary);
    this.#cold = new ColdReader(options.directory, options.report);
    this.#row = new RowReader(this.#dictionary.shapes);
    this.refresh();
  }

  /** To be called before each query: from then on everything is seen that was committed before. */
  refresh(): void {
    this.#hot.refresh();
    this.#cold.refresh();
  }

  close(): void {
    this.#hot.close();
    this.#cold.close();
  }

  databases(): string[] {
    return [...this.#dictionary.databases.keys()].sort(byCodeUnit);
  }

  measurements(database: string): string[] {
    return [...(this.#database(database)?.measurements.keys() ?? [])].sort(byCodeUnit);
  }

  fields(database: string, measurement: string): ReadonlyMap<string, FieldType> {
    const fields = this.#database(database)?.measurements.get(measurement)?.fields;
    return new Map([...(fields?.values() ?? [])].map(({ name, type }) => [name, type]));
  }

  series(database: string, measurement: string): readonly SeriesRef[] {
    return this.#database(database)?.measurements.get(measurement)?.series ?? [];
  }

  *scan(ref: SeriesRef, names: readonly string[], fromMs: number, toMs: number, summaries?: SummaryWanted): Iterable<Block> {
    const series = this.#dictionary.series.get(ref.sid);
    if (series === undefined || fromMs > toMs) return;
    const fields = names.map((name) => series.measurement.fields.get(name) ?? null);
    if (fields.every((field) => field === null)) return;
    const hot = this.#hotRows(series, fields, fromMs, toMs);
    const hotRows = { ...hot, columns: columnList(fields, hot.columns) };
    const wanted = summaries !== undefined && fields.every(isNumeric) && mayHoldChunks(summaries, fromMs, toMs) ? summaries : null;
    /** Hot rows up to here are yielded. */
    let next = 0;
    for (const day of this.#cold.days(dayOf(fromMs), dayOf(toMs))) {
      const chunks = this.#cold.read<(ColdChunk | SummaryBlock)[]>(day, [], (file) =>
        wanted === null
          ? file.chunks(series.sid, fromMs, toMs)
          : file.chunksOr(series.sid, fromMs, toMs, (chunk) => {
              const untouched = lowerBound(hot.times, chunk.t0, hot.n) === lowerBound(hot.times, chunk.t1 + 1, hot.n);
              const inside = chunk.t0 >= fromMs && chunk.t1 <= toMs;
              return inside && untouched && wanted(chunk.t0, chunk.t1) ? this.#summaryBlock(chunk, fields) : null;
            }),
      );
      for (const chunk of chunks) {
        this.#options.checkpoint();
        const first = lowerBound(hot.times, chunk.t0, hot.n);
        const end = lowerBound(hot.times, chunk.t1 + 1, hot.n);
        yield* present(slice(hotRows, next, first));
        next = Math.max(next, end);
        if ('summaries' in chunk) yield chunk;
        else yield* present(this.#chunkBlock(chunk, fields, { fromMs, toMs, hot, first, end }));
      }
    }
    yield* present(slice(hotRows, next, hot.n));
  }

  last(ref: SeriesRef, name: string, fromMs: number, toMs: number): { time: number; nanos: number; value: Scalar } | null {
    const series = this.#dictionary.series.get(ref.sid);
    const field = series?.measurement.fields.get(name);
    if (series === undefined || field === undefined || fromMs > toMs) return null;
    const { best: hot, missed } = this.#lastHot(series, field, fromMs, toMs);
    if (missed) this.#cold.refresh();
    else if (hot !== null && hot.time > this.#hot.coldTime(series.group)) return hot;
    const from = hot?.time ?? fromMs;
    for (const day of this.#cold.days(dayOf(from), dayOf(toMs)).reverse()) {
      const cold = this.#cold.read(day, null, (file) => this.#lastOfFile(file, series, field, from, toMs));
      if (cold === null) continue;
      // At the same time the hot row is the later write.
      const newer = hot === null || cold.time > hot.time || (cold.time === hot.time && cold.nanos > hot.nanos);
      return newer ? cold : hot;
    }
    return hot;
  }

  #database(name: string): Database | undefined {
    return this.#dictionary.databases.get(name);
  }

  /** The hot rows of a series that have a value of any of these fields, merged. */
  #hotRows(series: Series, fields: readonly (Field | null)[], fromMs: number, toMs: number): MergedSeries {
    const range = this.#hot.directory.range(series.group, fromMs, toMs);
    if (range === null) return NO_ROWS;
    const { rows, first, end } = range;
    const builder = new SeriesBuilder(Math.min(end - first, 4096));
    const reader = this.#row;
    const places = new Map<Shape, readonly number[] | null>();
    let missed = false;
    for (let i = first; i < end; i++) {
      if (i % 256 === 0) this.#options.checkpoint();
      const row = this.#hot.row(rows.ids[i] as number);
      if (row === null) {
        missed = true;
        continue;
      }
      reader.open(row);
      while (reader.next()) {
        const known = places.get(reader.shape);
        const place = known === undefined ? placeOf(reader.shape, series.sid, fields) : known;
        if (known === undefined) places.set(reader.shape, place);
        if (place === null) continue;
        const line = place[0] as number;
        let target = -1;
        for (let j = 0; j < fields.length; j++) {
          const cell = place[j + 1] as number;
          if (cell < 0 || !reader.has(line, cell)) continue;
          if (target < 0) target = builder.row(rows.times[i] as number, reader.nanos);
          const field = fields[j] as Field;
          copyCell(reader, line, cell, builder.column(field.id, field.type), target);
        }
      }
    }
    // They are in a day file now, maybe one that was not there before.
    if (missed) this.#cold.refresh();
    return builder.n === 0 ? NO_ROWS : builder.finish();
  }

  #summaryBlock(chunk: ChunkSummaries, fields: readonly (Field | null)[]): SummaryBlock | null {
    try {
      const ids = fields.map((field) => field?.id ?? -1);
      const summaries = decodeSummaries(chunk.blob, ids, chunk.t0, chunk.t1);
      // One that has none may have values all the same.
      if (summaries.some((summary, i) => summary === null && fields[i] !== null)) return null;
      return { kind: 'summary', t0: chunk.t0, t1: chunk.t1, summaries };
    } catch (error) {
      this.#damaged(chunk, error);
      return null;
    }
  }

  /** The rows of a chunk, with the hot rows first <= i < end that fall into it; null if it has none. */
  #chunkBlock(
    found: ColdChunk,
    fields: readonly (Field | null)[],
    wanted: { fromMs: number; toMs: number; hot: MergedSeries; first: number; end: number },
  ): RowBlock | null {
    const { fromMs, toMs, hot, first, end } = wanted;
    let times: Times;
    let columns: readonly (Column | null)[];
    try {
      const chunk = new Chunk(found.blob, found.n);
      times = found.times();
      columns = fields.map((field) => (field === null ? null : chunk.column(field.id, field.type)));
    } catch (error) {
      this.#damaged(found, error);
      times = NO_ROWS;
      columns = fields.map(() => null);
    }
    if (first === end) return cut({ ...times, columns }, fromMs, toMs);
    const builder = new SeriesBuilder(times.n + end - first);
    builder.add(times, columnMap(fields, columns));
    const part = slice({ ...hot, columns: columnList(fields, hot.columns) }, first, end);
    if (part !== null) builder.add(part, columnMap(fields, part.columns));
    const merged = builder.finish();
    return cut({ ...merged, columns: columnList(fields, merged.columns) }, fromMs, toMs);
  }

  /** `missed`: a row was moved to a day file meanwhile. */
  #lastHot(series: Series, field: Field, fromMs: number, toMs: number): { best: LastValue | null; missed: boolean } {
    const range = this.#hot.directory.range(series.group, fromMs, toMs);
    if (range === null) return { best: null, missed: false };
    let missed = false;
    const { rows, first, end } = range;
    const reader = this.#row;
    let best: LastValue | null = null;
    for (let i = end - 1; i >= first; i--) {
      const time = rows.times[i] as number;
      // Rows of the same ms may differ in nanoseconds.
      if (best !== null && time < best.time) break;
      if (i % 256 === 0) this.#options.checkpoint();
      const row = this.#hot.row(rows.ids[i] as number);
      if (row === null) {
        missed = true;
        continue;
      }
      reader.open(row);
      let value: Scalar | null = null;
      while (reader.next()) {
        const line = rowOf(reader.shape, series.sid);
        const cell = line < 0 ? -1 : columnOf(reader.shape, field.id);
        if (cell >= 0 && reader.has(line, cell)) value = cellValue(reader, line, cell, field.type);
      }
      if (value !== null && (best === null || reader.nanos > best.nanos)) best = { time, nanos: reader.nanos, value };
    }
    return { best, missed };
  }

  #lastOfFile(file: ColdFile, series: Series, field: Field, fromMs: number, toMs: number): LastValue | null {
    for (let below = chunkKey(series.sid, 32); ; ) {
      const found = file.newestChunk(series.sid, below, fromMs, toMs);
      if (found === null) return null;
      below = found.key;
      try {
        const times = found.times();
        const column = new Chunk(found.blob, found.n).column(field.id, field.type);
        const end = lowerBound(times.times, toMs + 1, times.n);
        for (let i = end - 1; column !== null && i >= 0 && (times.times[i] as number) >= fromMs; i--) {
          const value = valueAt(column, i);
          if (value !== null) return { time: times.times[i] as number, nanos: times.nanos?.[i] ?? 0, value };
        }
      } catch (error) {
        this.#damaged(found, error);
      }
    }
  }

  #damaged(chunk: { readonly key: number; readonly t0: number }, error: unknown): void {
    if (!(error instanceof DamagedError)) throw error;
    const day = new Date(chunk.t0).toISOString().slice(0, 10);
    this.#options.report(`chunk ${chunk.key} of ${day} is damaged and is left out: ${error.message}`);
  }
}

interface LastValue {
  readonly time: number;
  readonly nanos: number;
  readonly value: Scalar;
}

const NO_ROWS: MergedSeries = { n: 0, times: new Float64Array(0), nanos: null, columns: new Map() };

const isNumeric = (field: Field | null): boolean => field === null || field.type === 'int' || field.type === 'float';

/** False if buckets are so short that no chunk can lie in one: an hour in the middle does not. */
function mayHoldChunks(summaries: SummaryWanted, fromMs: number, toMs: number): boolean {
  const middle = hourOf((fromMs + toMs) / 2) * HOUR;
  return !Number.isFinite(middle) || summaries(middle, middle + HOUR - 1);
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The series' row of the shape, then the column of each field (-1: none); null if the shape has nothing of what is wanted. */
function placeOf(shape: Shape, sid: number, fields: readonly (Field | null)[]): readonly number[] | null {
  const row = rowOf(shape, sid);
  if (row < 0) return null;
  const columns = fields.map((field) => (field === null ? -1 : columnOf(shape, field.id)));
  return columns.every((column) => column < 0) ? null : [row, ...columns];
}

function cellValue(reader: RowReader, row: number, cell: number, type: FieldType): Scalar {
  switch (type) {
    case 'string':
      return reader.text(row, cell);
    case 'bool':
      return reader.bool(row, cell) === 1;
    case 'int':
      return reader.big ? narrowed(reader.bigint(row, cell)) : reader.number(row, cell);
    case 'float':
      return reader.number(row, cell);
  }
}
