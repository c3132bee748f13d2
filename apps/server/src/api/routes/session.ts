import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import { isSameOrigin, SESSION_COOKIE, SESSION_TTL_MS } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { failures } from '../failures.ts';
import { LoginInput } from '../schemas.ts';

const LOGINS_PER_MINUTE = 10;

export function sessionRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/api/login',
      {
        config: { open: true, rateLimit: { max: LOGINS_PER_MINUTE, timeWindow: 60_000 } },
        bodyLimit: 4096,
        schema: {
          operationId: 'login',
          security: [],
          tags: ['session'],
          summary: 'Opens a session with the code of a one-time link',
          body: LoginInput,
          response: { 204: Type.Null(), ...failures(400, 401, 403, 429) },
        },
      },
      async (request, reply) => {
        if (!isSameOrigin(request, { required: false })) throw new ApiError('foreign-origin', "Log in from this server's own page.");
        const opened = await context.registry.logins.redeem(request.body.code, SESSION_TTL_MS);
        if (opened === null) {
          throw new ApiError('login-refused', 'This link does not work (any more); get a new one with: hostwire login');
        }
        reply.setCookie(SESSION_COOKIE, opened.session, {
          httpOnly: true,
          sameSite: 'strict',
          path: '/',
          secure: request.protocol === 'https',
          expires: new Date(opened.expiresAt),
        });
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/api/logout',
      {
        schema: {
          operationId: 'logout',
          tags: ['session'],
          summary: 'Ends the session',
          response: { 204: Type.Null(), ...failures(401, 403) },
        },
      },
      async (request, reply) => {
        const session = request.cookies[SESSION_COOKIE];
        if (session !== undefined) await context.registry.logins.endSession(session);
        reply.clearCookie(SESSION_COOKIE, { path: '/' });
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/api/session',
      {
        schema: {
          operationId: 'getSession',
          tags: ['session'],
          summary: 'Who is asking',
          response: { 200: Type.Ref('Session'), ...failures(401, 403) },
        },
      },
      async ({ identity }) => {
        if (identity === null) throw new ApiError('not-logged-in', 'Log in first.');
        return { name: identity.name, scopes: [...identity.scopes], expires_at: identity.expiresAt };
      },
    );
  };
}
