import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '@hostwire/model';
import { Latencies } from './latency.ts';
import { Ledger } from './ledger.ts';
import { type LoadCounts, LoadHost } from './load-host.ts';

export interface LoadOptions {
  /** Of the broker; default 127.0.0.1. */
  readonly address?: string;
  readonly port: number;
  /** The hosts to simulate, each with its token; user name and client id are the host's id. */
  readonly hosts: readonly { readonly id: string; readonly token: string }[];
  /** What makes a sample done: the broker's PUBACK, or the server's `ack` that names it. */
  readonly mode: 'puback' | 'ack';
  /** Samples of one host that are not done; default 20. */
  readonly inFlight?: number;
  /** Samples per second of all hosts together; default: as fast as they are done. */
  readonly rate?: number;
  /** Ends after this many seconds or samples in all, whichever is first; one of them is needed (or `signal`). */
  readonly seconds?: number;
  readonly samples?: number;
  /** Ends when it aborts. */
  readonly signal?: AbortSignal;
  /** Longest wait at the end for what is not done; default 30 s. */
  readonly drainSeconds?: number;
  /** A sample that is not done after this time is sent again; default 10 s. */
  readonly resendSeconds?: number;
  /** Longest wait before a new attempt to connect, of which a random part is waited; default 1 s. */
  readonly reconnectSeconds?: number;
  /** File that gets a line `host run seq` for every sample that an `ack` named (mode `ack`). */
  readonly ledger?: string;
  readonly topicRoot?: string;
}

export interface LoadReport extends Readonly<LoadCounts> {
  /** Samples that were not done when the wait at the end was over. */
  readonly left: number;
  /** From the first sample until all were done or given up. */
  readonly seconds: number;
  /** Done samples per second of that time. */
  readonly samplesPerSecond: number;
  /** First publish until done, milliseconds. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number };
  /** CPU of this process, microseconds per sample. */
  readonly cpuMicrosPerSample: number;
  /** Host id -> its run, for looking it up in a store. */
  readonly runs: Readonly<Record<string, string>>;
}

const TICK_MS = 5;
/** More than any machine makes, and still a number to calculate with. */
const UNBOUNDED_RATE = 1e9;
/** Hosts that connect at once at the start. */
const CONNECTS_AT_ONCE = 20;

/**
 * Publishes as many hosts would and reports how it went. A broker that goes away is waited for; throws if it is not there at
 * the start (ConnectRefused if it refuses a host), and what the ledger's file system said.
 */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const { mode, inFlight = 20, rate = UNBOUNDED_RATE, seconds = Number.POSITIVE_INFINITY, signal } = options;
  if (options.seconds === undefined && options.samples === undefined && signal === undefined) {
    throw new Error('the load needs an end: seconds, samples or a signal');
  }
  const limit = options.samples ?? Number.POSITIVE_INFINITY;
  const counts: LoadCounts = {
    samples: 0,
    published: 0,
    pubacked: 0,
    acked: 0,
    resent: 0,
    clockRefused: 0,
    conflicts: 0,
    reconnects: 0,
  };
  const latencies = new Latencies();
  const ledger = options.ledger === undefined ? null : new Ledger(options.ledger);
  let due = 0;
  const hosts = options.hosts.map(
    ({ id, token }, i) =>
      new LoadHost({
        address: options.address ?? '127.0.0.1',
        port: options.port,
        id,
        token,
        mode,
        inFlight,
        resendMs: (options.resendSeconds ?? 10) * 1000,
        reconnectMs: (options.reconnectSeconds ?? 1) * 1000,
        topics: topics(options.topicRoot),
        seed: i + 1,
        counts,
        latencies,
        ledger,
        mayMake: () => counts.samples < due,
      }),
  );
  const pending = () => hosts.reduce((sum, host) => sum + host.pending, 0);
  try {
    for (let i = 0; i < hosts.length; i += CONNECTS_AT_ONCE) {
      await Promise.all(hosts.slice(i, i + CONNECTS_AT_ONCE).map((host) => host.connect()));
    }
    const cpu = process.cpuUsage();
    const began = performance.now();
    const elapsed = () => (performance.now() - began) / 1000;
    let turn = 0;
    let budget = 0;
    let last = began;
    while (counts.samples < limit && elapsed() < seconds && !signal?.aborted) {
      const now = performance.now();
      // A bounded rate that was held up goes on from where it is; it does not catch up in a burst.
      budget = Math.min(budget + ((now - last) / 1000) * rate, Math.max(1, rate / 10));
      last = now;
      const before = counts.samples;
      due = Math.min(limit, before + Math.floor(budget));
      shareOut(hosts, turn++, () => counts.samples);
      budget -= counts.samples - before;
      for (const host of hosts) host.resendLate(now);
      await sleep(TICK_MS);
    }
    due = 0;
    const drained = performance.now() + (options.drainSeconds ?? 30) * 1000;
    while (pending() > 0 && performance.now() < drained) {
      const now = performance.now();
      for (const host of hosts) host.resendLate(now);
      await sleep(TICK_MS);
    }
    const took = elapsed();
    const used = process.cpuUsage(cpu);
    const left = pending();
    const done = counts.samples - left - counts.clockRefused;
    return {
      ...counts,
      left,
      seconds: round(took),
      samplesPerSecond: round(done / took),
      latencyMs: {
        p50: round(latencies.percentile(0.5)),
        p95: round(latencies.percentile(0.95)),
        p99: round(latencies.percentile(0.99)),
        max: round(latencies.percentile(1)),
      },
      cpuMicrosPerSample: round((used.user + used.system) / Math.max(1, counts.samples)),
      runs: Object.fromEntries(hosts.map((host, i) => [options.hosts[i]?.id ?? '', host.run])),
    };
  } finally {
    for (const host of hosts) host.stop();
    await ledger?.close();
  }
}

/** One sample each in turn, another host first each time, until no host makes one more. */
function shareOut(hosts: readonly LoadHost[], turn: number, made: () => number): void {
  for (let before = -1; made() > before; ) {
    before = made();
    for (let i = 0; i < hosts.length; i++) hosts[(turn + i) % hosts.length]?.fill(1);
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
