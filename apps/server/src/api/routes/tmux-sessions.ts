import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import type { Ask } from '../../actions/action-desk.ts';
import { Confirmations } from '../../actions/confirmations.ts';
import { findSession, KILL, sessionsOf } from '../../live/sessions.ts';
import { doneOrThrow } from '../action-answer.ts';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { failures } from '../failures.ts';
import { KillInput, SessionQuery, type TmuxSessionBody } from '../session-schemas.ts';

const SessionParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 128 }) });

/** The sessions of tmux of all hosts, and how they are ended. */
export function tmuxSessionRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  return async (app) => {
    const confirmations = new Confirmations(() => context.now());

    app.get(
      '/api/sessions',
      {
        schema: {
          operationId: 'listTmuxSessions',
          tags: ['sessions'],
          summary: 'The tmux sessions of all hosts; those of a host that is offline as they were last, marked',
          querystring: SessionQuery,
          response: { 200: Type.Ref('TmuxSessionList'), ...failures(400, 401, 403) },
        },
      },
      async ({ query: { status, host } }) => {
        const now = context.now();
        const wanted = host === undefined ? null : new Set(host.split(','));
        const all = [...context.live.hosts()]
          .filter((live) => wanted === null || wanted.has(live.host))
          .sort((a, b) => (a.host < b.host ? -1 : 1))
          .flatMap((live) => sessionsOf(live, now))
          .map(({ body }) => body);
        const count = (of: TmuxSessionBody['status']): number => all.filter((one) => one.status === of).length;
        return {
          sessions: status === undefined ? all : all.filter((one) => one.status === status),
          summary: { total: all.length, active: count('active'), legacy: count('legacy') },
          server_time: now,
        };
      },
    );

    app.get(
      '/api/sessions/:id',
      {
        schema: {
          operationId: 'getTmuxSession',
          tags: ['sessions'],
          summary: 'A tmux session, and for who may operate what its end needs',
          params: SessionParams,
          response: { 200: Type.Ref('TmuxSessionDetail'), ...failures(401, 403, 404, 410) },
        },
      },
      async ({ params: { id }, identity }) => {
        const { host, session } = findSession(context.live, id, context.now());
        if (host === null) throw noHost(id);
        if (session === null) throw new ApiError('session-gone', gone(host.host));
        const mayKill = identity?.scopes.some((scope) => scope === 'operate' || scope === 'admin') === true;
        const run = host.info?.run;
        const isGiven = identity !== null && mayKill && session.body.killable.allowed && run !== undefined;
        const confirmation = isGiven ? confirmations.give({ session: id, run, asker: identity.key }) : null;
        return { session: session.body, confirmation };
      },
    );

    app.post(
      '/api/sessions/:id/kill',
      {
        config: { scope: 'operate' },
        schema: {
          operationId: 'killTmuxSession',
          tags: ['sessions'],
          summary: 'Ends a tmux session and all that runs in it; waits for the answer of its agent',
          params: SessionParams,
          body: KillInput,
          response: { 200: Type.Ref('ActionAnswer'), ...failures(400, 401, 403, 404, 409, 410, 502, 503, 504) },
        },
      },
      async ({ params: { id }, body: { confirm }, identity }) => {
        const { host, session } = findSession(context.live, id, context.now());
        if (host === null || identity === null) throw noHost(id);
        const args = session === null ? { id } : { ...session.target };
        const ask: Ask = { host, action: KILL, args, actor: identity.name };
        const { actions } = context;
        // First of all: whoever has none learns nothing of the session.
        const verdict = confirmations.use(confirm, { session: id, run: host.info?.run ?? '', asker: identity.key });
        if (verdict === 'expired') {
          return doneOrThrow(
            ask,
            await actions.refuse(ask, 'confirmation-expired', 'The confirmation is older than a minute: look at the session again.'),
          );
        }
        if (verdict === 'unknown') {
          const sentence = 'This confirmation is not for this session, was used, or its agent was started anew: look at the session again.';
          return doneOrThrow(ask, await actions.refuse(ask, 'confirmation-unknown', sentence));
        }
        if (session === null) return doneOrThrow(ask, await actions.refuse(ask, 'session-gone', gone(host.host)));
        return doneOrThrow(ask, await actions.ask(ask));
      },
    );
  };
}

function noHost(id: string): ApiError {
  return new ApiError('not-found', `There is no session ${JSON.stringify(id)}; /api/sessions lists them.`);
}

function gone(host: string): string {
  return `This session is not on ${host} any more; one of the same name is another session.`;
}
