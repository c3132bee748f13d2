import { randomBytes } from 'node:crypto';
import {
  type ActionArgs,
  type ActionName,
  type ActionRequest,
  type ActionResult,
  type Counters,
  canonicalJson,
  MAX_ACTION_BYTES,
  MAX_ACTION_LIFE_MS,
  type SignedAction,
  type Topics,
} from '@hostwire/model';
import { actionRequestCheck, actionResultCheck } from '@hostwire/model/schema';
import type { AuditRegistry, AuditResult } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import { type BusMessage, decodeJson, type MessageBus } from '@hostwire/transport';
import type { HostLive } from '../live/host-live.ts';
import { StrangeAnswers } from './strange-answers.ts';

/** Why an action was not done. The reason is one sentence. */
export interface NotDone {
  readonly done: false;
  readonly code: NotDoneCode;
  readonly reason: string;
}
export type NotDoneCode =
  | 'host-offline'
  | 'action-not-allowed'
  | 'session-gone'
  | 'action-refused'
  | 'action-failed'
  | 'unanswered'
  | 'confirmation-expired'
  | 'confirmation-unknown';

/** `time`: the agent's clock when it answered, ms since the epoch. */
export type Outcome = { readonly done: true; readonly id: string; readonly time: number } | NotDone;

export interface Ask {
  readonly host: HostLive;
  readonly action: ActionName;
  readonly args: ActionArgs;
  /** Who asks, for the audit log. */
  readonly actor: string;
}

/** Asks agents to do something, each time signed and written down. */
export interface ActionDesk {
  /** Resolves when the agent has answered, or after 30 s. Rejects if the registry does not take the entry: then nothing is sent. */
  ask(ask: Ask): Promise<Outcome>;
  /** Writes down what was asked and is not sent. */
  refuse(ask: Ask, code: NotDoneCode, reason: string): Promise<NotDone>;
  close(): Promise<void>;
}

export interface ActionDeskOptions {
  readonly audit: AuditRegistry;
  readonly bus: MessageBus;
  readonly topics: Topics;
  /** An Ed25519 signature of these bytes by the server's key. */
  readonly sign: (bytes: Uint8Array) => Uint8Array;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly now?: () => number;
  /** How long an answer is waited for, ms; default 30,000. */
  readonly timeoutMs?: number;
}

/** Of other processes on the same registry: what they sent longer ago than this, they do not wait for any more. */
const GIVEN_UP_MS = 2 * MAX_ACTION_LIFE_MS;

/** How the API names what an agent says; else `action-refused`. */
const OF_AGENT: Readonly<Record<string, NotDoneCode>> = { 'not-allowed': 'action-not-allowed', 'session-gone': 'session-gone' };

