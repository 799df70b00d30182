import { type Static, Type } from 'typebox';

// What is asked for: a series, a range. The parameters that several routes share.
//
//   database, measurement, field   where the states are; required
//   group=TAG                      one line a group, by this tag; repeatable: by all of them; none: all is one group
//   policy=NAME                    the retention policy; without it the database's default
//   where=TAG=VALUE                only series with this tag; repeatable: of one tag any, of several tags all of them
//   options=hold(30s)              an option of @edgeDetect(); repeatable: what was polled goes through the detector
//   stale=15m                      a group that says nothing for longer is `unknown` from then on; without it: never
//   from, to                       RFC 3339 (2018-01-03T11:30:00Z), `-7d` (from now), or `now`; `to` is not part of it

const NAME = { minLength: 1, maxLength: 1_000 } as const;

/** How a duration is written: 90s, 15m, 12h, 7d, 2w. */
export const DURATION_PATTERN = '^(?:\\d+(?:ns|us|ms|[smhdw]))+$';

export const SeriesParameters = {
  database: Type.String({ ...NAME, description: 'The database.', examples: ['telegraf'] }),
  measurement: Type.String({ ...NAME, description: 'The measurement.', examples: ['adsl_edges'] }),
  field: Type.String({ ...NAME, description: 'The field that holds the state.', examples: ['value'] }),
  group: Type.Array(Type.String(NAME), {
    default: [],
    maxItems: 20,
    description: 'A tag that tells groups apart; several: all of them together. Without it all is one group.',
    examples: [['host']],
  }),
  policy: Type.Optional(
    Type.String({ ...NAME, description: "The retention policy; without it the database's default." }),
  ),
  where: Type.Array(Type.String({ ...NAME, pattern: '^[^=]+=' }), {
    default: [],
    maxItems: 100,
    description: 'TAG=VALUE: only points with this tag. Of one tag any of the values, of several tags all.',
    examples: [['host=router1']],
  }),
  options: Type.Array(Type.String({ ...NAME, pattern: '\\(' }), {
    default: [],
    maxItems: 50,
    description: 'An option of @edgeDetect(), as hold(30s): what was polled goes through the detector first.',
    examples: [['hold(30s)']],
  }),
};

export const StaleParameter = {
  stale: Type.Optional(
    Type.String({
      pattern: DURATION_PATTERN,
      maxLength: 100,
      description:
        'A group that says nothing for longer than this is unknown from then on. Without it: never.',
      examples: ['15m'],
    }),
  ),
};

const RANGE_TEXT = 'RFC 3339 (2018-01-03T11:30:00Z, to the nanosecond), a duration before now (-7d), or now.';

/** @param fromDefault the `from` where none is given; undefined: from the first point on */
export function rangeParameters(fromDefault: string | undefined) {
  const from = Type.String({
    minLength: 1,
    maxLength: 100,
    description: `Where the range begins: ${RANGE_TEXT}${fromDefault === undefined ? ' Without it: the first point.' : ''}`,
    examples: ['-7d'],
    ...(fromDefault === undefined ? {} : { default: fromDefault }),
  });
  return {
    from: fromDefault === undefined ? Type.Optional(from) : from,
    to: Type.String({
      minLength: 1,
      maxLength: 100,
      default: 'now',
      description: `Where the range ends, itself not part of it: ${RANGE_TEXT}`,
      examples: ['now'],
    }),
  };
}

export const Time = Type.String({
  description: 'RFC 3339 in UTC, to the nanosecond.',
  examples: ['2018-01-03T11:50:21.01Z'],
});

/** The tags that a group is told apart by; one that its points lack is empty. */
export const Group = Type.Record(Type.String(), Type.String(), {
  description: 'The tags that the group is told apart by; one that its points lack is an empty text.',
  examples: [{ host: 'router1' }],
});
export type Group = Static<typeof Group>;

/** Integers keep all their digits. */
export const Value = Type.Union([Type.String(), Type.Number(), Type.Boolean()], {
  description: 'The state: a text, a number (integers with all their digits) or true and false.',
  examples: ['SHOWTIME'],
});
export type Value = Static<typeof Value>;

export const SeriesQuery = Type.Object(
  {
    database: Type.Optional(Type.String({ ...NAME, description: 'Only this database.' })),
    all: Type.Boolean({
      default: false,
      description: 'Also fields of floats, which are seldom states.',
    }),
  },
  { additionalProperties: false },
);

export const SeriesAnswer = Type.Object({
  series: Type.Array(
    Type.Object({
      database: Type.String(),
      measurement: Type.String(),
      fields: Type.Array(
        Type.Object({
          name: Type.String(),
          type: Type.Union([
            Type.Literal('string'),
            Type.Literal('boolean'),
            Type.Literal('integer'),
            Type.Literal('float'),
          ]),
        }),
        { description: 'Texts first, as they are states most often.' },
      ),
      tags: Type.Array(Type.String()),
    }),
  ),
});
export type SeriesAnswer = Static<typeof SeriesAnswer>;
