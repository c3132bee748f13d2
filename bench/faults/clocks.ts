import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RealAgent } from './real-agent.ts';
import { startTestServer } from './test-server.ts';

/** Debian's package `faketime`, by architecture. */
const LIBRARIES = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((name) => `/usr/lib/${name}/faketime/libfaketime.so.1`);

export function fakeTimeLibrary(): string | null {
  return LIBRARIES.find((path) => existsSync(path)) ?? null;
}

export interface ClockRunOptions {
  readonly folder: string;
  /** As libfaketime reads it: an offset such as `+1h`, or `@1970-01-01 00:10:00` from which the clock goes on. */
  readonly first: string;
  /** What the clock jumps to half way; absent: it does not. */
  readonly later?: string;
  readonly seconds: number;
}

export interface ClockRunReport {
  /** Different (run, seq) in the store. */
  readonly samples: number;
  /** (run, seq) that stand there with more than one time. */
  readonly twice: number;
  /** Of the run: numbers from 1 to the largest that are missing. */
  readonly missing: number;
  /** Samples whose time is before the run's begin or after its end, by the server's clock. */
  readonly wrongTime: number;
  readonly offlineAlerts: number;
  /** How far its clock was off in the end, by its log, in minutes. */
  readonly offMinutes: number;
}

const TOLERANCE_MS = 2000;

/** The agent's own program under a clock that is wrong, and perhaps jumps; what the store then holds of it. */
export async function runWithClock({ folder, first, later, seconds }: ClockRunOptions): Promise<ClockRunReport> {
  const library = fakeTimeLibrary();
  if (library === null) throw new Error('libfaketime is not installed; it is in the package faketime');
  const server = await startTestServer(join(folder, 'server'), OFFLINE_SOON);
  const timeFile = join(folder, 'time');
  writeFileSync(timeFile, first);
  const begin = Date.now();
  const agent = new RealAgent({
    folder: join(folder, 'agent'),
    brokerUrl: server.brokerUrl,
    host: await server.enrol('pi'),
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: timeFile,
      FAKETIME_CACHE_DURATION: '1',
      // The monotonic clock of a machine does not jump.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
  });
  const offline = new Set<string>();
  const stop = server.onAlert(({ id, rule, state }) => {
    if (rule === 'host_offline' && state === 'firing') offline.add(id);
  });
  try {
    await sleep((seconds * 1000) / 2);
    if (later !== undefined) writeFileSync(timeFile, later);
    await sleep((seconds * 1000) / 2);
    // Before it says goodbye: then it is offline.
    stop();
    await agent.kill('SIGTERM');
    const rows = await server.agentRows('pi');
    const times = new Map<string, Set<number>>();
    const highest = new Map<string, number>();
    for (const { time, run, seq } of rows) {
      const key = `${run} ${seq}`;
      times.set(key, (times.get(key) ?? new Set()).add(time));
      highest.set(run, Math.max(highest.get(run) ?? 0, seq));
    }
    let missing = -times.size;
    for (const seq of highest.values()) missing += seq;
    const end = Date.now();
    return {
      samples: times.size,
      twice: [...times.values()].filter(({ size }) => size > 1).length,
      missing,
      wrongTime: rows.filter(({ time }) => time < begin - TOLERANCE_MS || time > end + TOLERANCE_MS).length,
      offlineAlerts: offline.size,
      offMinutes: Math.round((agent.clock() - end) / 60_000),
    };
  } finally {
    stop();
    await agent.kill();
    await server.close();
  }
}

const OFFLINE_SOON = `
[[rule]]
name = "host_offline"
severity = "critical"
condition = "offline"
for = "1s"
summary = "Host offline, no data for {age}"
`;
