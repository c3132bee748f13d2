/** What `zpool status` says of a pool, in either of its forms. */
export interface PoolStatus {
  readonly pool: string;
  /** Errors of data that could not be repaired; absent if they may not be counted. */
  readonly errors?: number;
  readonly scans: readonly Scan[];
  /** The pool itself first, with an empty path. */
  readonly vdevs: readonly Vdev[];
}

/** A scrub or a resilver: the last one, or the one that runs. */
export interface Scan {
  readonly kind: 'scrub' | 'resilver';
  readonly state: 'running' | 'paused' | 'finished' | 'canceled';
  /** When it ended: ms since 1970, by the clock of the time zone that the text is in. */
  readonly endedAt?: number;
  /** Done, 0 to 100. */
  readonly percent?: number;
  /** That it found and could not repair. */
  readonly errors?: number;
}

/** A device of a pool, or a group of them. */
export interface Vdev {
  /** Names from the top, as `mirror-0/sda`, `logs/nvme0n1p1`, `spares/sdc`; empty for the pool itself. */
  readonly path: string;
  /** ONLINE, DEGRADED, FAULTED, OFFLINE, UNAVAIL, REMOVED, AVAIL, INUSE ... */
  readonly state: string;
  readonly readErrors?: number;
  readonly writeErrors?: number;
  readonly checksumErrors?: number;
}

/** A path of one more name. File vdevs are named by their whole path. */
export function joinPath(above: string, name: string): string {
  const own = name.replace(/^\/+/, '');
  return above === '' ? own : `${above}/${own}`;
}
