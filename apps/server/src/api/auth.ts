import { createHash } from 'node:crypto';
import { type Scope, SERVER_USERNAME } from '@hostwire/registry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ApiContext } from './context.ts';
import { ApiError } from './errors.ts';

export const SESSION_COOKIE = 'hostwire_session';
/** A custom header makes a browser ask first (CORS preflight), which no other origin gets past. */
export const CSRF_HEADER = 'x-hostwire-csrf';
export const SESSION_TTL_MS = 30 * 86_400_000;

/** Who asks. */
export interface Identity {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly via: 'session' | 'token';
  /** Tells askers apart, also those of one name; no secret. */
  readonly key: string;
  readonly expiresAt: number | null;
  /** False once the session was ended or the token removed. */
  stillValid(): Promise<boolean>;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** No login needed. */
    readonly open?: boolean;
    /** What a token must be allowed to do; default `api:read`. A session may do everything. */
    readonly scope?: Scope;
  }
  interface FastifyRequest {
    /** Null on routes that need no login. */
    identity: Identity | null;
  }
}

/**
 * Guards every route that is not `open`: a session cookie, or a token in `Authorization: Bearer` (RFC 6750 section 2.1).
 * A cookie may change things only with the CSRF header and from this server's own pages.
 */
export function guardRoutes(app: FastifyInstance, context: Pick<ApiContext, 'registry' | 'isServerToken'>): void {
  app.decorateRequest('identity', null);
  app.addHook('onRequest', async (request, reply) => {
    const { config } = request.routeOptions;
    if (config.open === true) return;
    const identity = await identify(request, context);
    if (identity === null) return refuse(request, reply);
    if (identity.via === 'session' && request.method !== 'GET' && request.method !== 'HEAD') {
      if (request.headers[CSRF_HEADER] !== '1' || !isSameOrigin(request, { required: true })) {
        throw new ApiError(
          'foreign-origin',
          `A change by cookie needs the header ${CSRF_HEADER}: 1 and must come from this server's own pages.`,
        );
      }
    }
    const scope = config.scope ?? 'api:read';
    if (!identity.scopes.includes(scope) && !identity.scopes.includes('admin')) {
      throw new ApiError('forbidden', `This token lacks the scope ${scope}; make one with: hostwire token add NAME --scope ${scope}`);
    }
    request.identity = identity;
  });
}

/** True if the request says that it comes from a page of this server (RFC 6454 section 7). */
export function isSameOrigin(request: FastifyRequest, { required }: { readonly required: boolean }): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined) return !required;
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}

async function identify(
  request: FastifyRequest,
  { registry, isServerToken }: Pick<ApiContext, 'registry' | 'isServerToken'>,
): Promise<Identity | null> {
  const { tokens, logins } = registry;
  const bearer = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined && isServerToken(bearer)) {
    return { name: SERVER_USERNAME, scopes: ['api:read'], via: 'token', key: 'server', expiresAt: null, stillValid: async () => true };
  }
  if (bearer !== undefined) {
    const record = await tokens.check(bearer);
    if (record === null) return null;
    const { id, name, scopes, expiresAt } = record;
    return { name, scopes, via: 'token', key: `token ${id}`, expiresAt, stillValid: async () => (await tokens.check(bearer)) !== null };
  }
  const session = request.cookies[SESSION_COOKIE];
  if (session === undefined || session === '' || session.length > 512) return null;
  const found = await logins.checkSession(session);
  if (found === null) return null;
  const stillValid = async (): Promise<boolean> => (await logins.checkSession(session)) !== null;
  const key = `session ${createHash('sha256').update(session).digest('base64url')}`;
  return { name: 'dashboard', scopes: ['admin'], via: 'session', key, expiresAt: found.expiresAt, stillValid };
}

async function refuse(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  // A person who opens a page of this server gets the page that says how to log in.
  if (request.method === 'GET' && request.routeOptions.url?.startsWith('/docs') === true && wantsPage(request)) {
    return reply.redirect('/login', 302);
  }
  void reply.header('www-authenticate', 'Bearer realm="hostwire"');
  throw new ApiError('not-logged-in', 'Log in with a link of: hostwire login, or send a token as Authorization: Bearer.');
}

/** True if a browser asks for a page to show. */
export function wantsPage(request: FastifyRequest): boolean {
  return /\btext\/html\b/.test(request.headers.accept ?? '');
}