/** Opens the desk: from then on it hears answers, also those to what was asked before. */
export async function openActionDesk(options: ActionDeskOptions): Promise<ActionDesk> {
  const { audit, bus, topics, sign, counters, logger, now = Date.now, timeoutMs = MAX_ACTION_LIFE_MS } = options;
  const waiting = new Map<string, (result: ActionResult | null) => void>();
  const strange = new StrangeAnswers({ audit, counters, logger, now });
  const closing = new AbortController();

  const settle = async (id: string, result: AuditResult, reason: string | null): Promise<boolean> => {
    try {
      return await audit.settle(id, result, reason);
    } catch (error) {
      counters.add('audit_failed');
      logger.warn({ err: error, id, result }, 'what became of an action was not written into the audit log');
      return true;
    }
  };

  const answered = async (result: ActionResult): Promise<void> => {
    // Whoever reads all of the broker knows the ids of others.
    const asked = await audit.get(result.id);
    if (asked !== null && asked.host !== result.host) return strange.heard(result);
    counters.add(`answered{result="${result.result}"}`);
    const isNews = await settle(result.id, result.result, result.reason ?? null);
    const listener = waiting.get(result.id);
    waiting.delete(result.id);
    if (listener !== undefined) listener(result);
    else if (!isNews) await strange.heard(result);
  };

  const hear = ({ topic, payload, retained }: BusMessage): void => {
    const parsed = topics.parse(topic);
    if (parsed?.kind !== 'command/result' || payload.length === 0) return;
    const result = retained ? null : decode(payload);
    if (result?.host !== parsed.host) {
      counters.add('answers_invalid');
      return;
    }
    answered(result).catch((error: unknown) => logger.warn({ err: error }, 'an answer of an agent was not looked into'));
  };

  const send = async (request: ActionRequest): Promise<void> => {
    const bytes = Buffer.from(canonicalJson(request));
    const envelope: SignedAction = { payload: bytes.toString('base64'), sig: Buffer.from(sign(bytes)).toString('base64') };
    await bus.publish(topics.command(request.host), canonicalJson(envelope), { qos: 1, retain: false });
  };

  const refuse: ActionDesk['refuse'] = async ({ host, action, args, actor }, code, reason) => {
    counters.add(`refused{code="${code}"}`);
    await audit.add({ ...{ id: newId(), at: now(), host: host.host, action, args, actor, result: 'refused' }, reason });
    logger.warn({ host: host.host, action, actor, code }, `an action was not sent: ${reason}`);
    return { done: false, code, reason };
  };

  /** Null: the time is over. */
  const answerTo = (id: string): Promise<ActionResult | null> =>
    new Promise((done) => {
      const end = (result: ActionResult | null): void => {
        clearTimeout(timer);
        closing.signal.removeEventListener('abort', stop);
        waiting.delete(id);
        done(result);
      };
      const stop = (): void => end(null);
      const timer = setTimeout(stop, timeoutMs);
      closing.signal.addEventListener('abort', stop, { once: true });
      waiting.set(id, end);
    });

  const unsubscribe = await bus.subscribe(topics.filters.commandResults, hear);
  // Whoever waited for these is gone.
  await audit.giveUp(now() - GIVEN_UP_MS).catch(() => counters.add('audit_failed'));

  return {
    refuse,
    async ask(ask) {
      const { host, action, args, actor } = ask;
      const name = host.host;
      const { info } = host;
      if (host.state !== 'online' || info === null) return refuse(ask, 'host-offline', `${name} is offline: ask again when it is back.`);
      if (info.actions?.includes(action) !== true) return refuse(ask, 'action-not-allowed', whyNotAllowed(host, action));
      const issued = now();
      const request = { ...{ v: 1, host: name, run: info.run, id: newId(), action, args }, issued, expires: issued + MAX_ACTION_LIFE_MS };
      if (!actionRequestCheck.Check(request)) {
        return refuse(ask, 'action-refused', `What ${name} told of it is not what an agent takes: nothing was sent.`);
      }
      const { id } = request;
      await audit.add({ id, at: issued, host: name, action, args, actor, result: 'sent', reason: null });
      logger.info({ host: name, action, actor, id }, 'an action is asked of a host');
      counters.add('sent');
      const answer = answerTo(id);
      try {
        await send(request as ActionRequest);
      } catch (error) {
        waiting.get(id)?.(null);
        counters.add('sends_failed');
        const reason = 'The broker did not take the command: see the log of the server.';
        logger.warn({ err: error, host: name, id }, 'a command was not taken by the broker');
        await settle(id, 'unanswered', reason);
        return { done: false, code: 'unanswered', reason };
      }
      return outcomeOf(name, id, await answer, (reason) => settle(id, 'unanswered', reason));
    },
    async close() {
      closing.abort();
      await unsubscribe();
    },
  };
}

async function outcomeOf(
  host: string,
  id: string,
  answer: ActionResult | null,
  giveUp: (reason: string) => Promise<unknown>,
): Promise<Outcome> {
  if (answer === null) {
    const reason = `${host} did not answer in time: it may have done it or not; GET /api/audit tells if an answer comes yet.`;
    await giveUp(reason);
    return { done: false, code: 'unanswered', reason };
  }
  if (answer.result === 'done') return { done: true, id, time: answer.time };
  const reason = sentence(answer.reason ?? 'it does not say why');
  if (answer.result === 'failed') return { done: false, code: 'action-failed', reason: `${host} tried and failed: ${reason}` };
  return { done: false, code: OF_AGENT[answer.code ?? ''] ?? 'action-refused', reason: `${host} refused: ${reason}` };
}

/** Why an agent would refuse an action, by what it tells of itself. */
export function whyNotAllowed({ host, info }: Pick<HostLive, 'host' | 'info'>, action: ActionName): string {
  if (info?.actions === undefined) return `The agent of ${host} knows no actions: update it.`;
  return `The agent of ${host} does not allow it: add "${action}" to \`allow\` under [actions] in its agent.toml.`;
}

function decode(payload: Uint8Array): ActionResult | null {
  try {
    const result = decodeJson(payload, MAX_ACTION_BYTES);
    return actionResultCheck.Check(result) ? (result as ActionResult) : null;
  } catch {
    return null;
  }
}

function newId(): string {
  return randomBytes(15).toString('base64url');
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
