import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import { hostRemoved } from '../../host-removed.ts';
import type { ApiContext } from '../context.ts';
import { failures } from '../failures.ts';

const HostParams = Type.Object({ host: Type.String({ minLength: 1, maxLength: 63 }) });

/** Takes from a host what it logs in with. Its connection ends within 2 s, as the broker hears of the change. */
export function hostAccessRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.delete(
      '/api/hosts/:host',
      {
        config: { scope: 'admin' },
        schema: {
          operationId: 'removeHost',
          tags: ['hosts'],
          summary: 'Removes a host: its token is refused from now on; what it measured stays in the store',
          params: HostParams,
          response: { 200: Type.Ref('HostRemoved'), ...failures(401, 403, 404, 503) },
        },
      },
      async ({ params: { host }, log, identity }) => {
        await context.registry.hosts.remove(host);
        log.info({ host, by: identity?.name }, 'a host was removed');
        return { host, message: hostRemoved(host) };
      },
    );

    app.post(
      '/api/hosts/:host/rotate',
      {
        config: { scope: 'admin' },
        schema: {
          operationId: 'rotateHost',
          tags: ['hosts'],
          summary: 'Gives a host a new token, told only now; the old one is refused from now on',
          params: HostParams,
          response: { 200: Type.Ref('HostToken'), ...failures(401, 403, 404, 503) },
        },
      },
      async ({ params: { host }, log, identity }) => {
        const { token } = await context.registry.hosts.rotate(host);
        log.info({ host, by: identity?.name }, 'a host has a new token');
        return { host, token };
      },
    );
  };
}
