import { plainTime } from '../api/answer-texts.ts';
import { AboutAnswer } from '../api/schemas.ts';
import type { WebApp, WebContext } from '../context.ts';
import { problemAnswers } from './problem-answers.ts';

/** What the page needs to know of the server and of who asks. */
export function aboutRoutes(app: WebApp, context: WebContext): void {
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
      kapacitor: false,
      agent: false,
      now: plainTime(context.nowNs()),
    }),
  );
}
