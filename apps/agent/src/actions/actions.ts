import type { KeyObject } from 'node:crypto';
import type { ActionArgs, ActionName, ActionProblem, ActionRequest, ActionResult } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import { ActionLog, type ActionRecord } from './action-log.ts';
import { openCommand, type Refused } from './open-command.ts';
import type { ServerClock } from './server-clock.ts';

/** What became of an action that was tried. */
export interface Performed {
  readonly result: 'done' | 'refused' | 'failed';
  readonly code?: ActionProblem;
  readonly reason?: string;
}

type Recorded = Omit<Performed, 'result'> & Pick<ActionRecord, 'result'>;

/** Does one action. Throws an Error whose message is a sentence if it fails. */
export type Performer = (args: ActionArgs, signal: AbortSignal) => Promise<Performed>;

export interface ActionsOptions {
  readonly host: string;
  readonly run: string;
  /** Null: no server's word counts. */
  readonly key: KeyObject | null;
  /** What the host's own file allows; no server changes it. */
  readonly allow: readonly ActionName[];
  readonly performers: Readonly<Partial<Record<ActionName, Performer>>>;
  readonly clock: ServerClock;
  /** Where `audit.jsonl` is; null: nowhere. */
  readonly folder: string | null;
  readonly logger: Logger;
  /** Tells the server. */
  readonly answer: (result: ActionResult) => void;
  /** This machine's clock, ms since the epoch; for tests. */
  readonly now?: () => number;
}

/** Of one run; the oldest are forgotten first, long after they have expired. */
const MAX_REMEMBERED = 10_000;
/** Records of what anybody can send, a minute: whoever writes them must not drive all else out of the log. */
const ANYBODYS_PER_MINUTE = 30;
/** What the server signed once and anybody who heard it can send again: as little worth as what nobody signed. */
const REPEATED: ReadonlySet<ActionProblem> = new Set(['replayed', 'expired', 'not-for-this-run', 'not-for-this-host']);
const PERFORM_MS = 20_000;
const MAX_REASON = 400;

/** What a server asks of this host: checked, allowed by the host's own file, done one at a time, and written down. */
export class Actions {
  readonly #options: ActionsOptions;
  readonly #log: ActionLog;
  readonly #now: () => number;
  readonly #seen = new Set<string>();
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  #anybodys = { minute: 0, count: 0, leftOut: 0 };

  constructor(options: ActionsOptions) {
    this.#options = options;
    this.#log = new ActionLog(options.folder, options.logger);
    this.#now = options.now ?? Date.now;
  }

  /** For `info`: what a server may ask. */
  get allowed(): readonly ActionName[] {
    const { key, allow, performers } = this.#options;
    return key === null ? [] : allow.filter((action) => performers[action] !== undefined);
  }

  /** Takes a message on `command`. Never throws. */
  receive(message: Uint8Array, retained: boolean): void {
    const { host, run, key, clock } = this.#options;
    const { request, refused } = openCommand(message, { host, run, key, serverNow: clock.now() });
    if (refused !== null) this.#refuse(refused);
    else this.#consider(request, retained);
  }

  /** Ends what is being done, and waits for it and for the log. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await this.#log.close();
  }

  #consider(request: ActionRequest, retained: boolean): void {
    const perform = this.#options.performers[request.action];
    const problem = this.#problemOf(request, retained);
    if (problem !== null || perform === undefined) {
      const [code, reason] = problem ?? (['not-allowed', 'this agent cannot do that here'] as const);
      this.#refuse({ code, reason, request, signed: true });
      return;
    }
    this.#record(request, { result: 'accepted' });
    this.#running = this.#perform(request, perform).then((performed) => {
      this.#running = null;
      this.#finish(request, performed);
    });
  }

  /** Why the server's word is not followed; null: it is. */
  #problemOf({ action, id }: ActionRequest, retained: boolean): readonly [ActionProblem, string] | null {
    if (retained) return ['replayed', 'a broker had kept it: commands are never kept'];
    if (this.#seen.has(id)) return ['replayed', 'it was asked before'];
    this.#remember(id);
    if (!this.#options.allow.includes(action)) {
      return ['not-allowed', `the agent's file does not allow it: add "${action}" to \`allow\` under [actions] in agent.toml`];
    }
    return this.#running === null ? null : ['busy', 'another action is being done: ask again in a moment'];
  }

  async #perform({ args }: ActionRequest, perform: Performer): Promise<Performed> {
    const limit = AbortSignal.timeout(PERFORM_MS);
    try {
      return await perform(args, AbortSignal.any([limit, this.#closing.signal]));
    } catch (error) {
      const reason = limit.aborted ? 'it took too long' : error instanceof Error ? error.message : String(error);
      return { result: 'failed', code: 'failed', reason };
    }
  }

  #refuse({ code, reason, request, signed }: Refused): void {
    const leftOut = signed && !REPEATED.has(code) ? 0 : this.#admit();
    if (leftOut === null) return;
    this.#finish(request, { result: 'refused', code, reason }, leftOut);
  }

  /** How many were left out before this one that anybody could send; null: it is left out too. */
  #admit(): number | null {
    const minute = Math.floor(performance.now() / 60_000);
    if (this.#anybodys.minute !== minute) this.#anybodys = { ...this.#anybodys, minute, count: 0 };
    if (this.#anybodys.count >= ANYBODYS_PER_MINUTE) {
      this.#anybodys.leftOut++;
      return null;
    }
    const { leftOut } = this.#anybodys;
    this.#anybodys = { minute, count: this.#anybodys.count + 1, leftOut: 0 };
    return leftOut;
  }

  #finish(request: ActionRequest | null, performed: Performed, leftOut = 0): void {
    this.#record(request, performed, leftOut);
    if (request === null) return;
    const { host, run, answer } = this.#options;
    const { id, action } = request;
    const { result, code, reason } = performed;
    answer({
      ...{ v: 1, host, run, id, action, result, time: this.#now() },
      ...(code === undefined ? {} : { code }),
      ...(reason === undefined ? {} : { reason: reason.slice(0, MAX_REASON) }),
    });
  }

  #record(request: ActionRequest | null, { result, code, reason }: Recorded, leftOut = 0): void {
    this.#log.add({
      ...{ time: this.#now(), host: this.#options.host },
      ...{ id: request?.id ?? null, action: request?.action ?? null, args: request?.args ?? null, result },
      ...(code === undefined ? {} : { code }),
      ...(reason === undefined ? {} : { reason }),
      ...(leftOut === 0 ? {} : { left_out: leftOut }),
    } satisfies ActionRecord);
  }

  #remember(id: string): void {
    const [oldest] = this.#seen;
    if (this.#seen.size >= MAX_REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
    this.#seen.add(id);
  }
}
