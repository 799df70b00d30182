import type { AgentClient } from '../agent-status/agent-client.ts';
import { signalOf } from '../answering.ts';
import {
  SessionStatesAnswer,
  SessionStatesPath,
  SessionStatesQuery,
  SessionsAnswer,
} from '../api/schemas.ts';
import type { WebApp, WebContext } from '../context.ts';
import { ProblemError } from '../problem.ts';
import { problemAnswers } from './problem-answers.ts';

const TAGS = ['administration'];

/** What the agent knows at this moment. */
export function agentRoutes(app: WebApp, context: WebContext): void {
  app.get(
    '/agent/sessions',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'The nodes that are connected to the agent',
        tags: TAGS,
        response: { 200: SessionsAnswer, ...problemAnswers },
      },
    },
    async (_request, reply) => ({ sessions: await agentOf(context).sessions(signalOf(reply, context)) }),
  );
  app.get(
    '/agent/sessions/:task/:node/states',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'The states that a node holds',
        tags: TAGS,
        params: SessionStatesPath,
        querystring: SessionStatesQuery,
        response: { 200: SessionStatesAnswer, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { node, task } = request.params;
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(request.query)) query.set(name, String(value));
      return agentOf(context).states(task, node, query, signalOf(reply, context));
    },
  );
}

function agentOf({ agent }: WebContext): AgentClient {
  if (agent === undefined)
    throw new ProblemError('NOT_CONFIGURED', "this server was not told where the agent's status socket is");
  return agent;
}
