import type { TmuxSession } from './session.ts';

/** Noon of a day, ms. */
export const NOON = Date.UTC(2026, 3, 22, 12);

/** A legacy session like others, but for what is said of it. */
export function session(name: string, change: Partial<TmuxSession> = {}): TmuxSession {
  return {
    ...{ id: `box~${name}`, host: 'box', user: 'mira', name, windows: 1, attached: 0, created: NOON - 1e9, lastActivity: NOON - 5e8 },
    ...{ status: 'legacy', cpu: 0, memory: 1e6, gpuMemory: null, pids: 1, current: true, time: NOON, age: 2 },
    ...{ attachCommand: `ssh mira@box -t 'tmux attach -t ${name}'`, sshUrl: 'ssh://mira@box', killable: { allowed: true } },
    ...change,
  };
}
