import { RegistryError } from '@hostwire/registry';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';

/** Every error of the API: its code, for programs, and its HTTP status (RFC 9110 section 15). */
export const ERROR_STATUS = {
  invalid: 400,
  'unknown-measurement': 400,
  'unknown-field': 400,
  'unknown-tag': 400,
  'not-a-number': 400,
  'not-a-counter': 400,
  'too-many-buckets': 400,
  'too-many-series': 400,
  'too-many-values': 400,
  'not-logged-in': 401,
  'login-refused': 401,
  forbidden: 403,
  'foreign-origin': 403,
  'code-unknown': 403,
  'request-denied': 403,
  'action-not-allowed': 403,
  'confirmation-unknown': 403,
  'not-found': 404,
  'request-unknown': 404,
  exists: 409,
  'not-firing': 409,
  'host-exists': 409,
  'host-mismatch': 409,
  'host-offline': 409,
  'action-refused': 409,
  'code-expired': 410,
  'code-used': 410,
  'confirmation-expired': 410,
  'session-gone': 410,
  'too-large': 413,
  'too-many-requests': 429,
  internal: 500,
  'action-failed': 502,
  'store-failed': 502,
  'store-unavailable': 503,
  'registry-unavailable': 503,
  unanswered: 504,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** What a route throws: `message` is one sentence that says what to do, and is shown to the client. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export function errorBody(code: ErrorCode, message: string): { error: { code: ErrorCode; message: string } } {
  return { error: { code, message } };
}

/** Answers any error in one form. What is not an ApiError or the client's own fault is logged and told without details. */
export function handleError(error: FastifyError | ApiError, request: FastifyRequest, reply: FastifyReply): void {
  const known = error instanceof ApiError ? error : (registryError(error) ?? clientError(error));
  if (known === null) {
    request.log.error({ err: error, method: request.method, route: request.routeOptions.url }, 'a request failed');
    void reply.code(500).send(errorBody('internal', 'The server failed to answer; its log says why.'));
    return;
  }
  if (known.code === 'store-failed') request.log.warn({ err: known, route: request.routeOptions.url }, 'the store failed to answer');
  void reply.code(ERROR_STATUS[known.code]).send(errorBody(known.code, known.message));
}

const OF_REGISTRY = { unknown: 'not-found', exists: 'exists', invalid: 'invalid' } as const;

function registryError(error: unknown): ApiError | null {
  if (!(error instanceof RegistryError)) return null;
  // `/health` and the log tell of it once, not at each request.
  if (error.code === 'unavailable') {
    return new ApiError('registry-unavailable', 'The database of hosts and tokens does not answer; try again in a moment.', {
      cause: error,
    });
  }
  const message = error.message.charAt(0).toUpperCase() + error.message.slice(1);
  return new ApiError(OF_REGISTRY[error.code], message, { cause: error });
}

function clientError(error: FastifyError): ApiError | null {
  if (error.validation !== undefined) {
    const where = error.validationContext ?? 'request';
    const problems = error.validation
      .filter(({ keyword }) => keyword !== 'boolean' && keyword !== 'anyOf')
      .map(({ instancePath, message, params }) => {
        const { additionalProperties: extra, allowedValue } = params as { additionalProperties?: string[]; allowedValue?: unknown };
        const name = instancePath.replace(/^\//, '').replaceAll('/', '.');
        const what = allowedValue === undefined ? (message ?? 'is not valid') : `must be ${String(allowedValue)}`;
        return `${name === '' ? where : name} ${what}${extra === undefined ? '' : ` (${extra.join(', ')})`}`;
      });
    return new ApiError('invalid', `${where}: ${[...new Set(problems)].slice(0, 10).join('; ')}`);
  }
  const { statusCode = 500 } = error;
  if (statusCode === 413) return new ApiError('too-large', 'The request is too large.');
  // 403 is what a path out of the dashboard's folder gets.
  if (statusCode === 404 || statusCode === 403) return new ApiError('not-found', 'There is nothing here.');
  // Fastify's own messages name no secret: a malformed body, a wrong content type.
  return statusCode >= 400 && statusCode < 500 ? new ApiError('invalid', error.message) : null;
}
