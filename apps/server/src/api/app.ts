import compress from '@fastify/compress';
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import { version } from '@hostwire/service';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { countErrors } from '../roles/count-errors.ts';
import { guardRoutes } from './auth.ts';
import type { ApiContext } from './context.ts';
import { ApiError, handleError } from './errors.ts';
import { acceptUpgrades, type LiveSocketOptions, liveSocket } from './live-socket.ts';
import { servePage } from './page.ts';
import { actionRoutes } from './routes/actions.ts';
import { alertRoutes } from './routes/alerts.ts';
import { brokerAccessRoutes, comesFromBroker } from './routes/broker-access.ts';
import { downloadRoutes } from './routes/downloads.ts';
import { enrollRoutes } from './routes/enroll.ts';
import { enrolmentRoutes } from './routes/enrolments.ts';
import { hostAccessRoutes } from './routes/host-access.ts';
import { hostRoutes } from './routes/hosts.ts';
import { remoteConfigRoutes } from './routes/remote-config.ts';
import { seriesRoutes } from './routes/series.ts';
import { serverRoutes } from './routes/server.ts';
import { sessionRoutes } from './routes/session.ts';
import { tmuxSessionRoutes } from './routes/tmux-sessions.ts';
import { COMPONENTS } from './schemas.ts';

export interface ApiOptions {
  readonly logger: FastifyBaseLogger;
  /** Folder of the built dashboard; default beside this app. */
  readonly webRoot?: string;
  readonly socket?: LiveSocketOptions;
}

const REQUESTS_PER_MINUTE = 6000;
/** For a whole request to come in: without, a stranger who sends one slowly holds a connection for ever. */
const REQUEST_MS = 60_000;

/** No inline code and nothing from elsewhere; style attributes are set through the CSSOM, which a CSP leaves alone. */
const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    fontSrc: ["'self'"],
    connectSrc: ["'self'"],
    manifestSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
};

/** The one style that Swagger UI writes into its page, by its hash (CSP3 section 6.7.3.3). */
const SWAGGER_STYLE = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='";

/** The HTTP side of the server, not listening yet. */
export async function createApi(context: ApiContext, options: ApiOptions): Promise<FastifyInstance> {
  const app = newApp(options.logger);
  if (options.socket?.counters !== undefined) countErrors(app, options.socket.counters);
  await acceptUpgrades(app);
  await app.register(helmet, { contentSecurityPolicy: CONTENT_SECURITY_POLICY, hsts: false });
  await app.register(compress, { threshold: 1024, encodings: ['gzip'] });
  await app.register(cookie);
  await app.register(rateLimit, {
    max: REQUESTS_PER_MINUTE,
    timeWindow: 60_000,
    allowList: (request) => comesFromBroker(context, request),
    errorResponseBuilder: () => new ApiError('too-many-requests', 'Too many requests; wait a minute and try again.'),
  });
  guardRoutes(app, context);
  await app.register(liveSocket(context, options.socket));
  await describe(app);
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    transformStaticCSP: (policy) => policy.replace("style-src 'self'", `style-src 'self' ${SWAGGER_STYLE}`),
  });
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await registerRoutes(app, context);
  await servePage(app, options.webRoot);
  return app;
}

/** The OpenAPI 3.1 document. Opens no port and no file. */
export async function openApiDocument(): Promise<object> {
  const app = newApp(false);
  await describe(app);
  await registerRoutes(app, NO_CONTEXT);
  await app.ready();
  const document = app.swagger();
  await app.close();
  return document;
}

/** Routes take what they need when they are asked, so describing them needs nothing. */
const NO_CONTEXT = new Proxy({} as ApiContext, {
  get(_target, name) {
    throw new Error(`a route used ${String(name)} before it was asked`);
  },
});

function newApp(logger: FastifyBaseLogger | false): FastifyInstance {
  const app = Fastify({
    ...(logger === false ? { logger: false } : { loggerInstance: logger }),
    // The log would hold every poll of every dashboard; failures are logged where they are answered.
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: true,
    requestTimeout: REQUEST_MS,
    bodyLimit: 64 * 1024,
    routerOptions: { maxParamLength: 300 },
    // A path that cannot be decoded is answered like any other mistake.
    frameworkErrors: handleError,
  });
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  app.setSerializerCompiler(() => (body) => JSON.stringify(body));
  app.setErrorHandler(handleError);
  for (const schema of COMPONENTS) app.addSchema(schema);
  return app.withTypeProvider<TypeBoxTypeProvider>() as unknown as FastifyInstance;
}

async function describe(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Hostwire',
        version,
        description: 'Telemetry of a fleet of hosts. Times are ms since the epoch, UTC; what is not known is null, never 0.',
      },
      components: {
        securitySchemes: {
          session: { type: 'apiKey', in: 'cookie', name: 'hostwire_session' },
          token: { type: 'http', scheme: 'bearer', description: 'A token of scope api:read: hostwire token add NAME --scope api:read' },
        },
      },
      security: [{ session: [] }, { token: [] }],
    },
    refResolver: { buildLocalReference: (schema, _base, _fragment, index) => String(schema['$id'] ?? `schema-${index}`) },
  });
}

async function registerRoutes(app: FastifyInstance, context: ApiContext): Promise<void> {
  await app.register(serverRoutes(context));
  await app.register(sessionRoutes(context));
  await app.register(hostRoutes(context));
  await app.register(hostAccessRoutes(context));
  await app.register(tmuxSessionRoutes(context));
  await app.register(actionRoutes(context));
  await app.register(enrolmentRoutes(context));
  await app.register(enrollRoutes(context));
  await app.register(downloadRoutes(context));
  await app.register(remoteConfigRoutes(context));
  await app.register(seriesRoutes(context));
  await app.register(alertRoutes(context));
  await app.register(brokerAccessRoutes(context));
}
