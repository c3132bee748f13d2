import type { Counters } from '@hostwire/model';
import type { FastifyInstance } from 'fastify';

/** Counts what is answered with an error, by its status; to be called before it listens. */
export function countErrors(app: Pick<FastifyInstance, 'addHook'>, counters: Counters): void {
  app.addHook('onResponse', async (_request, { statusCode }) => {
    if (statusCode >= 400) counters.add(`errors{status="${statusCode}"}`);
  });
}
