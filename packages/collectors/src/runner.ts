import { setMaxListeners } from 'node:events';
import { AccessError, type HostAccess } from '@hostwire/host-access';
import { type Capability, type CollectError, canonicalJson, type Row, type Tier } from '@hostwire/model';
import { type CleanRows, cleanRows, cut, printable } from './clean-rows.ts';
import type { Collector } from './collector.ts';
import { type CollectorSettings, type CollectorsConfig, settingsOf } from './config.ts';
import { boundAccess } from './needs.ts';
import { COLLECTORS } from './registry.ts';
import { TickPace } from './tick-pace.ts';

export interface RunnerOptions {
  readonly access: HostAccess;
  /** Default: all of the registry. */
  readonly collectors?: readonly Collector[];
  /** `[collectors]` of the agent's configuration; see `collectorsConfigSchema`. */
  readonly options?: CollectorsConfig;
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
  /** Milliseconds on a clock that never jumps, to know the time between ticks; under replay the recorded one. Default `performance.now`. */
  readonly monotonic?: () => number;
  /** For collectors whose configuration names none; default 10,000. */
  readonly timeoutMs?: number;
  /** Whatever the configuration says, no collector is waited for longer; default: no such bound. */
  readonly maxTimeoutMs?: number;
  /** Hears what each look at a collector found. Must not throw. */
  readonly onCapability?: (name: string, capability: Capability) => void;
}

/** What one tick of one tier gave: the rows and errors of a sample. */
export interface Collected {
  /** Milliseconds since the epoch, stamped before anything was asked. */
  readonly time: number;
  readonly data: Record<string, Row[]>;
  readonly errors: CollectError[];
}

/** What of a runner may change while it runs. */
export type RunnerSettings = Pick<RunnerOptions, 'collectors' | 'options' | 'maxTimeoutMs'>;

export interface Runner {
  /** Collectors that are switched on, with the tier that they run in. */
  readonly collectors: readonly { readonly name: string; readonly tier: Tier; readonly needsTwo: boolean }[];
  /**
   * Runs all collectors of a tier at once; resolves when all have answered or run out of time, and never rejects.
   * A collector that is not available (see `probeAll`) is passed over in silence; one that still runs since the last
   * tick is an error `busy`.
   */
  collect(tier: Tier, time?: number): Promise<Collected>;
  /** Asks every collector, or those of these names, whether this host has what it needs, by name. Never rejects. */
  probeAll(names?: readonly string[]): Promise<Record<string, Capability>>;
  /**
   * Goes on with other settings. A collector whose own settings are the same keeps its memory, and so its rates; what runs
   * now ends as it began. Returns the names of those that are new or changed. Throws as `createRunner` does.
   */
  configure(settings: RunnerSettings): string[];
  /** Aborts what runs. */
  close(): void;
}

/** What is not available is asked for again after this time: a tool may have been installed. */
const PROBE_AGAIN_MS = 10 * 60_000;

/** Errors of one collector in one tick; what comes beyond says no more, and a sample may hold 256 of them in all. */
const MAX_ERRORS = 8;

interface Entry {
  readonly collector: Collector;
  readonly access: HostAccess;
  readonly settings: CollectorSettings;
  timeoutMs: number;
  readonly memory: Map<string, unknown>;
  running: AbortController | null;
  /** Null: not known, or no more. */
  capability: Capability | null;
  probedAt: number;
}

interface Outcome {
  readonly clean: CleanRows | null;
  readonly errors: CollectError[];
  readonly durationMs: number;
}

const NO_ROWS: CleanRows = { data: {}, rows: 0, dropped: 0 };

