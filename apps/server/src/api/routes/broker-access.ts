import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { BROKER_SECRET_HEADER } from '@hostwire/broker';
import type { FastifyRequest } from 'fastify';
import type { BrokerAccess } from '../../roles/open-broker-access.ts';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';

/** Every answer has status 200: EMQX takes 204 for `allow`, and goes on to its next source after any other. */
interface Answer {
  readonly result: 'allow' | 'deny';
  readonly is_superuser: false;
  /** Seconds since the epoch; EMQX 5.8 disconnects the client then. */
  readonly expire_at?: number;
}

const DENY: Answer = { result: 'deny', is_superuser: false };
const ALLOW: Answer = { result: 'allow', is_superuser: false };

/**
 * EMQX's HTTP authentication and authorization (https://docs.emqx.com/en/emqx/latest/access-control/authn/http.html), for
 * the broker alone: it shows its secret in a header. A body that is not understood is refused.
 */
export function brokerAccessRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post('/mqtt/auth', { config: { open: true }, schema: { hide: true } }, async (request): Promise<Answer> => {
      const access = accessFor(context, request);
      const { username, password, clientid } = textsOf(request.body);
      const answer = await access.mayConnect(username ?? '', password ?? '', clientid ?? '');
      if (!answer.allowed) return DENY;
      return answer.expiresAt === null ? ALLOW : { ...ALLOW, expire_at: Math.floor(answer.expiresAt / 1000) };
    });

    app.post('/mqtt/acl', { config: { open: true }, schema: { hide: true } }, async (request): Promise<Answer> => {
      const access = accessFor(context, request);
      const { username, action, topic } = textsOf(request.body);
      if (action !== 'publish' && action !== 'subscribe') return DENY;
      return access.may(username ?? '', action, topic ?? '') ? ALLOW : DENY;
    });
  };
}

/** True for what the broker itself asks: each connection of a fleet comes from its address. */
export function comesFromBroker({ brokerAccess }: Pick<ApiContext, 'brokerAccess'>, request: FastifyRequest): boolean {
  return brokerAccess?.isSecret(request.headers[BROKER_SECRET_HEADER]) === true;
}

function accessFor({ brokerAccess }: ApiContext, request: FastifyRequest): BrokerAccess {
  if (brokerAccess === null) throw new ApiError('not-found', 'There is nothing here.');
  if (comesFromBroker({ brokerAccess }, request)) return brokerAccess;
  brokerAccess.refuseStranger(request.ip);
  throw new ApiError('forbidden', `The header ${BROKER_SECRET_HEADER} must hold what broker.auth_secret says.`);
}

function textsOf(body: unknown): Readonly<Record<string, string | undefined>> {
  if (typeof body !== 'object' || body === null) return {};
  return Object.fromEntries(Object.entries(body).filter(([, value]) => typeof value === 'string'));
}
