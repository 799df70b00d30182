import Type from 'typebox';
import { FIELD_TYPES } from '../feed/readers/field-type.ts';
import { PRECISIONS } from '../feed/readers/times.ts';

// What a case file may say. The same declaration checks the files and is the JSON Schema that editors get.

const closed = { additionalProperties: false };

const Text = Type.String({ description: 'the whole text, or a regular expression between slashes' });
const Lines = Type.Union([Type.String(), Type.Array(Type.String())], {
  description: 'line protocol, a point a line; times absolute (ns) or relative: +0s, +90s',
});

/** A list that must be met whole and in order, or in one of two looser ways. */
function listOf<T extends Type.TSchema>(item: T) {
  return Type.Union([
    Type.Array(item),
    Type.Object({ unordered: Type.Array(item) }, { ...closed, description: 'all of these, in any order' }),
    Type.Object(
      { contains: Type.Array(item) },
      { ...closed, description: 'these in this order, among others' },
    ),
  ]);
}

const PointList = Type.Union([
  Type.String(),
  Type.Array(Type.String()),
  Type.Object({ unordered: Lines }, closed),
  Type.Object({ contains: Lines }, closed),
]);

const Alert = Type.Object(
  {
    level: Type.Optional(
      Type.Union([
        Type.Literal('OK'),
        Type.Literal('INFO'),
        Type.Literal('WARNING'),
        Type.Literal('CRITICAL'),
      ]),
    ),
    id: Type.Optional(Text),
    message: Type.Optional(Text),
    details: Type.Optional(Text),
    time: Type.Optional(
      Type.Union([Type.String(), Type.Integer()], { description: '+90s, nanoseconds, or an RFC 3339 date' }),
    ),
    duration: Type.Optional(Type.String({ description: 'how long it has not been OK, for instance 90s' })),
    previousLevel: Type.Optional(Type.String()),
    node: Type.Optional(Type.String({ description: 'the alert node, where there are several' })),
    tags: Type.Optional(Type.Record(Type.String(), Text)),
    fields: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  closed,
);

/** What left Kapacitor for somebody else, by whichever way. */
const Sent = Type.Object(
  {
    to: Type.Optional(
      Type.String({ description: 'the URL, file, address or program, as the script has it' }),
    ),
    level: Type.Optional(Type.String()),
    id: Type.Optional(Text),
    message: Type.Optional(Text),
    time: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
    args: Type.Optional(Type.Array(Type.String(), { description: 'of a program' })),
    points: Type.Optional(PointList),
  },
  closed,
);

const NodeCounts = Type.Object(
  {
    collected: Type.Optional(Type.Integer({ minimum: 0 })),
    emitted: Type.Optional(Type.Integer({ minimum: 0 })),
    points: Type.Optional(PointList),
  },
  closed,
);

export const Expectations = Type.Object(
  {
    alerts: Type.Optional(listOf(Alert)),
    levels: Type.Optional(
      Type.Object(
        {
          OK: Type.Optional(Type.Integer({ minimum: 0 })),
          INFO: Type.Optional(Type.Integer({ minimum: 0 })),
          WARNING: Type.Optional(Type.Integer({ minimum: 0 })),
          CRITICAL: Type.Optional(Type.Integer({ minimum: 0 })),
        },
        { ...closed, description: 'how many alerts of each level, where that is all that counts' },
      ),
    ),
    writes: Type.Optional(
      Type.Record(Type.String(), PointList, {
        description: 'what influxDBOut wrote, by measurement, or by database.policy.measurement',
      }),
    ),
    nodes: Type.Optional(
      Type.Record(Type.String(), Type.Union([NodeCounts, PointList]), {
        description: 'what a node passed on, and how much, by its name, for instance edgeDetect2',
      }),
    ),
    posts: Type.Optional(listOf(Sent)),
    logs: Type.Optional(listOf(Sent)),
    execs: Type.Optional(listOf(Sent)),
    tcps: Type.Optional(listOf(Sent)),
    states: Type.Optional(
      Type.Record(Type.String(), PointList, {
        description: 'the last points of an httpOut, by its endpoint',
      }),
    ),
    none: Type.Optional(Type.Literal(true, { description: 'no alert, no write, no post' })),
    error: Type.Optional(Type.String({ description: 'the script must be refused, with this text' })),
  },
  closed,
);

const File = Type.Object(
  {
    file: Type.String({ description: 'beside the case file: .srpl, .lp, .csv, .json, also gzipped' }),
    measurement: Type.Optional(Type.String({ description: 'of CSV and JSON; else the name of the file' })),
    tags: Type.Optional(Type.Array(Type.String(), { description: 'columns or keys that are tags' })),
    types: Type.Optional(
      Type.Record(Type.String(), Type.Enum(FIELD_TYPES), {
        description: 'the types of columns or keys that do not show them, for instance value: string',
      }),
    ),
    time: Type.Optional(Type.String({ description: 'the column or key that holds the time' })),
    timeFormat: Type.Optional(
      Type.String({ description: 'how it is written, for instance dd.MM.yyyy HH:mm' }),
    ),
    timeZone: Type.Optional(Type.String({ description: 'the IANA zone of times that state none; UTC' })),
    precision: Type.Optional(Type.Enum(PRECISIONS, { description: 'the unit of times that are numbers' })),
  },
  { ...closed, description: 'a file of points' },
);

const Data = Type.Union([
  Type.String({ description: 'line protocol, a point a line, times absolute or relative (+90s)' }),
  File,
  Type.Object(
    { generate: Type.Union([Type.String(), Type.Array(Type.String())]) },
    {
      ...closed,
      description: 'for instance adsl_connection,host=router{1..3} value: SHOWTIME x5, TRAINING x3 every 90s',
    },
  ),
]);

const Batch = Type.Union([
  Type.String({ description: 'line protocol: what the query found' }),
  Type.Object(
    {
      name: Type.Optional(Type.String({ description: 'the measurement' })),
      tags: Type.Optional(Type.Record(Type.String(), Type.String())),
      time: Type.Optional(Type.String({ description: 'the end of its window (tmax)' })),
      points: Lines,
    },
    closed,
  ),
]);

const Step = Type.Object(
  {
    data: Type.Optional(Data),
    restart: Type.Optional(
      Type.Union([Type.Literal('kapacitor'), Type.Literal('agent')], {
        description: 'kapacitor: stopped and started; agent: killed and started',
      }),
    ),
    redefine: Type.Optional(Type.String({ description: 'the task gets this script: a file, or its text' })),
    expect: Type.Optional(Expectations),
  },
  closed,
);

const Vars = Type.Record(Type.String(), Type.Unknown(), {
  description: 'the variables of a template: {type, value} as Kapacitor has it, or the plain value',
});

export const TestCase = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    data: Type.Optional(Data),
    batches: Type.Optional(
      Type.Array(Type.Union([Batch, Type.Array(Batch)]), {
        description: 'what each query found, query by query',
      }),
    ),
    steps: Type.Optional(Type.Array(Step, { minItems: 1 })),
    vars: Type.Optional(Vars),
    expect: Type.Optional(Expectations),
    snapshot: Type.Optional(Type.Boolean({ description: 'keep what came beside the file, and compare' })),
    tolerance: Type.Optional(Type.Number({ minimum: 0 })),
    only: Type.Optional(Type.Boolean()),
    skip: Type.Optional(Type.String({ minLength: 1, description: 'why it does not run' })),
    retries: Type.Optional(Type.Integer({ minimum: 0, maximum: 10 })),
  },
  closed,
);

