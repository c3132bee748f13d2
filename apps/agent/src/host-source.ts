import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type HostAccess, LocalHost, ReplayHost, type ReplayTime } from '@hostwire/host-access';
import type { Tier } from '@hostwire/model';
import type { HostReach } from './gateway/reach.ts';

/** Where what is collected comes from: this host, or a recording of one. */
export interface HostSource {
  readonly access: HostAccess;
  /** True if this is the recording that ships with the project. */
  readonly mock: boolean;
  /** The recording that is played, null for this host. */
  readonly replay: ReplayPlayer | null;
  /** Whether it can be reached; absent: it is this machine. */
  readonly reach?: HostReach;
}

/** A recording has one reading head: its ticks must not overlap. */
export interface ReplayPlayer {
  /** Moves to the next recorded tick of a tier. */
  beginTick(tier: Tier): ReplayTime;
  now(): ReplayTime;
}

export interface HostSourceOptions {
  /** Folder of a diagnostic dump. */
  readonly replay?: string | undefined;
  readonly mock: boolean;
  /** Go round at the end of a recording. */
  readonly loop: boolean;
  /** HOST_ROOT: where the host's file system is mounted in a container. */
  readonly root?: string | undefined;
  /** Whether commands that need root may be run through sudo. */
  readonly sudo?: boolean;
}

/** True where there is nothing to collect from (no Linux). */
export function lacksProc(root = '/'): boolean {
  return !existsSync(`${root.replace(/\/$/, '')}/proc/stat`);
}

/** Opens the host. Throws AccessError if a recording cannot be read. */
export async function openHost({ replay, mock, loop, root, sudo = false }: HostSourceOptions): Promise<HostSource> {
  if (replay === undefined && !mock) {
    return { access: new LocalHost({ sudo, ...(root === undefined || root === '' ? {} : { root }) }), mock: false, replay: null };
  }
  const host = await ReplayHost.open(replay ?? mockFolder(), { loop });
  return { access: host, mock: replay === undefined, replay: host };
}

/** Beside the bundle (dist/mock) or beside the sources (mock). */
function mockFolder(): string {
  const folders = ['./mock', '../mock'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return folders.find((folder) => existsSync(folder)) ?? folders[0] ?? '';
}
