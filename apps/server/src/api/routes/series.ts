import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import type { ApiContext } from '../context.ts';
import { failures } from '../failures.ts';
import { SeriesQuery } from '../schemas.ts';
import { toColumns } from '../series/answer.ts';
import { planSeries } from '../series/plan.ts';
import { toInfluxQL } from '../series/statement.ts';
import { storeFailure } from '../store-failure.ts';

const QUERY_TIMEOUT_MS = 30_000;

export function seriesRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/api/series',
      {
        schema: {
          operationId: 'getSeries',
          tags: ['series'],
          summary: 'One field over time, as aligned columns',
          querystring: SeriesQuery,
          response: { 200: Type.Ref('SeriesAnswer'), ...failures(400, 401, 403, 502, 503) },
        },
      },
      async ({ query }) => {
        try {
          const { plan, unit } = await planSeries(query, context);
          const text = toInfluxQL(plan);
          const response = await context.store.query(text, {
            database: context.database,
            epoch: 'ms',
            signal: AbortSignal.timeout(QUERY_TIMEOUT_MS),
          });
          const { measurement, field, aggregate, step } = plan;
          return { measurement, field, aggregate, step, unit, ...toColumns(plan, response), query: text };
        } catch (error) {
          throw storeFailure(error);
        }
      },
    );
  };
}