export const CaseFile = Type.Object(
  {
    script: Type.Optional(
      Type.String({ description: 'a .tick file, a [load] task file, or the script itself' }),
    ),
    template: Type.Optional(Type.String({ description: 'a template: a .tick file, with vars' })),
    vars: Type.Optional(Vars),
    handlers: Type.Optional(Type.Array(Type.String(), { description: 'topic handlers: their YAML files' })),
    database: Type.Optional(Type.String({ description: 'where the points are (telegraf)' })),
    policy: Type.Optional(Type.String({ description: 'the retention policy (autogen)' })),
    start: Type.Optional(Type.String({ description: 'what +0s is (2024-01-01T00:00:00Z)' })),
    tolerance: Type.Optional(Type.Number({ minimum: 0, description: 'by how much a float may differ (0)' })),
    tests: Type.Array(TestCase, { minItems: 1 }),
  },
  { ...closed, title: 'Cases of TICKscripts, for edge-detect test' },
);

export type CaseFile = Type.Static<typeof CaseFile>;
export type TestCase = Type.Static<typeof TestCase>;
export type Expectations = Type.Static<typeof Expectations>;
export type DataSpec = Type.Static<typeof Data>;
export type FileSpec = Type.Static<typeof File>;
export type BatchSpec = Type.Static<typeof Batch>;
export type AlertSpec = Type.Static<typeof Alert>;
export type SentSpec = Type.Static<typeof Sent>;
export type PointListSpec = Type.Static<typeof PointList>;
export type NodeSpec = Type.Static<typeof NodeCounts> | PointListSpec;
export type StepSpec = Type.Static<typeof Step>;
