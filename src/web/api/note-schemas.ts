import { type Static, Type } from 'typebox';
import { Group, rangeParameters, Time } from './series-schemas.ts';

// Notes: a text, or a maintenance window, on a range of some groups. Kept in InfluxDB beside the states.

const NAME = { minLength: 1, maxLength: 1_000 } as const;

export const NoteKind = Type.Union([Type.Literal('maintenance'), Type.Literal('note')], {
  description: 'What is planned (left out of availability), or a remark.',
});
export type NoteKind = Static<typeof NoteKind>;

const NoteContent = {
  kind: NoteKind,
  from: Type.String({ ...NAME, maxLength: 100, description: 'RFC 3339, or as in ranges.' }),
  to: Type.String({ ...NAME, maxLength: 100, description: 'RFC 3339, or as in ranges; after from.' }),
  text: Type.String({ maxLength: 10_000, default: '' }),
  group: Type.Record(Type.String(NAME), Type.String({ maxLength: 1_000 }), {
    default: {},
    description:
      'The tags of the groups that it is about; a group needs to have them all. None: every group.',
    maxProperties: 20,
  }),
  measurement: Type.Optional(Type.String({ ...NAME, description: 'Only for this measurement.' })),
};

export const NoteDatabase = Type.Object(
  {
    database: Type.String({ ...NAME, description: 'The database.' }),
    policy: Type.Optional(Type.String(NAME)),
  },
  { additionalProperties: false },
);

export const NotesQuery = Type.Object(
  {
    ...NoteDatabase.properties,
    ...rangeParameters(undefined),
    measurement: Type.Optional(
      Type.String({ ...NAME, description: 'Those that are about this measurement.' }),
    ),
    format: Type.Optional(
      Type.Union([Type.Literal('json'), Type.Literal('csv'), Type.Literal('ndjson')], {
        description: 'Instead of Accept, for links.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** POST /notes?database=… */
export const NewNote = Type.Object(NoteContent, { additionalProperties: false });
export type NewNote = Static<typeof NewNote>;

/** PATCH /notes/{id}?database=…: what is not there stays. */
export const NoteChange = Type.Partial(
  Type.Object(
    {
      ...NoteContent,
      text: Type.String({ maxLength: 10_000 }),
      group: Type.Record(Type.String(NAME), Type.String({ maxLength: 1_000 }), { maxProperties: 20 }),
    },
    { additionalProperties: false },
  ),
);
export type NoteChange = Static<typeof NoteChange>;

export const Note = Type.Object({
  id: Type.String(),
  kind: NoteKind,
  from: Time,
  to: Time,
  text: Type.String(),
  group: Group,
  measurement: Type.Union([Type.String(), Type.Null()]),
  created: Time,
  modified: Time,
});
export type Note = Static<typeof Note>;

export const NotesAnswer = Type.Object({ notes: Type.Array(Note) });
export type NotesAnswer = Static<typeof NotesAnswer>;

export const NoteId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 100 }) });
