import { type Static, Type } from 'typebox';
import { Value } from './series-schemas.ts';

// Tasks of Kapacitor, what the agent knows, points that are written, and what the page must know of the server.

const Count = Type.Integer({ minimum: 0 });

export const Task = Type.Object({
  id: Type.String(),
  status: Type.Union([Type.Literal('enabled'), Type.Literal('disabled')]),
  executing: Type.Boolean(),
  error: Type.String({ description: 'Why it failed; empty where it did not.' }),
  functions: Type.Array(Type.String(), { description: 'The functions of this agent that it calls.' }),
  condition: Type.String({
    description: 'live, dead, connecting, elsewhere, disabled, refused, stopping or failed.',
  }),
  reason: Type.String({ description: 'Why it is so, for people.' }),
  revivable: Type.Boolean({ description: 'Whether it lost its agent, so that revive helps.' }),
  points: Type.Union([Count, Type.Null()], { description: 'Since it started; null where nobody knows.' }),
  edges: Type.Union([Count, Type.Null()]),
  pointsPerSecond: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
});
export type Task = Static<typeof Task>;

export const TasksAnswer = Type.Object({ tasks: Type.Array(Task) });
export type TasksAnswer = Static<typeof TasksAnswer>;

/** POST /tasks/{id}/enable, /disable, /revive: the task as it is then. */
export const TaskId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 1_000 }) });

export const Session = Type.Object(
  {
    task: Type.String(),
    node: Type.String(),
    function: Type.Optional(Type.String()),
    points: Type.Optional(Count),
    edges: Type.Optional(Count),
  },
  { additionalProperties: true, description: "As the agent's status socket tells it." },
);
export type Session = Static<typeof Session>;

export const SessionsAnswer = Type.Object({ sessions: Type.Array(Session) });
export type SessionsAnswer = Static<typeof SessionsAnswer>;

export const SessionStatesPath = Type.Object({
  task: Type.String({ minLength: 1, maxLength: 1_000 }),
  node: Type.String({ minLength: 1, maxLength: 1_000 }),
});

export const SessionStatesQuery = Type.Object(
  {
    match: Type.Optional(Type.String({ maxLength: 1_000, description: 'A pattern of groups, * and ?.' })),
    after: Type.Optional(
      Type.String({ maxLength: 10_000, description: 'The group after which the page begins.' }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
  },
  { additionalProperties: false },
);

export const SessionStatesAnswer = Type.Object(
  { states: Type.Array(Type.Object({ group: Type.String() }, { additionalProperties: true })) },
  { additionalProperties: true },
);

export type SessionStatesAnswer = Static<typeof SessionStatesAnswer>;

/** POST /points?database=…: line protocol (text/plain), or JSON: one point, or an array of points. */
export const PointsQuery = Type.Object(
  {
    database: Type.String({ minLength: 1, maxLength: 1_000 }),
    policy: Type.Optional(Type.String({ minLength: 1, maxLength: 1_000 })),
    precision: Type.Optional(
      Type.Union([Type.Literal('ns'), Type.Literal('us'), Type.Literal('ms'), Type.Literal('s')], {
        description:
          'The unit of times that are numbers. Without it: ns in line protocol, by their size in JSON.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const JsonPoint = Type.Object(
  {
    measurement: Type.String({ minLength: 1 }),
    tags: Type.Optional(Type.Record(Type.String(), Type.String())),
    fields: Type.Record(Type.String(), Value, { minProperties: 1 }),
    time: Type.Optional(Type.Union([Type.String(), Type.Number()])),
  },
  { additionalProperties: false },
);
export type JsonPoint = Static<typeof JsonPoint>;

export const PointsAnswer = Type.Object({
  written: Count,
  refused: Type.Array(
    Type.Object({
      item: Type.Integer({ minimum: 1, description: 'The n-th point, from 1.' }),
      text: Type.String({ description: 'Its beginning.' }),
      reason: Type.String(),
    }),
  ),
});
export type PointsAnswer = Static<typeof PointsAnswer>;

/** GET /about: what the page needs to know of the server and of who asks. */
export const AboutAnswer = Type.Object({
  version: Type.String(),
  source: Type.String({ description: 'Where states come from, for people.' }),
  /** Null: nothing at all, a token is needed. */
  scope: Type.Union([Type.Literal('read'), Type.Literal('write'), Type.Literal('admin'), Type.Null()]),
  kapacitor: Type.Boolean(),
  agent: Type.Boolean(),
  now: Type.String(),
});
export type AboutAnswer = Static<typeof AboutAnswer>;

/** POST /session: a browser's token goes into a cookie; DELETE /session forgets it. */
export const NewSession = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 1_000 }) },
  { additionalProperties: false },
);

export const NoContent = Type.Null({ description: 'Done.' });
