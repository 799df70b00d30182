// The API's routes under /api/v1, their parameters and answers. One declaration validates, types and documents.
//
//   GET    /about                             -> AboutAnswer
//   POST   /session           body NewSession -> 204, and a cookie; DELETE /session -> 204
//   GET    /series            SeriesQuery     -> SeriesAnswer
//   GET    /states            StatesQuery     -> StatesAnswer
//   GET    /intervals         IntervalsQuery  -> IntervalsAnswer
//   GET    /summary           SummaryQuery    -> SummaryAnswer
//   GET    /edges             EdgesQuery      -> EdgesAnswer (or CSV, NDJSON, line protocol)
//   GET    /events            EventsQuery     -> server-sent events
//   POST   /points            PointsQuery     -> PointsAnswer
//   GET    /notes             NotesQuery      -> NotesAnswer (or CSV, NDJSON)
//   POST   /notes             NoteDatabase, body NewNote    -> 201 Note
//   PATCH  /notes/{id}        NoteDatabase, body NoteChange -> Note
//   DELETE /notes/{id}        NoteDatabase                  -> 204
//   GET    /tasks                             -> TasksAnswer
//   POST   /tasks/{id}/enable, /disable, /revive -> Task
//   GET    /agent/sessions                    -> SessionsAnswer
//   GET    /agent/sessions/{task}/{node}/states  SessionStatesQuery -> SessionStatesAnswer
//
// Whatever is wrong is a Problem (application/problem+json).

import { type Static, Type } from 'typebox';

export * from './note-schemas.ts';
export * from './series-schemas.ts';
export * from './state-schemas.ts';
export * from './task-schemas.ts';

/** Every `code` that a problem can have. */
export const PROBLEM_CODES = [
  'PARAMETER_WRONG',
  'BODY_WRONG',
  'BODY_TOO_LARGE',
  'HEAD_TOO_LARGE',
  'TYPE_UNSUPPORTED',
  'NOT_ACCEPTABLE',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'TOKEN_MISSING',
  'TOKEN_WRONG',
  'SCOPE_TOO_SMALL',
  'TOO_MANY_REQUESTS',
  'TOO_MANY_GROUPS',
  'RANGE_TOO_LONG',
  'OPTIONS_REFUSED',
  'SERIES_NOT_FOUND',
  'NOTE_NOT_FOUND',
  'TASK_NOT_FOUND',
  'TASK_NOT_REVIVABLE',
  'SESSION_NOT_FOUND',
  'POINTS_REFUSED',
  'NOT_CONFIGURED',
  'SOURCE_AWAY',
  'SOURCE_REFUSES',
  'SOURCE_TOO_SLOW',
  'KAPACITOR_AWAY',
  'KAPACITOR_REFUSES',
  'AGENT_AWAY',
  'INTERNAL',
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** RFC 9457. `detail` is a sentence for people. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'about:blank' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What was wrong and what was expected, for people.' }),
    code: Type.Enum(PROBLEM_CODES),
    parameter: Type.Optional(Type.String({ description: 'The parameter that is wrong.' })),
    value: Type.Optional(Type.Unknown({ description: 'What it was.' })),
    expected: Type.Optional(Type.String({ description: 'What it should be.' })),
  },
  { additionalProperties: true },
);
export type Problem = Static<typeof Problem>;
