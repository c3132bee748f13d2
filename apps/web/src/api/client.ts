import createClient, { type Middleware } from 'openapi-fetch';
import type { paths } from '../api.gen.ts';

/** What went wrong, in a sentence for people. `status` 0: the server was not reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }
}

/** Longest wait for an answer, in ms. */
const PATIENCE = 10_000;

type LoggedOut = () => void;
let loggedOut: LoggedOut | null = null;

/** `listener` is told whenever the server says that this browser is not, or no longer, logged in. */
export function onLoggedOut(listener: LoggedOut): void {
  loggedOut = listener;
}

const guard: Middleware = {
  onRequest({ request }) {
    // A header of our own forces a preflight, so that no foreign page can send it with the cookie.
    if (request.method !== 'GET') request.headers.set('x-hostwire-csrf', '1');
    return request;
  },
  onResponse({ response, schemaPath }) {
    if (response.status === 401 && schemaPath !== '/api/login' && schemaPath !== '/api/session') loggedOut?.();
  },
};

/** A fetch that waits at most so long, for what is known to take longer than an answer usually does; ms. */
export function patientFor(patience: number): (request: Request) => Promise<Response> {
  return (request) => patientFetch(request, patience);
}

async function patientFetch(request: Request, patience = PATIENCE): Promise<Response> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(patience)]);
  try {
    return await fetch(request, { signal });
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    const late = cause instanceof DOMException && cause.name === 'TimeoutError';
    throw new ApiError(
      0,
      late ? 'timeout' : 'unreachable',
      late ? `The server did not answer in ${patience / 1000}s.` : 'The server was not reached.',
    );
  }
}

export const api = createClient<paths>({ baseUrl: globalThis.location?.origin ?? '', fetch: (request) => patientFetch(request) });
api.use(guard);

interface Outcome<T> {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}

/** The body of an answer. Throws an ApiError with the server's own code and sentence where it refused. */
export async function body<T>(outcome: Promise<Outcome<T>>): Promise<T> {
  const { data, error, response } = await outcome;
  if (response.ok && data !== undefined) return data;
  throw toError(response.status, error);
}

/** As `body`, for answers without one (204). */
export async function done(outcome: Promise<Outcome<unknown>>): Promise<void> {
  const { error, response } = await outcome;
  if (!response.ok) throw toError(response.status, error);
}

function toError(status: number, error: unknown): ApiError {
  const told = (error as { error?: { code?: unknown; message?: unknown } } | undefined)?.error;
  const code = typeof told?.code === 'string' ? told.code : 'http';
  return new ApiError(status, code, typeof told?.message === 'string' ? told.message : `The server answered with status ${status}.`);
}

/** The sentence of any failure. */
export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : 'The server was not reached.';
}
