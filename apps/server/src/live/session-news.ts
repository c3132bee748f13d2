import type { HostLive } from './host-live.ts';
import type { LiveState } from './live-state.ts';
import { lookOf } from './sessions.ts';

/** Tells which hosts have other sessions than when it was asked last, for whoever shows them. */
export interface SessionNews {
  /** At first all hosts that have any. */
  read(): string[];
  /** Nobody listens any more. */
  forget(): void;
}

export function sessionNews(live: Pick<LiveState, 'hosts'>, now: () => number): SessionNews {
  let told: ReadonlyMap<string, string> = new Map();
  return {
    read() {
      const standing = new Map([...live.hosts()].map((host) => [host.host, standingOf(host, now())]));
      const names = new Set([...told.keys(), ...standing.keys()]);
      const moved = [...names].filter((host) => (told.get(host) ?? '') !== (standing.get(host) ?? ''));
      told = standing;
      return moved;
    },
    forget() {
      told = new Map();
    },
  };
}

function standingOf(host: HostLive, now: number): string {
  const look = lookOf(host, now);
  return look === null || look.rows.length === 0 ? '' : `${look.time} ${look.current} ${look.killable.reason}`;
}
