import type { FastifyRequest } from 'fastify';
import { type Access, TOKEN_COOKIE } from '../access/guard.ts';
import { plainTime } from '../api/answer-texts.ts';
import { AboutAnswer, NewSession, NoContent } from '../api/schemas.ts';
import type { WebApp, WebContext } from '../context.ts';
import { ProblemError } from '../problem.ts';
import { problemAnswers } from './problem-answers.ts';

const SESSION_S = 90 * 86_400;

/** What the page needs to know of the server and of who asks. */
export function aboutRoutes(app: WebApp, context: WebContext, access: Access): void {
  app.get(
    '/about',
    {
      config: { scope: 'none' },
      schema: {
        summary: 'What this server is, and what who asks may do',
        tags: ['server'],
        response: { 200: AboutAnswer, ...problemAnswers },
      },
    },
    async (request) => ({
      version: context.version,
      source: request.scope === null ? '' : context.source.name,
      scope: request.scope,
      kapacitor: context.tasks !== undefined,
      agent: context.agent !== undefined,
      now: plainTime(context.nowNs()),
    }),
  );
  app.post(
    '/session',
    {
      config: { scope: 'none' },
      schema: {
        summary: 'Keeps a token in a cookie, for a browser',
        tags: ['server'],
        body: NewSession,
        response: { 204: NoContent, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { token } = request.body;
      if (access.scopeOf(token) === undefined)
        throw new ProblemError('TOKEN_WRONG', 'this token is not known here', { parameter: 'token' });
      return reply
        .header('set-cookie', cookieOf(request, token, SESSION_S))
        .code(204)
        .send(null);
    },
  );
  app.delete(
    '/session',
    {
      config: { scope: 'none' },
      schema: { summary: 'Forgets it', tags: ['server'], response: { 204: NoContent, ...problemAnswers } },
    },
    async (request, reply) =>
      reply
        .header('set-cookie', cookieOf(request, '', 0))
        .code(204)
        .send(null),
  );
}

/** No script reads it, and no page of another server sends it along. */
function cookieOf(request: FastifyRequest, token: string, maxAgeS: number): string {
  const isEncrypted = request.protocol === 'https';
  return `${TOKEN_COOKIE}=${encodeURIComponent(token)}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${isEncrypted ? '; Secure' : ''}`;
}
