import type { TmuxSessionBody } from '../../server/src/api/session-schemas.ts';

/** The sessions of the design's story. */

const GIB = 1024 ** 3;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

type Told = readonly [host: string, user: string, name: string, windows: number, attached: number, age: number, idle: number];

const TOLD: readonly (readonly [...Told, cpu: number, memory: number, gpu: number, pids: number])[] = [
  ['gpu-box', 'mira', 'train-llm', 2, 1, 3 * HOUR, 0, 214, 38.2, 37.9, 12],
  ['gpu-box', 'ops', 'ops', 3, 1, 9 * HOUR, 0, 0.4, 0.21, 0, 6],
  ['gpu-box', 'mira', 'jupyter', 1, 0, 9 * HOUR, 4 * HOUR, 1.18, 1.18, 0, 3],
  ['gpu-box', 'mira', 'train-old', 3, 0, 12 * DAY, 9 * DAY, 0.02, 6.21, 4.1, 4],
  ['gpu-box', 'mira', 'notebook', 1, 0, 8 * DAY, 4 * DAY, 0.31, 2.91, 1.22, 2],
  ['db-1', 'postgres', 'migrate-db', 2, 0, 21 * DAY, 20 * DAY, 0, 1.34, 0, 3],
  ['pve2', 'root', 'build-kernel', 4, 0, 5 * DAY, 3.2 * DAY, 0.11, 0.72, 0, 9],
  ['nas', 'root', 'scrub-watch', 1, 0, 6 * DAY, 6 * DAY, 0.04, 0.06, 0, 2],
];

export function storySessions(now: number): TmuxSessionBody[] {
  return TOLD.map(([host, user, name, windows, attached, age, idle, cpu, memory, gpu, pids]) => ({
    ...{ id: `${host}~${name}`, host, user, name, windows, attached, cpu, pids },
    ...{ created: now - age, lastActivity: now - idle, status: idle > 3 * DAY ? 'legacy' : 'active' },
    ...{ memory: Math.round(memory * GIB), gpuMemory: gpu === 0 ? null : Math.round(gpu * GIB) },
    attachCommand: `ssh ${user}@${host} -t 'tmux attach -t ${name}'`,
    ...{ sshUrl: `ssh://${user}@${host}`, current: true, time: now - 2000, age: 2 },
    killable:
      host === 'nas'
        ? { allowed: false, reason: 'The agent of nas does not allow it: add "tmux.kill" to `allow` under [actions] in its agent.toml.' }
        : { allowed: true },
  }));
}
