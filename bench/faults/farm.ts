import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Program } from './program.ts';
import type { Stack } from './stack.ts';

/** What a farm process is started with. */
export interface FarmOptions {
  readonly brokerUrl: string;
  readonly hosts: Stack['hosts'];
  /** Samples per second of one host. */
  readonly rate: number;
  /** Of the spools. */
  readonly folder: string;
  readonly ledger: string;
  /** Every so many samples one carries a row of measurement `poison`, which a store under test refuses. */
  readonly poisonEvery?: number;
  /** Other than an agent's own. */
  readonly spool?: { readonly minFreeBytes?: number; readonly ringSamples?: number; readonly doubtMs?: number };
  readonly timing?: { readonly minDelayMs?: number; readonly maxDelayMs?: number; readonly ackTimeoutMs?: number };
}

interface FarmReport {
  readonly pending: number;
  readonly collected: number;
  readonly sampling: boolean;
}

/** Agents of several hosts in one process, which is killed and started again as a whole. */
export class Farm {
  readonly program: Program;
  readonly #options: FarmOptions;
  #last: FarmReport = { pending: 0, collected: 0, sampling: true };
  #stopped = false;

  constructor(name: string, bundle: string, options: FarmOptions) {
    mkdirSync(options.folder, { recursive: true });
    this.#options = options;
    this.program = new Program({ name, args: [bundle, JSON.stringify(options)], ready: 'ready' });
    this.program.onMessage((message) => {
      this.#last = message as FarmReport;
    });
  }

  get name(): string {
    return this.program.name;
  }

  /** Samples that its agents hold: not acknowledged. */
  get pending(): number {
    return this.#last.pending;
  }

  /** Samples that it entered since its start. */
  get collected(): number {
    return this.#last.collected;
  }

  async kill(): Promise<void> {
    await this.program.kill();
  }

  async restart(): Promise<void> {
    this.#last = { pending: Number.POSITIVE_INFINITY, collected: 0, sampling: true };
    await this.program.restart();
    if (this.#stopped) this.stopSampling();
  }

  /** From now on it only delivers what it holds. */
  stopSampling(): void {
    this.#stopped = true;
    this.program.send({ kind: 'stop-sampling' });
  }

  /** From now on all its hosts report a busy processor. */
  makeBusy(): void {
    this.program.send({ kind: 'busy' });
  }

  /** Stops sampling until `resume`, and resolves when nothing is under way. */
  async pause(): Promise<void> {
    this.program.send({ kind: 'pause' });
    // What it told last may be older than the pause.
    await sleep(500);
    while (this.#last.pending > 0) await sleep(50);
  }

  resume(): void {
    this.program.send({ kind: 'resume' });
  }

  get drained(): boolean {
    return !this.#last.sampling && this.#last.pending === 0;
  }

  /** `host run` -> seqs, of all that was collected. A line that was cut by a kill cannot be: each is one write(2). */
  ledger(): Map<string, Set<number>> {
    const collected = new Map<string, Set<number>>();
    for (const line of readFileSync(this.#options.ledger, 'utf8').split('\n')) {
      if (line === '') continue;
      const [host = '', run = '', seq = ''] = line.split(' ');
      const key = `${host} ${run}`;
      const seqs = collected.get(key) ?? new Set();
      collected.set(key, seqs.add(Number(seq)));
    }
    return collected;
  }
}

/** The hosts of a stack divided among processes; `rate` is of all of them together. Nothing is started yet. */
export function makeFarms(
  stack: Pick<Stack, 'brokerUrl' | 'hosts'>,
  bundle: string,
  {
    folder,
    spools = folder,
    processes,
    rate,
    ...rest
  }: { folder: string; spools?: string; processes: number; rate: number } & Pick<FarmOptions, 'timing' | 'poisonEvery' | 'spool'>,
): Farm[] {
  return Array.from(
    { length: processes },
    (_, index) =>
      new Farm(`agents ${index + 1}`, bundle, {
        brokerUrl: stack.brokerUrl,
        hosts: stack.hosts.filter((_host, at) => at % processes === index),
        rate: rate / stack.hosts.length,
        folder: join(spools, `spools-${index + 1}`),
        ledger: join(folder, `ledger-${index + 1}`),
        ...rest,
      }),
  );
}

/** Ends the sampling and waits until all is handed over, or for so long; the result is in seconds. */
export async function drain(farms: readonly Farm[], limitMs: number): Promise<number> {
  for (const farm of farms) farm.stopSampling();
  const start = performance.now();
  while (!farms.every(({ drained }) => drained) && performance.now() - start < limitMs) await sleep(100);
  return Math.round((performance.now() - start) / 100) / 10;
}

export function ledgerOf(farms: readonly Farm[]): Map<string, Set<number>> {
  return new Map(farms.flatMap((farm) => [...farm.ledger()]));
}

export function sizeOf(ledger: ReadonlyMap<string, ReadonlySet<number>>): number {
  return [...ledger.values()].reduce((sum, seqs) => sum + seqs.size, 0);
}

/** The farm's program as one file, so that it starts as fast as an agent does. */
export async function bundleFarm(folder: string): Promise<string> {
  const outfile = join(folder, 'farm.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('farm-process.ts', import.meta.url))],
    outfile,
    bundle: true,
    // Native parts of ssh2, which the farm does not load.
    external: ['cpu-features', '*.node'],
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    conditions: ['@hostwire/source'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    define: { HOSTWIRE_VERSION: '"0"' },
    logLevel: 'error',
  });
  return outfile;
}
