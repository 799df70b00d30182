import { signalOf } from '../answering.ts';
import { Task, TaskId, TasksAnswer } from '../api/schemas.ts';
import type { WebApp, WebContext } from '../context.ts';
import { ProblemError } from '../problem.ts';
import type { TaskDesk } from '../tasks/task-desk.ts';
import { problemAnswers } from './problem-answers.ts';

const TAGS = ['administration'];
const SUMMARIES = {
  enable: 'Enables a task',
  disable: 'Disables a task',
  revive: 'Brings back a task that lost its agent',
} as const;

/** Kapacitor's tasks. */
export function taskRoutes(app: WebApp, context: WebContext): void {
  app.get(
    '/tasks',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'The tasks that call a function of this agent',
        tags: TAGS,
        response: { 200: TasksAnswer, ...problemAnswers },
      },
    },
    async (_request, reply) => ({ tasks: await deskOf(context).list(signalOf(reply, context)) }),
  );
  for (const action of ['enable', 'disable', 'revive'] as const) {
    app.post(
      `/tasks/:id/${action}`,
      {
        config: { scope: 'admin' },
        schema: {
          summary: SUMMARIES[action],
          tags: TAGS,
          params: TaskId,
          response: { 200: Task, ...problemAnswers },
        },
      },
      (request, reply) => {
        const { id } = request.params;
        const desk = deskOf(context);
        const signal = signalOf(reply, context);
        return action === 'revive'
          ? desk.revive(id, signal)
          : desk.setStatus(id, action === 'enable' ? 'enabled' : 'disabled', signal);
      },
    );
  }
}

function deskOf({ tasks }: WebContext): TaskDesk {
  if (tasks === undefined)
    throw new ProblemError('NOT_CONFIGURED', 'this server was not told where Kapacitor is');
  return tasks;
}
