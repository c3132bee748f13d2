import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toAbortError, toAccessError } from './access-failure.ts';
import { type Answer, type Asked, askLine, commandAsked, decodeHeaders, decodeNames, decodeStat } from './dump-entry.ts';
import { parseCommandsLog } from './dump-parse.ts';
import {
  AccessError,
  type AccessOptions,
  type DialAnswer,
  type DialAsk,
  type ExecOptions,
  type ExecResult,
  type FileSystemStat,
  type HostAccess,
  type HttpAnswer,
  type HttpAsk,
  type ResolveAnswer,
  type ResolveOptions,
} from './host-access.ts';
import { keepJson } from './keep-json.ts';
import { checkDial, dialTarget, dialUntil } from './local-dial.ts';
import { checkAsk, shownPath, targetOf } from './local-request.ts';
import { checkName } from './local-resolve.ts';
import { decodeDial, decodeResolved } from './net-answer.ts';
import { pruneOutput } from './prune-output.ts';
import { ReplayClock, type ReplayTime } from './replay-clock.ts';

/** The recorded answers to one and the same ask, in order. */
interface Track {
  readonly times: number[];
  readonly answers: Answer[];
  /** Index of the answer that is given next. */
  next: number;
}

/** The ticks of one tier. */
interface Tier {
  readonly clock: ReplayClock;
  /** What was asked since its last tick began. */
  asked: Set<Track>;
}

/** Of a request that was recorded by a version that did not time it. */
const NO_TIMINGS = { dnsMs: 0, connectMs: 0, tlsMs: 0, firstByteMs: 0, totalMs: 0 };

export interface ReplayOptions {
  /** Start again from the beginning after the last recorded answer, for ever (mock mode). Default: stay at the last. */
  readonly loop?: boolean;
}

/**
 * A host as it was recorded by a DiagnosticDump. The n-th ask of the same thing gets the n-th recorded answer, and what was
 * never recorded throws AccessError `not-recorded`. With `beginTick` the answers keep to the recorded ticks.
 */
export class ReplayHost implements HostAccess {
  readonly #tracks = new Map<string, Track>();
  readonly #loop: boolean;
  readonly #stamps: readonly number[];
  readonly #tiers = new Map<string, Tier>();
  /** The one whose tick began last. */
  #tier: Tier | null = null;
  /** When the latest answer given so far was recorded. */
  #latest = 0;
  #damaged = 0;

  private constructor(logs: readonly Buffer[], stamps: readonly number[], loop: boolean) {
    this.#loop = loop;
    this.#stamps = stamps;
    for (const log of logs) {
      for (const entry of parseCommandsLog(log)) {
        if (entry === 'damaged') this.#damaged += 1;
        else this.#add(entry.asked, entry.time, entry.answer);
      }
    }
  }

  /**
   * Reads commands.log, the rotated ones first, and the stamps of the samples in samples.log if it is there. Throws
   * AccessError if the folder holds no commands.log that can be read.
   */
  static async open(directory: string, { loop = false }: ReplayOptions = {}): Promise<ReplayHost> {
    const commands = await readLogs(directory, 'commands.log');
    if (commands.length === 0) {
      throw new AccessError('ENOENT', `${directory} holds no commands.log; name the folder of a diagnostic dump ([debug] dump_dir)`);
    }
    const samples = await readLogs(directory, 'samples.log');
    return new ReplayHost(
      commands,
      samples.flatMap(sampleStamps).sort((a, b) => a - b),
      loop,
    );
  }

  /** Entries of commands.log that are torn or damaged and were passed over. */
  get damaged(): number {
    return this.#damaged;
  }

