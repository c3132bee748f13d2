import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  isLetterId,
  pendingReplays,
  type ReplayOutcome,
  readLetter,
  readLetters,
  replayOutcomes,
  requestReplay,
  type StoredLetter,
} from '@hostwire/ingest';
import { topics as topicsOf } from '@hostwire/model';
import { decodeJson } from '@hostwire/transport';
import { loadConfig, type ServerOptions } from '../config/load-config.ts';
import { DEAD_LETTERS } from '../roles/open-ingest.ts';
import { UsageError } from './failure.ts';
import { formatTime, print, printJson, printTable } from './print.ts';

export interface LetterFilter {
  readonly reason?: string | undefined;
  readonly host?: string | undefined;
  /** Newest first; default 50 for a list, all for a replay. */
  readonly limit?: number | undefined;
}

const LIST_LIMIT = 50;
const MAX_MESSAGE = 80;
/** A running server looks every second. */
const REPLAY_WAIT_MS = 5000;

/** Dead letters of the data directory, the newest first. */
export async function listDeadLetters(options: ServerOptions, filter: LetterFilter, json: boolean): Promise<void> {
  const { folder, letters } = await selectLetters(options, { limit: LIST_LIMIT, ...withoutAbsent(filter) });
  const outcomes = await replayOutcomes(folder);
  if (json) {
    printJson(
      letters.map(({ payload, ...letter }) => ({ ...letter, bytes: payload.length, replayed: describeOutcome(outcomes.get(letter.id)) })),
    );
    return;
  }
  printTable(
    ['ID', 'TIME', 'TOPIC', 'REASON', 'BYTES', 'REPLAYED', 'MESSAGE'],
    letters.map(({ id, time, topic, reason, message, payload }) => [
      id,
      formatTime(Date.parse(time)),
      printable(topic),
      reason,
      String(payload.length),
      outcomes.has(id) ? (outcomes.get(id)?.refused === null ? 'stored' : 'refused') : '-',
      printable(message).slice(0, MAX_MESSAGE),
    ]),
  );
}

/** One letter with its payload: inflated and indented where it is JSON, else base64. */
export async function showDeadLetter(options: ServerOptions, id: string, json: boolean): Promise<void> {
  const folder = folderOf(options);
  const letter = await readLetter(folder, id);
  if (letter === null) throw new UsageError(`there is no dead letter ${id}; deadletter list shows those that there are`);
  const { payload, ...about } = letter;
  const outcome = describeOutcome((await replayOutcomes(folder)).get(id));
  if (json) {
    printJson({ ...about, replayed: outcome, payload: payload.toString('base64') });
    return;
  }
  const shown = { Id: id, Time: about.time, Topic: about.topic, Reason: about.reason, Message: about.message, Replayed: outcome ?? '-' };
  for (const [name, value] of Object.entries(shown)) print(`${`${name}:`.padEnd(10)}${printable(value)}`);
  print(`\n${readable(payload)}`);
}

/** Hands letters to the running server again and says what became of them. */
export async function replayDeadLetters(
  options: ServerOptions,
  ids: readonly string[],
  filter: LetterFilter | null,
  json: boolean,
): Promise<void> {
  const { folder, letters } =
    filter === null ? { folder: folderOf(options), letters: await namedLetters(options, ids) } : await selectLetters(options, filter);
  const before = await replayOutcomes(folder);
  // What is stored need not be done again; that it is asked for by its id says that it should be.
  const wanted = letters.map(({ id }) => id).filter((id) => filter === null || before.get(id)?.refused !== null);
  for (const id of wanted) await requestReplay(folder, id);
  let pending = new Set(wanted);
  for (const end = Date.now() + REPLAY_WAIT_MS; pending.size > 0 && Date.now() < end; await sleep(100)) {
    const queued = new Set(await pendingReplays(folder));
    pending = new Set(wanted.filter((id) => queued.has(id)));
  }
  const outcomes = await replayOutcomes(folder);
  const done = wanted.filter((id) => !pending.has(id));
  const refused = done.filter((id) => outcomes.get(id)?.refused !== null);
  if (json) {
    const stored = done.filter((id) => !refused.includes(id));
    printJson({ stored, refused: refused.map((id) => ({ id, reason: outcomes.get(id)?.refused ?? null })), waiting: [...pending] });
    return;
  }
  for (const id of refused) print(`${id}: refused again: ${printable(outcomes.get(id)?.refused ?? 'nothing is known of it')}`);
  print(`${done.length - refused.length} stored, ${refused.length} refused, ${pending.size} waiting`);
  if (pending.size > 0) print('Those that wait are taken within 2 s by the server that takes samples in, or when it is started.');
}

function folderOf(options: ServerOptions): string {
  return join(loadConfig(options).dataDir, DEAD_LETTERS);
}

async function selectLetters(
  options: ServerOptions,
  { reason, host, limit = Number.POSITIVE_INFINITY }: LetterFilter,
): Promise<{ folder: string; letters: StoredLetter[] }> {
  const { topicRoot, dataDir } = loadConfig(options);
  const topics = topicsOf(topicRoot);
  const folder = join(dataDir, DEAD_LETTERS);
  const letters: StoredLetter[] = [];
  for await (const letter of readLetters(folder)) {
    if (letters.length >= limit) break;
    const isWanted =
      (reason === undefined || letter.reason === reason) && (host === undefined || topics.parse(letter.topic)?.host === host);
    if (isWanted) letters.push(letter);
  }
  return { folder, letters };
}

async function namedLetters(options: ServerOptions, ids: readonly string[]): Promise<StoredLetter[]> {
  const folder = folderOf(options);
  if (ids.length === 0) throw new UsageError('deadletter replay needs the ids of letters, or --all');
  const found = await Promise.all(ids.map(async (id) => (isLetterId(id) ? readLetter(folder, id) : null)));
  const missing = ids.find((_, index) => found[index] === null);
  if (missing !== undefined) throw new UsageError(`there is no dead letter ${missing}; deadletter list shows those that there are`);
  return found.filter((letter) => letter !== null);
}

function withoutAbsent(filter: LetterFilter): LetterFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

function describeOutcome(outcome: ReplayOutcome | undefined): string | null {
  if (outcome === undefined) return null;
  return outcome.refused === null ? `stored ${outcome.time}` : `refused ${outcome.time}: ${outcome.refused}`;
}

function readable(payload: Buffer): string {
  try {
    return JSON.stringify(decodeJson(payload), null, 2);
  } catch {
    return payload.toString('base64');
  }
}

/** What strangers sent must not steer a terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}
