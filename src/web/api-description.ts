import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { WebApp } from './context.ts';

/** The OpenAPI document at `/openapi.json`, and docs to try it out at `/docs`, which load nothing from elsewhere. */
export async function describeApi(app: WebApp, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'edge-detect',
        description:
          'States and their changes, read from InfluxDB. Times are RFC 3339 in UTC, to the nanosecond; ranges also `-7d` and `now`.',
        version,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: [
        { name: 'states', description: 'What is, what was, and what it comes to.' },
        { name: 'writing', description: 'Points and notes.' },
        { name: 'administration', description: "Kapacitor's tasks and what the agent knows." },
        { name: 'server', description: 'How this server is.' },
      ],
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: '`edge-detect web token new --scope read`' },
        },
      },
      security: [{}, { token: [] }],
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    uiConfig: { docExpansion: 'list', deepLinking: true, tryItOutEnabled: true },
  });
  app.get('/openapi.json', { schema: { hide: true }, config: { scope: 'none' } }, () => app.swagger());
}