  /**
   * Call before each tick, with its tier: what is asked from now on is answered from the recorded tick that follows the
   * last one of that tier, and `now` is that tick's stamp. After the last recorded tick time stands still, so that no rate
   * is made up; with `loop` it goes round.
   */
  beginTick(tier = ''): ReplayTime {
    const known = this.#tiers.get(tier);
    if (known === undefined) {
      const first = this.#tier?.clock.now.time ?? this.#firstTick();
      this.#tier = { clock: new ReplayClock(this.#stamps, first), asked: new Set() };
      this.#tiers.set(tier, this.#tier);
    } else {
      known.clock.advance(nextTimes(known.asked), this.#loop);
      known.asked = new Set();
      this.#tier = known;
    }
    return this.#tier.clock.now;
  }

  /** The recorded time of the tick that `beginTick` began last; 0 before the first. */
  now(): ReplayTime {
    return this.#tier?.clock.now ?? { time: 0, monotonic: 0 };
  }

  /** Begins again from the first recorded answer, as if it had just been opened. */
  rewind(): void {
    for (const track of this.#tracks.values()) track.next = 0;
    this.#tiers.clear();
    this.#tier = null;
    this.#latest = 0;
  }

  async exec(command: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const { stdout, stderr, exitCode = 0 } = this.#answer(commandAsked(command, args, options), options);
    // What is asked of a dump of another version may be less than what was kept.
    return pruneOutput({ exitCode, stdout, stderr }, options);
  }

  async readFile(path: string, options: AccessOptions = {}): Promise<string> {
    return this.#answer({ kind: 'file', path }, options).stdout;
  }

  readFiles(paths: readonly string[], options: AccessOptions = {}): Promise<(string | AccessError)[]> {
    return Promise.all(paths.map((path) => this.readFile(path, options).catch((thrown: unknown) => toAccessError(thrown, path))));
  }

  async readDir(path: string, options: AccessOptions = {}): Promise<string[]> {
    return decodeNames(this.#answer({ kind: 'dir', path }, options).stdout);
  }

  async readLink(path: string, options: AccessOptions = {}): Promise<string> {
    return this.#answer({ kind: 'link', path }, options).stdout;
  }

  async statFs(path: string, options: AccessOptions = {}): Promise<FileSystemStat> {
    return decodeStat(this.#answer({ kind: 'statfs', path }, options).stdout);
  }

  async request(ask: HttpAsk, options: AccessOptions = {}): Promise<HttpAnswer> {
    checkAsk(ask);
    const asked: Asked = { kind: 'request', method: ask.method ?? 'GET', target: targetOf(ask), path: shownPath(ask) };
    const { status, stdout, stderr, timings } = this.#answer(asked, options);
    const body = ask.keep === undefined ? stdout : keepJson(stdout, ask.keep);
    return {
      status: status ?? 0,
      headers: decodeHeaders(stderr),
      body,
      ...(ask.timings === true ? { timings: timings ?? NO_TIMINGS } : {}),
    };
  }

  async dial(ask: DialAsk, options: AccessOptions = {}): Promise<DialAnswer> {
    checkDial(ask);
    return decodeDial(this.#answer({ kind: 'dial', target: dialTarget(ask), until: dialUntil(ask) }, options).stdout);
  }

  async resolve(name: string, options: ResolveOptions = {}): Promise<ResolveAnswer> {
    const { type = 'A', server = '' } = options;
    checkName(name, options.server);
    return decodeResolved(this.#answer({ kind: 'resolve', type, name, server }, options).stdout);
  }

  async close(): Promise<void> {}

  #add(asked: Asked, time: number, answer: Answer): void {
    const key = askLine(asked);
    const track = this.#tracks.get(key) ?? { times: [], answers: [], next: 0 };
    track.times.push(time);
    track.answers.push(answer);
    this.#tracks.set(key, track);
  }

  #answer(asked: Asked, { signal }: AccessOptions) {
    const key = askLine(asked);
    if (signal?.aborted) throw toAbortError(signal, key);
    const track = this.#tracks.get(key);
    if (track === undefined) throw new AccessError('not-recorded', `${key}: the dump has no answer to this`);
    this.#tier?.asked.add(track);
    // Answers of ticks that have passed are not given late: a collector that is off now may have asked for them then.
    const since = this.#tier?.clock.now.time ?? Number.NEGATIVE_INFINITY;
    let current = track.next;
    while (current < track.times.length && (track.times[current] ?? 0) < since) current += 1;
    const index = current < track.times.length ? current : Math.min(track.next, track.answers.length - 1);
    this.#latest = Math.max(this.#latest, track.times[index] ?? 0);
    track.next = this.#loop ? (index + 1) % track.answers.length : index + 1;
    const answer = track.answers[index];
    if (answer === undefined) throw new AccessError('not-recorded', `${key}: the dump has no answer to this`);
    if (answer.error !== undefined) throw new AccessError(answer.error, `${key}: failed with ${answer.error} when it was recorded`);
    return answer;
  }

  /** When the first tick began: after what has been asked already (probes), with the first of what is asked regularly. */
  #firstTick(): number {
    const tracks = [...this.#tracks.values()];
    const most = tracks.reduce((max, { times }) => Math.max(max, times.length), 0);
    const nexts = nextTimes(tracks.filter(({ times }) => times.length >= most / 4)).filter((time) => time >= this.#latest);
    return nexts.length === 0 ? this.#latest : nexts.reduce((min, time) => Math.min(min, time));
  }
}

/** When the things of these tracks that have answers left were next recorded. */
function nextTimes(tracks: Iterable<Track>): number[] {
  return [...tracks].flatMap((track) => track.times[track.next] ?? []);
}

/** The files of a rotated log, oldest first. */
async function readLogs(directory: string, name: string): Promise<Buffer[]> {
  const names = await readdir(directory).catch((thrown: unknown) => {
    throw toAccessError(thrown, directory);
  });
  const age = (file: string) => (file === name ? 0 : Number(file.slice(name.length + 1)));
  const files = names.filter((file) => file === name || (file.startsWith(`${name}.`) && /^\.\d+$/.test(file.slice(name.length))));
  files.sort((a, b) => age(b) - age(a));
  return Promise.all(
    files.map(async (file) => {
      const path = join(directory, file);
      try {
        return await readFile(path);
      } catch (thrown) {
        throw toAccessError(thrown, path);
      }
    }),
  );
}

/** The stamps of the samples in a samples.log: `time` is a key of the payload itself, so it is indented by two spaces. */
function sampleStamps(log: Buffer): number[] {
  return [...log.toString('latin1').matchAll(/^ {2}"time": (\d{1,16}),?$/gm)].map(([, time]) => Number(time));
}
