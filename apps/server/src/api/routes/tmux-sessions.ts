import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import { sessionsOf } from '../../live/sessions.ts';
import type { ApiContext } from '../context.ts';
import { failures } from '../failures.ts';
import { SessionQuery, type TmuxSessionBody } from '../session-schemas.ts';

/** The sessions of tmux of all hosts, and how they are ended. */
export function tmuxSessionRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  return async (app) => {
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
  };
}
