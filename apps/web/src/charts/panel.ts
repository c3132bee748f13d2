import type { Aggregate, SeriesAsk } from '../api/series.ts';
import type { HostDetail } from '../api/types.ts';
import type { ChartModel } from './model.ts';
import type { Columns } from './tail.ts';

/** One question of a panel, for one host or for none. */
export interface Source {
  readonly measurement: string;
  readonly field: string;
  readonly aggregate: Aggregate;
  /** Tags that make lines of their own; none: one line. */
  readonly by?: readonly string[];
  readonly where?: readonly string[];
  /** Also ask for the extremes of each bucket. */
  readonly band?: boolean;
  /** The store may not have it yet: then there are no samples, instead of an error. */
  readonly optional?: boolean;
}

export interface BuildContext {
  readonly detail: HostDetail | null;
  /** Time between two samples, ms. */
  readonly interval: number;
}

/** What a panel asks and how the answers become a chart. `build` gives null if the host has no such thing. */
export interface PanelSpec {
  readonly id: string;
  readonly title: string;
  /** Tier of what it draws, where that is not the fast one. */
  readonly tier?: 'medium' | 'slow';
  /** Has the host such a thing? Absent: every host has. */
  readonly has?: (detail: HostDetail | null) => boolean;
  readonly sources: readonly Source[];
  readonly build: (columns: readonly Columns[], context: BuildContext) => ChartModel | null;
}

export function toAsk(source: Source, host: string | null, aggregate: Aggregate = source.aggregate): SeriesAsk {
  return {
    measurement: source.measurement,
    field: source.field,
    aggregate,
    ...(host === null ? {} : { host }),
    groupBy: source.by ?? ['host'],
    where: source.where ?? [],
  };
}
