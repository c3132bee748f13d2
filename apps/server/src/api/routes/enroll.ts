import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type EnrolledHost, EnrolmentError } from '@hostwire/registry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { GuessLimit } from '../../enrolment/guess-limit.ts';
import type { ApiContext } from '../context.ts';
import { ClaimInput, EnrolInput, type EnrolledBody } from '../enrolment-schemas.ts';
import { ApiError } from '../errors.ts';
import { failures } from '../failures.ts';

/** Per address. */
const TRIES_PER_MINUTE = 10;
/** Per address, behind which a whole site may wait. */
const CLAIMS_PER_MINUTE = 600;

const RequestParams = Type.Object({ request: Type.String({ minLength: 1, maxLength: 64 }) });

/** Where hosts that are not known yet get their token. Open: what counts is the code, and later the request's secret. */
export function enrollRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  return async (app) => {
    const guesses = new GuessLimit();

    app.post(
      '/api/enroll',
      {
        config: { open: true, rateLimit: { max: TRIES_PER_MINUTE, timeWindow: 60_000 } },
        bodyLimit: 8192,
        schema: {
          operationId: 'enroll',
          security: [],
          tags: ['enrolment'],
          summary: 'A host exchanges a code for its token; 202: it must be approved first',
          body: EnrolInput,
          response: { 200: Type.Ref('Enrolled'), 202: Type.Ref('EnrolmentWaiting'), ...failures(400, 403, 409, 410, 429, 503) },
        },
      },
      async (request, reply) => {
        const { body, log } = request;
        if (!guesses.mayTry(request.ip)) {
          context.enrolment.counters.add('throttled');
          throw new ApiError('too-many-requests', 'Too many wrong codes came to this server; wait a minute and try again.');
        }
        const { os = '', arch = '', agent_version: agentVersion = '' } = body.facts;
        const { counters } = context.enrolment;
        try {
          const answer = await context.registry.enrolments.redeem({
            code: body.code,
            ...(body.nonce === undefined ? {} : { nonce: body.nonce }),
            ...(body.host === undefined ? {} : { host: body.host }),
            address: request.ip,
            facts: { hostname: body.facts.hostname, os, arch, agentVersion },
          });
          if (answer.state === 'enrolled') return welcome(request, reply, answer);
          counters.add('waiting');
          log.info({ request: answer.request, host: answer.host, from: request.ip }, 'a host waits for approval');
          void reply.header('cache-control', 'no-store');
          return await reply.code(202).send(answer);
        } catch (error) {
          if (!(error instanceof EnrolmentError)) throw error;
          if (error.code === 'code-unknown') guesses.wrong();
          throw refused(request, error);
        }
      },
    );

    app.post(
      '/api/enroll/:request',
      {
        config: { open: true, rateLimit: { max: CLAIMS_PER_MINUTE, timeWindow: 60_000 } },
        bodyLimit: 4096,
        schema: {
          operationId: 'claimEnrolment',
          security: [],
          tags: ['enrolment'],
          summary: 'A host that waits asks what became of it',
          params: RequestParams,
          body: ClaimInput,
          response: { 200: Type.Ref('Enrolled'), 202: Type.Ref('EnrolmentWaiting'), ...failures(400, 403, 404, 409, 410, 429, 503) },
        },
      },
      async (request, reply) => {
        const { params, body } = request;
        try {
          const answer = await context.registry.enrolments.claim(params.request, body.secret);
          if (answer.state === 'enrolled') return welcome(request, reply, answer);
          return await reply.code(202).send({ ...answer, request: params.request });
        } catch (error) {
          throw error instanceof EnrolmentError ? refused(request, error) : error;
        }
      },
    );

    function welcome(request: FastifyRequest, reply: FastifyReply, enrolled: EnrolledHost): EnrolledBody {
      const { host, token, group, labels, replaced } = enrolled;
      context.enrolment.counters.add('enrolled');
      request.log.info({ host, from: request.ip, replaced }, replaced ? 'a host enrolled anew' : 'a host enrolled');
      const { mqttUrl, topicRoot, caPem, caFingerprint } = context.reach();
      void reply.header('cache-control', 'no-store');
      return {
        ...{ host, token, server_key: context.enrolment.serverKey(), mqtt_url: mqttUrl, topic_root: topicRoot },
        ...{ ca_pem: caPem, ca_fingerprint: caFingerprint, group, labels: { ...labels } },
      };
    }

    function refused({ ip, log }: FastifyRequest, error: EnrolmentError): ApiError {
      context.enrolment.counters.add(`refused{code="${error.code}"}`);
      log.warn({ from: ip, code: error.code }, 'a host was not enrolled');
      return new ApiError(error.code, `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`, { cause: error });
    }
  };
}
