import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import { containersOf } from '../../live/containers.ts';
import type { HostLive } from '../../live/host-live.ts';
import { servicesOf } from '../../live/services.ts';
import { hostRows, hostSummary } from '../bodies.ts';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { failures } from '../failures.ts';
import { readGaps } from '../gaps.ts';
import { readMoment } from '../moment.ts';
import { MomentQuery } from '../moment-schemas.ts';
import { GapQuery } from '../process-schemas.ts';
import { HostChangeInput } from '../schemas.ts';
import { parseRange, parseTime } from '../series/range.ts';
import { storeFailure } from '../store-failure.ts';

/** Of a host that has not said how often it measures. */
const DEFAULT_INTERVAL_S = 30;
const HostParams = Type.Object({ host: Type.String({ minLength: 1, maxLength: 63 }) });

export function hostRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  const find = (host: string): HostLive => {
    const found = context.live.get(host);
    if (found === undefined) throw notFound(host);
    return found;
  };

  return async (app) => {
    app.get(
      '/api/hosts',
      {
        schema: {
          operationId: 'listHosts',
          tags: ['hosts'],
          summary: 'All hosts, as the fleet page shows them',
          response: { 200: Type.Ref('HostList'), ...failures(401, 403) },
        },
      },
      async () => {
        const hosts = [...context.live.hosts()].map((host) => hostSummary(context, host));
        return { hosts: hosts.sort((a, b) => (a.host < b.host ? -1 : 1)), server_time: context.now() };
      },
    );

    app.get(
      '/api/hosts/:host',
      {
        schema: {
          operationId: 'getHost',
          tags: ['hosts'],
          summary: 'Everything that is known of one host right now',
          params: HostParams,
          response: { 200: Type.Ref('HostDetail'), ...failures(401, 403, 404) },
        },
      },
      async ({ params }) => {
        const host = find(params.host);
        const { info } = host;
        return { summary: hostSummary(context, host), info, capabilities: info?.capabilities ?? {}, ...hostRows(host) };
      },
    );

    app.patch(
      '/api/hosts/:host',
      {
        // Groups decide which rules and which remote configuration a host has.
        config: { scope: 'admin' },
        schema: {
          operationId: 'changeHost',
          tags: ['hosts'],
          summary: "Changes a host's group and labels",
          params: HostParams,
          body: HostChangeInput,
          response: { 200: Type.Ref('HostGrouping'), ...failures(400, 401, 403, 404, 503) },
        },
      },
      async ({ params, body }) => {
        const { host } = params;
        const record = await context.registry.hosts.update(host, body);
        // Others read the list of hosts anew; who asks here next sees what was written.
        context.live.regroup(record);
        return { host, group: record.group, labels: { ...record.labels } };
      },
    );

    app.get(
      '/api/hosts/:host/host',
      {
        schema: {
          operationId: 'getHostPart',
          tags: ['hosts'],
          summary: 'What the host itself measures',
          params: HostParams,
          response: { 200: Type.Ref('HostPart'), ...failures(401, 403, 404) },
        },
      },
      async ({ params }) => partOf(find(params.host)),
    );

    app.get(
      '/api/hosts/:host/containers',
      {
        schema: {
          operationId: 'getContainers',
          tags: ['hosts'],
          summary: 'Its containers, of Docker or Podman',
          params: HostParams,
          response: { 200: Type.Ref('ContainersPart'), ...failures(401, 403, 404) },
        },
      },
      async ({ params }) => containersOf(find(params.host)),
    );

    app.get(
      '/api/hosts/:host/services',
      {
        schema: {
          operationId: 'getServices',
          tags: ['hosts'],
          summary: 'Its units of systemd',
          params: HostParams,
          response: { 200: Type.Ref('ServicesPart'), ...failures(401, 403, 404) },
        },
      },
      async ({ params }) => servicesOf(find(params.host)),
    );

    app.get(
      '/api/hosts/:host/stats',
      {
        schema: {
          operationId: 'getStats',
          tags: ['hosts'],
          summary: 'What the host measures, its containers and its services at once',
          params: HostParams,
          response: { 200: Type.Ref('HostStats'), ...failures(401, 403, 404) },
        },
      },
      async ({ params }) => {
        const host = find(params.host);
        const { timestamp, host: part } = partOf(host);
        return { timestamp, host: part, containers: containersOf(host), services: servicesOf(host) };
      },
    );

    app.get(
      '/api/hosts/:host/gaps',
      {
        schema: {
          operationId: 'getGaps',
          tags: ['hosts'],
          summary: 'Samples that the agent of a host had to give up',
          params: HostParams,
          querystring: GapQuery,
          response: { 200: Type.Ref('GapList'), ...failures(400, 401, 403, 404, 502, 503) },
        },
      },
      async ({ params, query }) => {
        const { host } = find(params.host);
        const range = parseRange(query.from, query.to, context.now());
        try {
          return { gaps: await readGaps(context, host, range) };
        } catch (error) {
          throw storeFailure(error);
        }
      },
    );

    app.get(
      '/api/hosts/:host/processes',
      {
        schema: {
          operationId: 'getProcesses',
          tags: ['hosts'],
          summary: 'The processes that used most at a moment of the past',
          params: HostParams,
          querystring: MomentQuery,
          response: { 200: Type.Ref('MomentProcesses'), ...failures(400, 401, 403, 404, 502, 503) },
        },
      },
      async ({ params, query }) => {
        const host = find(params.host);
        const now = context.now();
        const at = parseTime('at', query.at ?? 'now', now);
        try {
          return await readMoment(context, host.host, at, (host.interval ?? DEFAULT_INTERVAL_S) * 1000);
        } catch (error) {
          throw storeFailure(error);
        }
      },
    );
  };
}

function partOf(live: HostLive): { timestamp: number | null; host: ReturnType<typeof hostRows> } {
  const host = hostRows(live);
  const times = Object.values(host.latest).map(({ time }) => time);
  return { timestamp: times.length === 0 ? null : Math.max(...times), host };
}

function notFound(host: string): ApiError {
  return new ApiError('not-found', `There is no host ${JSON.stringify(host)}; /api/hosts lists them.`);
}
