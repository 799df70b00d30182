import { type Static, Type } from 'typebox';
import { Group, rangeParameters, SeriesParameters, StaleParameter, Time, Value } from './series-schemas.ts';

const DEFAULT_FROM = '-24h';

const Seconds = Type.Number({ minimum: 0 });
const Count = Type.Integer({ minimum: 0 });
const Share = Type.Number({ minimum: 0, maximum: 1, description: 'From 0 to 1.' });

// GET /states: what is, now. All points up to `to` count, however old, unless `from` says otherwise.

export const StatesQuery = Type.Object(
  { ...SeriesParameters, ...StaleParameter, ...rangeParameters(undefined) },
  { additionalProperties: false },
);

export const State = Type.Object({
  group: Group,
  value: Value,
  since: Type.String({ description: 'When the state began.', examples: ['2018-01-03T11:50:21.01Z'] }),
  seconds: Type.Number({ minimum: 0, description: 'From since to `to`.' }),
  heard: Type.String({ description: 'The time of the last point.', examples: ['2018-01-03T11:54:51Z'] }),
  changes: Type.Integer({
    minimum: 0,
    description: 'How often the state changed; the first one is no change.',
  }),
  stale: Type.Boolean({ description: 'Whether it has been silent for longer than `stale`.' }),
});
export type State = Static<typeof State>;

export const StatesAnswer = Type.Object({ to: Time, states: Type.Array(State) });
export type StatesAnswer = Static<typeof StatesAnswer>;

// GET /intervals: each group's states in a range, clipped to it.

export const IntervalsQuery = Type.Object(
  {
    ...SeriesParameters,
    ...StaleParameter,
    ...rangeParameters(DEFAULT_FROM),
    pixels: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        description:
          'The width of the drawing: neighbours that are narrower than a pixel are merged into one marked interval, ' +
          'which says the share and count of each state in it.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** A state's part of a merged interval or of a summary. */
export const StateShare = Type.Object({
  seconds: Seconds,
  share: Share,
  count: Type.Integer({ minimum: 0, description: 'How often it was entered, or was there from the start.' }),
});
export type StateShare = Static<typeof StateShare>;

export const Interval = Type.Object({
  value: Type.Union([Value, Type.Null()], {
    description: 'Null where it is unknown; of merged ones that which lasted longest.',
  }),
  from: Time,
  to: Time,
  seconds: Seconds,
  kind: Type.Union([Type.Literal('state'), Type.Literal('unknown'), Type.Literal('merged')]),
  began: Type.Optional(Type.Literal('before', { description: 'It began before the range.' })),
  open: Type.Optional(Type.Literal(true, { description: 'It had not ended at `to`.' })),
  states: Type.Optional(
    Type.Record(Type.String(), StateShare, {
      description: 'Of merged ones: by value; unknown is not among them.',
    }),
  ),
  unknown: Type.Optional(StateShare),
});
export type Interval = Static<typeof Interval>;

export const IntervalsAnswer = Type.Object({
  from: Time,
  to: Time,
  groups: Type.Array(Type.Object({ group: Group, intervals: Type.Array(Interval) })),
});
export type IntervalsAnswer = Static<typeof IntervalsAnswer>;

// GET /summary: how much of each state, per group, over all, and by day, week or month.

export const SummaryQuery = Type.Object(
  {
    ...SeriesParameters,
    ...StaleParameter,
    ...rangeParameters(DEFAULT_FROM),
    up: Type.Array(Type.String({ maxLength: 1_000 }), {
      default: [],
      maxItems: 100,
      description: 'A value that counts as available; repeatable. Without it there is no availability.',
      examples: [['SHOWTIME']],
    }),
    by: Type.Optional(
      Type.Union([Type.Literal('day'), Type.Literal('week'), Type.Literal('month')], {
        description: 'Also for each day, week (from Monday) or month of the zone.',
      }),
    ),
    zone: Type.String({
      default: 'UTC',
      maxLength: 100,
      description: 'The time zone of days, weeks and months.',
      examples: ['Europe/Berlin'],
    }),
  },
  { additionalProperties: false },
);

const OrNull = (description: string) => Type.Union([Seconds, Type.Null()], { description });

const Figures = {
  seconds: Type.Number({ minimum: 0, description: 'The base: the range without unknown and maintenance.' }),
  unknownSeconds: Type.Number({ minimum: 0, description: 'Silent, or before the first point.' }),
  maintenanceSeconds: Seconds,
  availability: Type.Union([Share, Type.Null()], {
    description: 'The share of `up` in the base; null without `up`, or where the base is empty.',
  }),
  states: Type.Record(Type.String(), StateShare, { description: 'By value; shares of the base.' }),
  outages: Type.Union(
    [
      Type.Object({
        count: Count,
        seconds: Seconds,
        longestSeconds: OrNull('Null without outages.'),
        meanSeconds: OrNull('The mean outage (MTTR); null without outages.'),
        betweenSeconds: OrNull('Time available for each outage (MTBF); null without outages.'),
      }),
      Type.Null(),
    ],
    {
      description:
        'Times in the base without a value of `up`; null without `up`. What is left out of the base neither begins ' +
        'nor ends an outage. One that has not ended counts up to `to`.',
    },
  ),
};

const Period = Type.Object({ from: Time, to: Time, ...Figures });

export const GroupSummary = Type.Object({
  group: Group,
  ...Figures,
  periods: Type.Optional(Type.Array(Period)),
});
export type GroupSummary = Static<typeof GroupSummary>;

export const SummaryAnswer = Type.Object({
  from: Time,
  to: Time,
  groups: Type.Array(GroupSummary),
  all: Type.Object(
    { ...Figures, periods: Type.Optional(Type.Array(Period)) },
    { description: 'Over all groups: times and counts added up, the longest of all.' },
  ),
});
export type SummaryAnswer = Static<typeof SummaryAnswer>;

// GET /edges: the table of changes, in the order of time; JSON, CSV, NDJSON or line protocol by Accept (or format).

export const EdgesQuery = Type.Object(
  {
    ...SeriesParameters,
    ...rangeParameters(undefined),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100_000, description: 'How many at most; without it: all.' }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 1_000, description: 'The `next` of the page before.' })),
    order: Type.Union([Type.Literal('oldest'), Type.Literal('newest')], {
      default: 'oldest',
      description: 'Which come first; `newest` needs a limit of at most 10000 and has no cursor.',
    }),
    format: Type.Optional(
      Type.Union([Type.Literal('json'), Type.Literal('csv'), Type.Literal('ndjson'), Type.Literal('lp')], {
        description: 'Instead of Accept, for links.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const Edge = Type.Object({
  time: Time,
  group: Group,
  value: Value,
  previous: Type.Union([Value, Type.Null()], { description: 'Null for the first state of a group.' }),
  lastedSeconds: Type.Union([Seconds, Type.Null()], {
    description: 'How long the state before lasted; null for the first state of a group.',
  }),
});
export type Edge = Static<typeof Edge>;

export const EdgesAnswer = Type.Object({
  edges: Type.Array(Edge),
  next: Type.Union([Type.String(), Type.Null()], {
    description: 'The cursor of the next page; null: no more.',
  }),
});
export type EdgesAnswer = Static<typeof EdgesAnswer>;

// GET /events: server-sent events. `event: edge`, `id:`, `data:` an Edge as above with `database`, `measurement`, `field`
// left out; `event: trouble` and `event: fine` with `data: {"detail": "…"}` when the source goes away and comes back.

export const EventsQuery = Type.Object({ ...SeriesParameters }, { additionalProperties: false });
