import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { RemoteConfigRecord } from '@hostwire/registry';
import Type from 'typebox';
import { checkRemoteConfig } from '../../remote-config/check.ts';
import { configOf } from '../../remote-config/configs-of-hosts.ts';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { failures } from '../failures.ts';
import { type RemoteConfigBody, RemoteConfigInput } from '../remote-config-schemas.ts';

const ScopeParams = Type.Object({ scope: Type.String({ minLength: 1, maxLength: 128, description: 'all, group:NAME or host:ID' }) });
const HostParams = Type.Object({ host: Type.String({ minLength: 1, maxLength: 63 }) });

/** What is set on agents. What it changes stands on their topics within 2 s. */
export function remoteConfigRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  const nothingAt = (scope: string): ApiError => new ApiError('not-found', `Nothing is set for ${scope}.`);

  return async (app) => {
    app.get(
      '/api/remote-config',
      {
        schema: {
          operationId: 'listRemoteConfigs',
          tags: ['remote configuration'],
          summary: 'All that is set on agents, by scope',
          response: { 200: Type.Ref('RemoteConfigList'), ...failures(401, 403, 503) },
        },
      },
      async () => ({ scopes: (await context.registry.remoteConfig.list()).map(toBody) }),
    );

    app.get(
      '/api/remote-config/:scope',
      {
        schema: {
          operationId: 'getRemoteConfig',
          tags: ['remote configuration'],
          summary: 'What is set for all hosts, a group or a host',
          params: ScopeParams,
          response: { 200: Type.Ref('RemoteConfig'), ...failures(400, 401, 403, 404, 503) },
        },
      },
      async ({ params: { scope } }) => {
        const record = await context.registry.remoteConfig.get(scope);
        if (record === null) throw nothingAt(scope);
        return toBody(record);
      },
    );

    app.put(
      '/api/remote-config/:scope',
      {
        config: { scope: 'admin' },
        schema: {
          operationId: 'setRemoteConfig',
          tags: ['remote configuration'],
          summary: 'Sets all that stands for all hosts, a group or a host',
          params: ScopeParams,
          body: RemoteConfigInput,
          response: { 200: Type.Ref('RemoteConfig'), ...failures(400, 401, 403, 404, 413, 503) },
        },
      },
      async ({ params: { scope }, body, identity, log }) => {
        const { config, problems } = checkRemoteConfig(body);
        if (problems.length > 0) throw new ApiError('invalid', `${problems.slice(0, 20).join('; ')}.`);
        const record = await context.registry.remoteConfig.set(scope, config, identity?.name ?? null);
        log.info({ scope, by: identity?.name }, 'a remote configuration was set');
        return toBody(record);
      },
    );

    app.delete(
      '/api/remote-config/:scope',
      {
        config: { scope: 'admin' },
        schema: {
          operationId: 'removeRemoteConfig',
          tags: ['remote configuration'],
          summary: 'Takes back what is set for all hosts, a group or a host',
          params: ScopeParams,
          response: { 204: Type.Null(), ...failures(400, 401, 403, 404, 503) },
        },
      },
      async ({ params: { scope }, identity, log }, reply) => {
        if (!(await context.registry.remoteConfig.remove(scope))) throw nothingAt(scope);
        log.info({ scope, by: identity?.name }, 'a remote configuration was taken back');
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/api/hosts/:host/config',
      {
        schema: {
          operationId: 'getHostConfig',
          tags: ['remote configuration'],
          summary: 'What a host is to have, and what its agent makes of it',
          params: HostParams,
          response: { 200: Type.Ref('HostConfig'), ...failures(401, 403, 404, 503) },
        },
      },
      async ({ params: { host } }) => {
        const live = context.live.get(host);
        if (live === undefined) throw new ApiError('not-found', `There is no host ${JSON.stringify(host)}; /api/hosts lists them.`);
        const records = await context.registry.remoteConfig.list();
        const { config, hash, scopes } = configOf(new Map(records.map((record) => [record.scope, record])), live);
        const reported = live.info?.config ?? null;
        const isTold = scopes.length === 0 ? reported === null : reported?.hash === hash;
        return {
          ...{ host, config, hash, scopes: [...scopes], current: isTold },
          reported: reported === null ? null : { ...reported, applied: [...reported.applied], refused: [...reported.refused] },
        };
      },
    );
  };
}

function toBody({ scope, config, updatedAt, updatedBy }: RemoteConfigRecord): RemoteConfigBody {
  return { scope, config, updated_at: updatedAt, updated_by: updatedBy };
}
