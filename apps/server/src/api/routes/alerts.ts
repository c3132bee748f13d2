import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { toAlertBody } from '@hostwire/alerting';
import Type from 'typebox';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { failures } from '../failures.ts';
import { AcknowledgeInput, AlertQuery } from '../schemas.ts';

const AlertParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 256 }) });

export function alertRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  const notFiring = (id: string): ApiError => {
    const known = context.alerts.list().some((alert) => alert.id === id);
    return known
      ? new ApiError('not-firing', 'Only a firing alert can be acknowledged.')
      : new ApiError('not-found', 'There is no such alert.');
  };

  return async (app) => {
    app.get(
      '/api/alerts',
      {
        schema: {
          operationId: 'listAlerts',
          tags: ['alerts'],
          summary: 'Pending, firing, and what resolved within the last 24 h',
          querystring: AlertQuery,
          response: { 200: Type.Ref('AlertList'), ...failures(400, 401, 403) },
        },
      },
      async ({ query: { state, acknowledged } }) => {
        const alerts = context.alerts
          .list()
          .filter((alert) => state === undefined || alert.state === state)
          .filter((alert) => acknowledged === undefined || (alert.acknowledgedAt !== null) === acknowledged);
        return { alerts: alerts.sort((a, b) => b.since - a.since).map(toAlertBody) };
      },
    );

    app.post(
      '/api/alerts/:id/ack',
      {
        config: { scope: 'operate' },
        schema: {
          operationId: 'acknowledgeAlert',
          tags: ['alerts'],
          summary: 'Says that somebody looks after it',
          params: AlertParams,
          // A request without a body has null.
          body: Type.Union([AcknowledgeInput, Type.Null()]),
          response: { 200: Type.Ref('Alert'), ...failures(400, 401, 403, 404, 409, 503) },
        },
      },
      async ({ params, body, identity }) => {
        const alert = await context.alerts.acknowledge(params.id, identity?.name ?? '', body?.note ?? null);
        if (alert === null) throw notFiring(params.id);
        return toAlertBody(alert);
      },
    );

    app.delete(
      '/api/alerts/:id/ack',
      {
        config: { scope: 'operate' },
        schema: {
          operationId: 'unacknowledgeAlert',
          tags: ['alerts'],
          summary: 'Takes an acknowledgement back',
          params: AlertParams,
          response: { 200: Type.Ref('Alert'), ...failures(401, 403, 404, 409, 503) },
        },
      },
      async ({ params }) => {
        const alert = await context.alerts.unacknowledge(params.id);
        if (alert === null) throw notFiring(params.id);
        return toAlertBody(alert);
      },
    );
  };
}
