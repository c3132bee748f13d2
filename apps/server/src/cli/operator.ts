import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '@hostwire/service';
import { findRunningServer } from '../doctor/running-server.ts';
import { ServerAnswerError } from './failure.ts';
import { type Parsed, serverOptionsOf } from './options.ts';
import { withRegistry } from './with-registry.ts';

/** The API of the server that runs here, for a command that may ask hosts to do something. Throws ServerAnswerError. */
export interface OperatorApi {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body?: object): Promise<T>;
}

const TOKEN_MS = 5 * 60_000;
/** A host has 30 s to answer. */
const ANSWER_MS = 40_000;
/** A running server knows a new token within 2 s. */
const KNOWN_MS = 3000;

/**
 * Does something through the API with a token that ends with the command: the one that processes share may only read. Resolves
 * with the exit code.
 */
export function asOperator(options: Parsed, work: (api: OperatorApi) => Promise<void>): Promise<number> {
  return withRegistry(serverOptionsOf(options), async ({ tokens }, { dataDir }) => {
    const { health, address } = await findRunningServer({ dataDir });
    if (health === null || address === null) {
      process.stderr.write(`hostwire: no API answers for ${dataDir}; hostwire status says what runs\n`);
      return EXIT.notRunning;
    }
    const name = `cli-${randomBytes(6).toString('hex')}`;
    const { token } = await tokens.add(name, ['api:read', 'operate'], Date.now() + TOKEN_MS);
    try {
      await work({ get: (path) => ask(address, token, path, 'GET'), post: (path, body) => ask(address, token, path, 'POST', body) });
      return EXIT.ok;
    } finally {
      await tokens.remove(name);
    }
  });
}

async function ask<T>(address: string, token: string, path: string, method: string, body?: object): Promise<T> {
  const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const request = { method, headers, redirect: 'error' as const, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const send = (): Promise<Response> => fetch(`${address}${path}`, { ...request, signal: AbortSignal.timeout(ANSWER_MS) });
  let answer = await send();
  for (const end = Date.now() + KNOWN_MS; answer.status === 401 && Date.now() < end; answer = await send()) await sleep(200);
  const answered = (await answer.json()) as T & { readonly error?: { readonly code: string; readonly message: string } };
  if (answer.ok) return answered;
  const { code, message } = answered.error ?? { code: 'failed', message: `The server answers ${path} with HTTP ${answer.status}.` };
  throw new ServerAnswerError(code, message);
}
