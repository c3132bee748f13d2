import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { ActionArgs, ActionName } from '@hostwire/model';
import type { AuditRecord } from '@hostwire/registry';
import Type from 'typebox';
import { doneOrThrow } from '../action-answer.ts';
import type { Identity } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { failures } from '../failures.ts';
import { type ActionAnswerBody, type AuditBody, AuditQuery, DumpInput } from '../session-schemas.ts';

const HostParams = Type.Object({ host: Type.String({ minLength: 1, maxLength: 63 }) });
const FAILURES = [400, 401, 403, 404, 409, 502, 503, 504] as const;

/** What can be asked of an agent itself, and what was asked of all. */
export function actionRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  const ask = async (host: string, action: ActionName, args: ActionArgs, identity: Identity | null): Promise<ActionAnswerBody> => {
    const live = context.live.get(host);
    if (live === undefined || identity === null) {
      throw new ApiError('not-found', `There is no host ${JSON.stringify(host)}; /api/hosts lists them.`);
    }
    const asked = { host: live, action, args, actor: identity.name };
    return doneOrThrow(asked, await context.actions.ask(asked));
  };

  return async (app) => {
    app.post(
      '/api/hosts/:host/actions/refresh',
      {
        config: { scope: 'operate' },
        schema: {
          operationId: 'refreshHost',
          tags: ['actions'],
          summary: 'Its agent looks again at which collectors work there',
          params: HostParams,
          response: { 200: Type.Ref('ActionAnswer'), ...failures(...FAILURES) },
        },
      },
      async ({ params: { host }, identity }) => ask(host, 'agent.refresh', {}, identity),
    );

    app.post(
      '/api/hosts/:host/actions/dump',
      {
        config: { scope: 'operate' },
        schema: {
          operationId: 'dumpHost',
          tags: ['actions'],
          summary: 'Its agent writes a diagnostic dump on that host for some minutes',
          params: HostParams,
          body: DumpInput,
          response: { 200: Type.Ref('ActionAnswer'), ...failures(...FAILURES) },
        },
      },
      async ({ params: { host }, body: { minutes }, identity }) => ask(host, 'agent.dump', { minutes }, identity),
    );

    app.get(
      '/api/audit',
      {
        config: { scope: 'operate' },
        schema: {
          operationId: 'listAudit',
          tags: ['actions'],
          summary: 'What was asked of hosts, by whom, and what became of it',
          querystring: AuditQuery,
          response: { 200: Type.Ref('AuditList'), ...failures(400, 401, 403, 503) },
        },
      },
      async ({ query }) => ({ entries: (await context.registry.audit.list(query)).map(toBody) }),
    );
  };
}

function toBody({ at, args, ...entry }: AuditRecord): AuditBody {
  return { ...entry, time: at, args: { ...args } };
}
