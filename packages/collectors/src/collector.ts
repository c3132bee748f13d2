import type { HostAccess } from '@hostwire/host-access';
import type { Capability, CollectorDeclaration, Row } from '@hostwire/model';
import type { Static, TSchema } from 'typebox';

/** What one call of `collect` gets. */
export interface CollectContext<Options = unknown> {
  readonly access: HostAccess;
  readonly options: Options;
  /** Milliseconds since the epoch: the tick's stamp. */
  readonly time: number;
  /**
   * Milliseconds on a clock that never goes back, for rates: it advances by the difference of the ticks' stamps (unless
   * the wall clock jumped), so that a replayed run computes the rates that the recorded one did.
   */
  readonly monotonic: number;
  readonly signal: AbortSignal;
  /** This collector's own memory between its calls (the previous reading); empty at the first. */
  readonly memory: Map<string, unknown>;
  /**
   * A part that could not be asked (one hung mount) while the rest has rows: becomes an entry of the sample's `errors`
   * exactly as if it had been thrown, and the rows are kept.
   */
  report(error: unknown): void;
}

/** Measurement -> rows. A measurement without rows is left out. */
export type CollectedRows = Record<string, Row[]>;

/** One command that a collector runs. */
export interface CommandNeed {
  /** As it is looked up on PATH, without folder. */
  readonly command: string;
  /** Each argument as it is, or the source of a regular expression that the whole of that ONE argument matches. */
  readonly args: readonly (string | { readonly pattern: string })[];
  /** It needs root. */
  readonly sudo?: boolean;
}

/** What a collector runs and reads beyond /proc and /sys; what is not here it does not get. */
export interface CollectorNeeds {
  readonly commands?: readonly CommandNeed[];
  /** Absolute paths; `*` is any part of one name. */
  readonly files?: readonly string[];
  /** Unix sockets, and the paths that are asked for over each; `*` is any part between two slashes, at the end of a word a query. */
  readonly sockets?: readonly { readonly path: string; readonly get: readonly string[] }[];
}

/** A declaration plus two functions. A new collector is one folder and one line in `all-collectors.ts`. */
export interface Collector<Options = unknown> extends CollectorDeclaration {
  /**
   * Schema of `[collectors.<name>]` beyond `enabled`, `tier` and `timeout_seconds`; every key has a default, and says with
   * `remote` whether a server may set it: false for paths, commands, credentials and what is probed.
   */
  readonly options: TSchema;
  /** What it runs and reads whatever its options are. */
  readonly needs?: CollectorNeeds;
  /** What its options make it run and read beyond that: what the host's own file names, such as a command. */
  configuredNeeds?(options: Options): CollectorNeeds;
  /** Off unless the configuration turns it on. */
  readonly optIn?: true;
  /** What measurements beginning with `CUSTOM_PREFIX` hold is not known before: they are taken without a declaration. */
  readonly undeclared?: true;
  /** True if the first reading gives no rates and a second is worth waiting for (`--dry-run`, the agent's start). */
  readonly needsTwo?: boolean;
  probe(access: HostAccess, options: Options): Promise<Capability>;
  /** Throws when the host was asked and it went wrong; the runner turns that into an entry of `errors`. */
  collect(context: CollectContext<Options>): Promise<CollectedRows>;
}

/** A collector whose `options` type follows from its schema. */
export function defineCollector<Schema extends TSchema>(
  collector: Omit<Collector<Static<Schema>>, 'options'> & { readonly options: Schema },
): Collector {
  return collector;
}
