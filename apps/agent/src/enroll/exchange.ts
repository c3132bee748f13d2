import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOST_ID_PATTERN } from '@hostwire/model';
import { parseBrokerUrl } from '@hostwire/transport';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { SERVER_KEY_PATTERN } from '../actions/server-key.ts';
import { askServer, type ServerAnswer } from './ask-server.ts';
import { EnrollError } from './enroll-error.ts';
import type { ServerAddress } from './server-address.ts';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** What the server gives to an enrolled host: checked, as it goes into a file of root's. */
const EnrolledSchema = Type.Object({
  host: Type.String({ pattern: HOST_ID_PATTERN.source }),
  token: Type.String({ pattern: '^[A-Za-z0-9_-]{16,1024}$' }),
  server_key: Type.String({ pattern: SERVER_KEY_PATTERN }),
  mqtt_url: Type.String({ maxLength: 512 }),
  topic_root: Type.String({ pattern: '^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$', maxLength: 128 }),
  ca_pem: Nullable(Type.String({ maxLength: 64 * 1024 })),
  ca_fingerprint: Nullable(Type.String({ pattern: '^sha256:[0-9a-f]{64}$' })),
});
const WaitingSchema = Type.Object({
  request: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }),
  host: Type.String({ pattern: HOST_ID_PATTERN.source }),
  secret: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
});
const FailureSchema = Type.Object({ error: Type.Object({ code: Type.String(), message: Type.String({ maxLength: 2000 }) }) });

export type Enrolled = Static<typeof EnrolledSchema>;

const [isEnrolled, isWaiting, isFailure] = [Compile(EnrolledSchema), Compile(WaitingSchema), Compile(FailureSchema)];

export interface ExchangeOptions {
  readonly server: ServerAddress;
  readonly code: string;
  readonly host?: string;
  readonly facts: { readonly hostname: string; readonly os: string; readonly arch: string; readonly agent_version: string };
  /** Tells the user what is waited for. */
  readonly onWait: (sentence: string) => void;
  readonly timing?: ExchangeTiming;
}

/** Ms; for tests. */
export interface ExchangeTiming {
  readonly retryMs?: number;
  readonly pollMs?: number;
}

/** Codes of the server's errors that are about the code, not about the way to the server. */
const REFUSALS = new Set([
  'code-unknown',
  'code-expired',
  'code-used',
  'host-exists',
  'host-mismatch',
  'request-unknown',
  'request-denied',
]);
const TRIES = 5;
const RETRY_MS = 1000;
const POLL_MS = 5000;
const MAX_RETRY_AFTER_S = 120;

/**
 * Exchanges the code for what this host needs to connect. Asks again when an answer may have been lost, with the same nonce,
 * so that the server knows it for the same; waits for approval as long as it takes. Throws EnrollError.
 */
export async function exchange(options: ExchangeOptions): Promise<Enrolled> {
  const { server, code, host, facts, onWait, timing = {} } = options;
  const body = { code, nonce: randomBytes(24).toString('base64url'), ...(host === undefined ? {} : { host }), facts };
  const first = await persist('/api/enroll', body, TRIES, options);
  if (first.status === 200) return checked(first);
  const waiting = isWaiting.Check(first.body) ? first.body : null;
  if (first.status !== 202 || waiting?.secret === undefined) throw refusal(server, first);
  onWait(
    `waiting for approval as ${waiting.host}: approve it on the dashboard (Add a host), or on the server with: hostwire enroll approve ${waiting.request}`,
  );
  for (;;) {
    await sleep(timing.pollMs ?? POLL_MS);
    const answer = await persist(`/api/enroll/${waiting.request}`, { secret: waiting.secret }, Number.POSITIVE_INFINITY, options);
    if (answer.status === 200) return checked(answer);
    if (answer.status !== 202) throw refusal(server, answer);
  }
}

async function persist(path: string, body: object, tries: number, { server, onWait, timing = {} }: ExchangeOptions): Promise<ServerAnswer> {
  const base = timing.retryMs ?? RETRY_MS;
  let told = '';
  for (let attempt = 1; ; attempt++) {
    let passing: EnrollError;
    let delay = Math.min(base * 2 ** (attempt - 1), 30 * base);
    try {
      const answer = await askServer(server, path, body);
      if (answer.status !== 429 && answer.status < 500) return answer;
      passing = refusal(server, answer);
      if (answer.status === 429) delay = Math.min(answer.retryAfter ?? 60, MAX_RETRY_AFTER_S) * base;
    } catch (error) {
      if (!(error instanceof EnrollError) || !error.isPassing) throw error;
      passing = error;
    }
    if (attempt >= tries) throw passing;
    if (told !== passing.message) onWait(`${passing.message}; trying again`);
    told = passing.message;
    await sleep(delay);
  }
}

function checked({ body }: ServerAnswer): Enrolled {
  const enrolled = isEnrolled.Check(body) ? body : null;
  if (enrolled === null || !isBrokerUrl(enrolled.mqtt_url)) {
    throw new EnrollError(
      'failed',
      'the answer of the server makes no sense to this agent: use an agent of the same version as the server',
    );
  }
  return enrolled;
}

function isBrokerUrl(url: string): boolean {
  try {
    parseBrokerUrl(url);
    return true;
  } catch {
    return false;
  }
}

/** What an answer that is no success means; its sentence is the server's own where it gave one. */
function refusal({ authority, secure }: ServerAddress, { status, body }: ServerAnswer): EnrollError {
  if ((status >= 300 && status < 400) || status === 426) {
    const cure = secure ? 'give the address of the server itself' : `it speaks TLS: use https://${authority} and the --pin that it prints`;
    return new EnrollError('failed', `${authority} does not enrol hosts this way (HTTP ${status}); ${cure}`);
  }
  if (!isFailure.Check(body)) {
    const isPassing = status >= 500;
    return new EnrollError('failed', `${authority} answered HTTP ${status}, not as a Hostwire server does: check the address`, {
      isPassing,
    });
  }
  const { code, message } = (body as Static<typeof FailureSchema>).error;
  const sentence = plain(message).replace(/\.$/, '');
  return new EnrollError(REFUSALS.has(code) ? 'refused' : 'failed', sentence, { isPassing: status === 429 || status >= 500 });
}

/** For a terminal: without what could change how it shows the rest. */
function plain(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ');
}
