import { Type } from 'typebox';
import { messageOf } from '../../errors.ts';
import type { WebApp, WebContext } from '../context.ts';

const Health = Type.Object({ status: Type.String(), detail: Type.Optional(Type.String()) });
const READY_TIMEOUT_MS = 2_000;

/** For whoever watches over this process. */
export function healthRoutes(app: WebApp, context: WebContext): void {
  app.get(
    '/healthz',
    {
      config: { scope: 'none' },
      schema: { summary: 'Whether this process lives', tags: ['server'], response: { 200: Health } },
    },
    async () => ({ status: 'ok' }),
  );
  app.get(
    '/readyz',
    {
      config: { scope: 'none' },
      schema: {
        summary: 'Whether it can answer: InfluxDB is there',
        tags: ['server'],
        response: { 200: Health, 503: Health },
      },
    },
    async (request, reply) => {
      try {
        await context.source.ping(AbortSignal.timeout(READY_TIMEOUT_MS));
        return { status: 'ok' };
      } catch (error) {
        request.log.debug({ err: error }, 'not ready');
        // Where InfluxDB lies is for those who may read.
        const detail = request.scope === null ? 'the source does not answer' : messageOf(error);
        return reply.code(503).send({ status: 'not ready', detail });
      }
    },
  );
  app.get(
    '/metrics',
    {
      config: { scope: 'read' },
      schema: {
        summary: "What this server has done, in Prometheus' text form",
        tags: ['server'],
        response: { 200: { description: 'Metrics.', content: { 'text/plain': { schema: Type.String() } } } },
      },
    },
    async (_request, reply) => {
      await reply.type(context.metrics.registry.contentType).send(await context.allMetrics());
    },
  );
}