/** Throws an Error that names the key if `options` is not valid for these collectors. */
export function createRunner(given: RunnerOptions): Runner {
  const { access, now = Date.now, monotonic = () => performance.now() } = given;
  let entries = toEntries(given);
  const pace = new TickPace();
  const enabled = (): Entry[] => entries.filter(({ settings }) => settings.enabled);

  function toEntries({ collectors = COLLECTORS, options = {}, maxTimeoutMs }: RunnerSettings, known: readonly Entry[] = []): Entry[] {
    return collectors.map((collector) => {
      const settings = settingsOf(collector, options);
      const timeoutMs = Math.min(
        maxTimeoutMs ?? Number.POSITIVE_INFINITY,
        settings.timeoutSeconds === undefined ? (given.timeoutMs ?? 10_000) : settings.timeoutSeconds * 1000,
      );
      const same = known.find((entry) => entry.collector === collector && canonicalJson(entry.settings) === canonicalJson(settings));
      if (same === undefined) {
        const bound = boundAccess(access, collector, settings.options);
        const unknown = { running: null, capability: null, probedAt: 0 };
        return { collector, settings, timeoutMs, access: bound, memory: new Map<string, unknown>(), ...unknown };
      }
      same.timeoutMs = timeoutMs;
      return same;
    });
  }

  async function isAvailable(entry: Entry): Promise<boolean> {
    const known = entry.capability;
    if (known !== null && (known.available || performance.now() - entry.probedAt <= PROBE_AGAIN_MS)) return known.available;
    return (await lookAgain(entry)).available;
  }

  async function lookAgain(entry: Entry): Promise<Capability> {
    const { available, ...why } = await entry.collector.probe(entry.access, entry.settings.options);
    return learn(entry, { available, ...mapText(why) });
  }

  function learn(entry: Entry, found: Capability): Capability {
    entry.capability = found;
    entry.probedAt = performance.now();
    given.onCapability?.(entry.collector.name, found);
    return found;
  }

  /** Rows, or null if the collector is not available here. Rejects with what the collector threw. */
  async function ask(entry: Entry, time: number, reading: number, signal: AbortSignal, report: (error: unknown) => void) {
    if (!(await isAvailable(entry))) return null;
    const { collector, settings, memory } = entry;
    const rows = await collector.collect({
      access: entry.access,
      options: settings.options,
      time,
      monotonic: reading,
      signal,
      memory,
      report,
    });
    return cleanRows(rows, collector.measurements, collector.undeclared);
  }

  async function run(entry: Entry, time: number, reading: number): Promise<Outcome> {
    const { name } = entry.collector;
    if (entry.running !== null) {
      const error = { collector: name, code: 'busy', message: 'still runs since the last tick, so it was not started again' };
      return { clean: NO_ROWS, errors: [error], durationMs: 0 };
    }
    const controller = new AbortController();
    // Every file that is read listens to it: a thousand at once are no leak.
    setMaxListeners(0, controller.signal);
    entry.running = controller;
    const began = performance.now();
    const errors: CollectError[] = [];
    const report = (error: unknown) => {
      if (errors.length < MAX_ERRORS) errors.push(toError(name, error));
    };
    const work = ask(entry, time, reading, controller.signal, report).catch((error: unknown) => {
      if (error instanceof AccessError && error.code === 'not-recorded') {
        // A recording that was made before there was this collector knows nothing of it.
        learn(entry, { available: false, reason: text(error.message) });
        return null;
      }
      report(error);
      // What has gone away since the probe is found out by the next one.
      entry.capability = null;
      return NO_ROWS;
    });
    void work.finally(() => {
      entry.running = null;
    });
    const answer = await within(work, entry.timeoutMs);
    const durationMs = performance.now() - began;
    if (answer === 'timeout') {
      const told = [...errors, { collector: name, code: 'timeout', message: `no answer in ${entry.timeoutMs / 1000} s` }];
      controller.abort();
      return { clean: NO_ROWS, errors: told, durationMs };
    }
    if (answer?.problem !== undefined) {
      const message = `${answer.dropped} values were left out: ${answer.problem}`;
      errors.push({ collector: name, code: 'schema', message: text(message) });
    }
    return { clean: answer, errors, durationMs };
  }

  return {
    get collectors() {
      return enabled().map(({ collector: { name, needsTwo = false }, settings: { tier } }) => ({ name, tier, needsTwo }));
    },

    async collect(tier, time = now()) {
      const reading = pace.reading(tier, time, monotonic());
      const due = enabled().filter(({ settings }) => settings.tier === tier);
      const outcomes = await Promise.all(due.map((entry) => run(entry, time, reading)));
      const data: Record<string, Row[]> = {};
      const errors: CollectError[] = [];
      const self: Row[] = [];
      outcomes.forEach((outcome, index) => {
        const name = due[index]?.collector.name;
        if (name === undefined || outcome.clean === null) return;
        for (const [measurement, rows] of Object.entries(outcome.clean.data)) data[measurement] = [...(data[measurement] ?? []), ...rows];
        errors.push(...outcome.errors);
        self.push({
          tags: { collector: name },
          fields: {
            duration_ms: Math.round(outcome.durationMs * 1000) / 1000,
            rows: outcome.clean.rows,
            dropped: outcome.clean.dropped,
            success: outcome.errors.length === 0,
          },
        });
      });
      if (self.length > 0) data['collector'] = self;
      return { time, data, errors };
    },

    async probeAll(names) {
      const asked = entries.filter(({ collector: { name } }) => names?.includes(name) ?? true);
      return Object.fromEntries(await Promise.all(asked.map(async (entry) => [entry.collector.name, await probe(entry)] as const)));
    },

    configure(settings) {
      const before = entries;
      entries = toEntries(settings, before);
      return entries.filter((entry) => !before.includes(entry)).map(({ collector }) => collector.name);
    },

    close() {
      for (const entry of entries) entry.running?.abort();
    },
  };

  async function probe(entry: Entry): Promise<Capability> {
    const { name } = entry.collector;
    if (!entry.settings.enabled) {
      return { available: false, reason: 'switched off in the configuration', hint: `[collectors.${name}] enabled = true` };
    }
    try {
      const answer = await within(lookAgain(entry), entry.timeoutMs);
      return answer === 'timeout' ? { available: false, reason: `no answer in ${entry.timeoutMs / 1000} s` } : answer;
    } catch (error) {
      return { available: false, reason: toError(name, error).message };
    }
  }
}

/** What `work` gives, or `timeout` if that takes longer than `ms`. */
async function within<T>(work: Promise<T>, ms: number): Promise<T | 'timeout'> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<'timeout'>((resolve) => {
    timer = setTimeout(resolve, ms, 'timeout');
  });
  try {
    return await Promise.race([work, expiry]);
  } finally {
    clearTimeout(timer);
  }
}

/** What was thrown as an entry of a sample's `errors`: one printable line of at most 500 characters. */
function toError(collector: string, error: unknown): CollectError {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'failed';
  const message = error instanceof Error ? error.message : String(error);
  return { collector, code: cut(printable(code), 64), message: text(message) };
}

/** What a probe says, with names of the host's in it, for a log and a page: a printable line each. */
function mapText({ reason, hint }: Omit<Capability, 'available'>): Omit<Capability, 'available'> {
  return { ...(reason === undefined ? {} : { reason: text(reason) }), ...(hint === undefined ? {} : { hint: text(hint) }) };
}

function text(message: string): string {
  return cut(printable(message), 500);
}
