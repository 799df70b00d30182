import { existsSync } from 'node:fs';
import compress from '@fastify/compress';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import staticFiles from '@fastify/static';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import { type Access, guard } from './access/guard.ts';
import { describeApi } from './api-description.ts';
import type { WebApp, WebContext } from './context.ts';
import { answerNoRequest, handleErrors } from './error-handling.ts';
import { ProblemError } from './problem.ts';
import { aboutRoutes } from './routes/about-routes.ts';
import { agentRoutes } from './routes/agent-routes.ts';
import { edgeRoutes } from './routes/edge-routes.ts';
import { eventRoutes } from './routes/event-routes.ts';
import { healthRoutes } from './routes/health-routes.ts';
import { noteRoutes } from './routes/note-routes.ts';
import { pointRoutes } from './routes/point-routes.ts';
import { stateRoutes } from './routes/state-routes.ts';
import { taskRoutes } from './routes/task-routes.ts';

export interface ServerOptions {
  readonly context: WebContext;
  readonly access: Access;
  readonly log: FastifyBaseLogger;
  /** The folder of the page as it was built; it may be missing. */
  readonly pageDir: string;
  /** Origins whose pages may show the page in a frame. */
  readonly embedFrom: readonly string[];
  /** Whether the client's address is what a proxy says. */
  readonly trustsProxy: boolean;
}

const API_PREFIX = '/api/v1';
/** Longer ones are no parameters of ours. */
const MAX_PARAMETER_LENGTH = 20_000;
/** Room for some hundred values of `where`. */
const MAX_HEADER_BYTES = 131_072;
const YEAR_S = 31_536_000;

/** Makes the server, ready to listen. */
export async function makeServer(options: ServerOptions): Promise<WebApp> {
  const { access, context, log } = options;
  const app: WebApp = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: context.limits.maxBodyBytes,
    trustProxy: options.trustsProxy,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array', allowUnionTypes: true } },
    forceCloseConnections: true,
    http: { maxHeaderSize: MAX_HEADER_BYTES },
    clientErrorHandler: answerNoRequest,
  }).withTypeProvider<TypeBoxTypeProvider>();
  handleErrors(app);
  context.metrics.watch(app);
  await app.register(helmet, helmetOptions(options.embedFrom));
  await app.register(rateLimit, {
    max: context.limits.requestsPerMinute,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { max, after }) =>
      new ProblemError(
        'TOO_MANY_REQUESTS',
        `more than ${max} requests within a minute; try again in ${after}`,
      ),
  });
  await app.register(compress, { threshold: 1_024, encodings: ['gzip', 'identity'] });
  guard(app, access);
  await describeApi(app, context.version);
  await app.register(
    async (api: WebApp) => {
      aboutRoutes(api, context, access);
      stateRoutes(api, context);
      edgeRoutes(api, context);
      eventRoutes(api, context);
      noteRoutes(api, context);
      taskRoutes(api, context);
      agentRoutes(api, context);
      // A plugin of its own: it reads bodies in its own way.
      await api.register(async (points: WebApp) => pointRoutes(points, context));
    },
    { prefix: API_PREFIX },
  );
  healthRoutes(app, context);
  await servePage(app, options.pageDir);
  return app;
}

function helmetOptions(embedFrom: readonly string[]) {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        manifestSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'self'", ...embedFrom],
      },
    },
    // What frame-ancestors says this could only say for one origin.
    frameguard: embedFrom.length === 0,
    crossOriginResourcePolicy: { policy: 'same-origin' as const },
    // A server on a home's own network speaks HTTP; that a proxy's name is HTTPS for ever is the proxy's to say.
    strictTransportSecurity: false,
  };
}

async function servePage(app: WebApp, pageDir: string): Promise<void> {
  if (!existsSync(pageDir)) {
    app.get('/', { schema: { hide: true }, config: { scope: 'none' } }, (_request, reply) =>
      reply
        .type('text/html; charset=utf-8')
        .send(
          '<!doctype html><title>edge-detect</title><p>The page has not been built: run <code>npm run build</code>. ' +
            'The API is there: <a href="docs">docs</a>.',
        ),
    );
    return;
  }
  await app.register(staticFiles, {
    root: pageDir,
    cacheControl: false,
    setHeaders(reply, path) {
      // Vite names what it builds by its content.
      const isNamed = /[\\/]assets[\\/]/.test(path);
      reply.header('cache-control', isNamed ? `public, max-age=${YEAR_S}, immutable` : 'no-cache');
    },
  });
}
