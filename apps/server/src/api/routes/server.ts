import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import type { ApiContext } from '../context.ts';
import { failures } from '../failures.ts';
import { metricsText } from '../metrics-text.ts';
import { describeServer } from '../server-answer.ts';

/** What the server says of itself. */
export function serverRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/health',
      {
        config: { open: true },
        schema: {
          operationId: 'getHealth',
          security: [],
          tags: ['server'],
          summary: '200 while the server is alive; what does not work as it should is named',
          response: { 200: Type.Ref('Health') },
        },
      },
      async () => {
        const { roles, version } = context.self;
        const mock = [...context.live.hosts()].some(({ info }) => info?.mock === true);
        return { ok: true as const, roles: [...roles], version, mock, degraded: [...context.self.degraded()] };
      },
    );

    app.get(
      '/api/catalog',
      {
        schema: {
          operationId: 'getCatalog',
          tags: ['series'],
          summary: 'Every measurement and field, with its unit',
          response: { 200: Type.Ref('Catalog'), ...failures(401, 403) },
        },
      },
      async () => context.live.catalogs.merged(),
    );

    app.get(
      '/api/config',
      {
        schema: {
          operationId: 'getConfig',
          tags: ['server'],
          summary: 'The configuration, without any secret',
          response: { 200: Type.Ref('Config'), ...failures(401, 403) },
        },
      },
      async () => context.config(),
    );

    app.get(
      '/api/server',
      {
        schema: {
          operationId: 'getServer',
          tags: ['server'],
          summary: "The server's processes with their counters and levels, gaps and dead letters",
          response: { 200: Type.Ref('Server'), ...failures(401, 403) },
        },
      },
      async () => describeServer(context),
    );

    app.get(
      '/metrics',
      {
        schema: {
          operationId: 'getMetrics',
          tags: ['server'],
          summary: 'Prometheus text (exposition format 0.0.4) of the server itself',
          produces: ['text/plain'],
          response: { 200: Type.String(), ...failures(401, 403) },
        },
      },
      async (_request, reply) => {
        void reply.type('text/plain; version=0.0.4; charset=utf-8');
        return reply.serializer((text: string) => text).send(metricsText(context.self.counters, context.self.gauges()));
      },
    );
  };
}
