import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { EnrolmentRecord, EnrolmentRequest } from '@hostwire/registry';
import Type from 'typebox';
import { enrolCommands } from '../../enrolment/commands.ts';
import { notesOn } from '../../enrolment/notes.ts';
import type { ApiContext } from '../context.ts';
import { ApprovalInput, type EnrolmentBody, type EnrolmentRequestBody, NewEnrolmentInput } from '../enrolment-schemas.ts';
import { failures } from '../failures.ts';

const IdParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) });

/** Codes with which hosts enrol, and the hosts that wait for approval: for who administrates the server. */
export function enrolmentRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/api/enrolments',
      {
        config: { scope: 'admin' },
        schema: {
          operationId: 'createEnrolment',
          tags: ['enrolment'],
          summary: 'Makes a code, told only now, and the commands for the new host',
          body: NewEnrolmentInput,
          response: { 200: Type.Ref('NewEnrolment'), ...failures(400, 401, 403, 409, 503) },
        },
      },
      async ({ body: { expires_in: seconds, ...rest }, identity, log }, reply) => {
        const { code, record } = await context.registry.enrolments.create({
          ...rest,
          ...(seconds === undefined ? {} : { expiresInMs: seconds * 1000 }),
          ...(identity === null ? {} : { by: identity.name }),
        });
        log.info({ enrolment: record.id, kind: record.kind, host: record.host, by: identity?.name }, 'a code to enrol with was made');
        const { id, kind, host, replaces, expiresAt } = record;
        const reach = context.reach();
        const { requiresCertificate, downloads } = context.enrolment;
        const commands = enrolCommands(reach, { code, host, version: context.self.version });
        void reply.header('cache-control', 'no-store');
        return {
          id,
          kind,
          code,
          host,
          replaces,
          expires_at: expiresAt,
          commands,
          notes: notesOn(record, reach, { requiresCertificate, hasPackages: await downloads.hasAgent() }),
        };
      },
    );

    app.get(
      '/api/enrolments',
      {
        config: { scope: 'admin' },
        schema: {
          operationId: 'listEnrolments',
          tags: ['enrolment'],
          summary: 'Codes, and hosts that came with a universal one',
          response: { 200: Type.Ref('EnrolmentList'), ...failures(401, 403, 503) },
        },
      },
      async () => {
        const { enrolments, requests } = await context.registry.enrolments.list();
        return { enrolments: enrolments.map(enrolmentBody), requests: requests.map(requestBody) };
      },
    );

    app.delete(
      '/api/enrolments/:id',
      {
        config: { scope: 'admin' },
        schema: {
          operationId: 'cancelEnrolment',
          tags: ['enrolment'],
          summary: 'A code works no longer; hosts that wait with it are denied',
          params: IdParams,
          response: { 204: Type.Null(), ...failures(401, 403, 404, 503) },
        },
      },
      async ({ params: { id }, identity, log }, reply) => {
        await context.registry.enrolments.cancel(id);
        log.info({ enrolment: id, by: identity?.name }, 'a code to enrol with was cancelled');
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/api/enrolments/requests/:id/approve',
      {
        config: { scope: 'admin' },
        schema: {
          operationId: 'approveEnrolment',
          tags: ['enrolment'],
          summary: 'Lets a host that waits in',
          params: IdParams,
          body: Type.Optional(ApprovalInput),
          response: { 200: Type.Ref('EnrolmentRequest'), ...failures(400, 401, 403, 404, 409, 503) },
        },
      },
      async ({ params: { id }, body = {}, identity, log }) => {
        const request = await context.registry.enrolments.approve(id, { ...body, ...(identity === null ? {} : { by: identity.name }) });
        log.info({ request: id, host: request.host, by: identity?.name }, 'a host was approved');
        return requestBody(request);
      },
    );

    app.post(
      '/api/enrolments/requests/:id/deny',
      {
        config: { scope: 'admin' },
        schema: {
          operationId: 'denyEnrolment',
          tags: ['enrolment'],
          summary: 'Refuses a host that waits',
          params: IdParams,
          response: { 200: Type.Ref('EnrolmentRequest'), ...failures(401, 403, 404, 409, 503) },
        },
      },
      async ({ params: { id }, identity, log }) => {
        const request = await context.registry.enrolments.deny(id, identity?.name);
        log.info({ request: id, host: request.host, by: identity?.name }, 'a host was denied');
        return requestBody(request);
      },
    );
  };
}

export function enrolmentBody(record: EnrolmentRecord): EnrolmentBody {
  return {
    ...{ id: record.id, kind: record.kind, host: record.host, replaces: record.replaces },
    ...{ group: record.group, labels: { ...record.labels } },
    ...{ created_at: record.createdAt, created_by: record.createdBy, expires_at: record.expiresAt },
    ...{ used_at: record.usedAt, used_by: record.usedBy, used_from: record.usedFrom },
  };
}

export function requestBody({ facts, ...request }: EnrolmentRequest): EnrolmentRequestBody {
  return {
    ...{ id: request.id, enrolment: request.enrolment, host: request.host, address: request.address },
    facts: { hostname: facts.hostname, os: facts.os, arch: facts.arch, agent_version: facts.agentVersion },
    ...{ created_at: request.createdAt, state: request.state, decided_at: request.decidedAt, decided_by: request.decidedBy },
    ...{ group: request.group, labels: { ...request.labels } },
  };
}
