import fc from 'fast-check';
import { GO_STYLE, type Option, type OptionValue, type Style, type Value } from '../protocol/protocol.ts';

export interface ScenarioPoint {
  readonly time: bigint;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, Value>>;
}

/** What arrives together: a batch, or a single point of a stream. */
export interface Arrival {
  readonly group: string;
  readonly points: readonly ScenarioPoint[];
}

/** The options of a node, and all that arrives at it. */
export interface Scenario {
  readonly edge: 'stream' | 'batch';
  readonly options: readonly Option[];
  readonly arrivals: readonly Arrival[];
  /** How the points are written. */
  readonly style: Style;
  /** After how many arrivals the node is stopped and another one goes on from its snapshot; ascending. */
  readonly restarts: readonly number[];
}

// Every choice is from a small alphabet, with the simplest first, so that values meet again, steps of time hit the
// options' durations exactly, and a failing scenario shrinks to a readable one.

/** A second. */
const S = 1_000_000_000n;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** Enough for the longest scenario to stay within 64 bits: its steps are days at most. */
const FAR_FROM_LIMIT = 200n * 24n * 3600n * S;

const STRINGS = ['up', 'down', '1', 'true', '', 'NaN', '1.5', 'ü', '😀', 'a\udcff', 'a\udcfe'];
const SMALL_INTS = [0n, 1n, 2n, 3n, 4n, -1n];
const LARGE_INTS = [
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  INT64_MAX,
  INT64_MAX - 1n,
  INT64_MIN,
  INT64_MIN + 1n,
];
const SMALL_FLOATS = [1, 2, 1.5, 2.5, 0, -0, 4, -1, 0.25];
// The nearest doubles of the large integers, and what is no finite number. Each difference of two floats here is either
// exact in doubles or far from any deadband, so that rounding decides nothing.
const ODD_FLOATS = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  2 ** 53,
  2 ** 63,
  -(2 ** 63),
  1e21,
];

const string = (v: string): Value => ({ type: 'string', v });
const int = (v: bigint): Value => ({ type: 'int', v });
const float = (v: number): Value => ({ type: 'float', v });

const stringValue = fc.constantFrom(...STRINGS.map(string));
const boolValue = fc.boolean().map((v): Value => ({ type: 'bool', v }));
const smallNumber = fc.constantFrom(...SMALL_INTS.map(int), ...SMALL_FLOATS.map(float));
const anyNumber = fc.oneof(
  smallNumber,
  fc.constantFrom(...LARGE_INTS.map(int)),
  fc.constantFrom(...ODD_FLOATS.map(float)),
);
const anyValue = fc.oneof(stringValue, smallNumber, anyNumber, boolValue);

/** The few values that a scenario's points take. */
const palette = (value: fc.Arbitrary<Value>) =>
  fc.uniqueArray(value, { minLength: 2, maxLength: 4, selector: ({ v }) => v, comparator: 'SameValue' });

/** Mostly of one kind, as a real field's are. */
const anyPalette = fc.oneof(...[stringValue, smallNumber, anyNumber, boolValue, anyValue].map(palette));

/** A place in the palette, counted round and round; the first two are the most frequent. */
const paletteIndex = fc.constantFrom(0, 1, 0, 1, 2, 3);

function at<T>(list: readonly T[], index: number): T {
  const element = list[index % list.length];
  if (element === undefined) throw new Error('nothing to choose from');
  return element;
}

// Options

/** An option whose arguments may depend on the scenario's palette. */
interface OptionPlan {
  readonly name: string;
  /** An index stands for the text of the palette's value there. */
  readonly values: readonly (OptionValue | { readonly type: 'text'; readonly index: number })[];
}

const NEEDS_ONE_KEY = new Set([
  'from',
  'to',
  'notFrom',
  'notTo',
  'rising',
  'falling',
  'holdTo',
  'confirmTo',
  'as',
  'previousAs',
  'silent',
]);

const text = paletteIndex.map((index) => ({ type: 'text' as const, index }));
const duration = (...choices: readonly bigint[]) =>
  fc.constantFrom(...choices).map((v): OptionValue => ({ type: 'duration', v }));
const integer = (...choices: readonly bigint[]) =>
  fc.constantFrom(...choices).map((v): OptionValue => ({ type: 'int', v }));
const double = (...choices: readonly number[]) =>
  fc.constantFrom(...choices).map((v): OptionValue => ({ type: 'double', v }));
const word = (...choices: readonly string[]) =>
  fc.constantFrom(...choices).map((v): OptionValue => ({ type: 'string', v }));
const flag = fc.boolean().map((v): OptionValue => ({ type: 'bool', v }));

const option = (
  name: string,
  ...values: readonly fc.Arbitrary<OptionPlan['values'][number]>[]
): fc.Arbitrary<OptionPlan> => fc.tuple(...values).map((given) => ({ name, values: given }));

const hold = option('hold', duration(2n * S, S, 3n * S, 5n * S, 1n, 0n));
const confirm = option('confirm', integer(2n, 3n, 1n));
const limit = option(
  'limit',
  integer(1n, 2n, 3n),
  duration(3n * S, 5n * S, 2n * S, 10n * S, 4n * S + 1n, 30n * S, 1n),
);
/** One that edges of a second's distance soon fill, and that has room again before the scenario's end. */
const tightLimit = option('limit', integer(1n, 1n, 2n), duration(3n * S, 4n * S, 5n * S));
const every = option('every', duration(2n * S, S, 3n * S, 5n * S, 1n));
const deadband = option('deadband', double(1, 0.5, 2, 0));
const late = option('late', word('keep', 'drop'));
const ttl = option('ttl', duration(10n * S, 12n * S, 20n * S, 24n * 3600n * S));
const ignore = option('ignore', text);
/** Steps of time are seconds, so that groups of a stream that are not in turn fall silent soon. */
const silent = option('silent', word('SILENT', 'up', 'down'), duration(2n * S, 3n * S, 5n * S, S, 1n));
const filter = fc.oneof(
  ...['from', 'to', 'notFrom', 'notTo'].map((name) => option(name, text)),
  option('rising'),
  option('falling'),
);

/** Output options never choose each other's names, since that is refused; they may choose a tracked field's. */
const anyOption = fc.oneof(
  ...[hold, confirm, limit, every, deadband, late, ignore, silent],
  option('holdTo', text, duration(2n * S, S, 5n * S, 0n)),
  option('confirmTo', text, integer(2n, 3n, 1n)),
  ttl,
  option('deadbandPercent', double(50, 25, 0)),
  option('initial', flag),
  option('as', word('state', 'v')),
  option('previousAs', word('was', 'vü')),
  option('durationAs', word('lasted', 'noise')),
  option('sinceAs', word('since', 'ü')),
  option('countAs', word('changes')),
  filter,
  fc.oneof(option('unit', duration(60n * S, 700_000_000n, 1n)), option('maxGroups', integer(4n, 1_000_000n))),
);

const list = <T>(element: fc.Arbitrary<T>, maxLength: number) =>
  fc.array(element, { maxLength, size: 'max' });

/** Any options, and often enough those that act on each other, with little besides. */
const theme = fc.oneof(
  { weight: 2, arbitrary: fc.record({ values: anyPalette, options: list(anyOption, 10) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      values: anyPalette,
      options: fc
        .tuple(fc.subarray([hold, confirm, limit, every, deadband, late]), list(anyOption, 2))
        .chain(([some, more]) => fc.tuple(...some, fc.constant(more)).map((made) => made.flat())),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      values: anyPalette,
      options: fc.tuple(tightLimit, list(fc.oneof(every, filter, anyOption), 3)).map((made) => made.flat()),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      values: palette(stringValue),
      options: fc
        .tuple(
          fc.subarray([hold, confirm, limit, every, late, ignore, ttl, filter]),
          list(anyOption, 2),
          silent,
        )
        .chain(([some, more, made]) =>
          fc.tuple(...some, fc.constant([...more, made])).map((each) => each.flat()),
        ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      values: palette(smallNumber),
      options: fc
        .tuple(deadband, list(fc.oneof(tightLimit, every, hold, confirm, anyOption), 3))
        .map((made) => made.flat()),
    }),
  },
);

const fieldV = { name: 'field', key: 'v' };
const TRACKED = [fieldV, { name: 'field', key: 'vü' }, { name: 'tag', key: 'v' }, { name: 'tag', key: 't' }];

const trackedKeys = fc.oneof(
  { weight: 4, arbitrary: fc.constant([fieldV]) },
  { weight: 1, arbitrary: fc.constantFrom(...TRACKED).map((key) => [key]) },
  { weight: 3, arbitrary: fc.shuffledSubarray(TRACKED, { minLength: 2, maxLength: 3 }) },
);

// Points

/** What a step of time brings: `times` points of the same values, so that a state lasts and candidates grow. */
const step = fc.record({
  /** In turn, as devices report that are polled together. A batch is of one group anyway. */
  groups: fc.constantFrom<readonly number[]>([0], [0], [0], [1], [2], [0, 1, 2, 3]),
  elapsed: fc.constantFrom(
    ...[S, S, S, S, S, S, 0n, 0n, 2n * S, 2n * S, 3n * S, 5n * S, S - 1n, S + 1n, 1n],
    ...[-S, -S, -2n * S, -5n * S, -30n * S, 10n * S, 10n * S + 1n, 12n * S, 20n * S + 1n, 24n * 3600n * S],
  ),
  times: fc.constantFrom(1, 1, 2, 3, 4),
  /** For each tracked key a place in the palette, or nothing where the point lacks the key. */
  values: fc.tuple(
    fc.option(paletteIndex, { freq: 10, nil: undefined }),
    fc.option(paletteIndex, { freq: 2, nil: undefined }),
    fc.option(paletteIndex, { freq: 2, nil: undefined }),
  ),
  others: fc.constantFrom<Record<string, Value>>(
    {},
    {},
    {},
    { noise: float(0.1), was: int(7n) },
    { state: { type: 'bool', v: false }, lasted: string('x'), changes: float(Number.NaN) },
    { since: string('') },
  ),
  /** A field of this many bytes, so that lengths come to where a varint grows when fields are added. */
  padding: fc.oneof(
    { weight: 16, arbitrary: fc.constant(0) },
    { weight: 8, arbitrary: fc.nat(128) },
    { weight: 1, arbitrary: fc.integer({ min: 16_000, max: 16_384 }) },
  ),
});

const GROUPS = ['host=a', 'host=b', '', 'm\nhost=b\udcff,port='];

/** Before 1970, near both ends of 64 bits, and now. */
const startTime = fc.constantFrom(
  1_514_979_000n * S,
  1_514_979_000n * S,
  -3n * S,
  INT64_MAX - FAR_FROM_LIMIT,
  INT64_MIN + FAR_FROM_LIMIT,
);

const style: fc.Arbitrary<Style> = fc.oneof(
  fc.constant(GO_STYLE),
  fc.record({
    order: fc.constantFrom('ascending', 'descending', 'interleaved'),
    entries: fc.constantFrom('key-first', 'value-first'),
    defaults: fc.constantFrom('in-entries', 'everywhere', 'nowhere'),
    unknown: fc.boolean(),
  }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type TrackedKey = (typeof TRACKED)[number];

function makeOptions(
  edge: Scenario['edge'],
  plans: readonly OptionPlan[],
  keys: readonly TrackedKey[],
  keysAfter: number,
  values: readonly Value[],
): Option[] {
  const options = plans
    .filter(({ name }) => keys.length === 1 || !NEEDS_ONE_KEY.has(name))
    .filter(({ name }) => edge === 'stream' || name !== 'silent')
    .map(
      (plan): Option => ({
        name: plan.name,
        values: plan.values.map((value) =>
          // A TICKscript, unlike a point, is valid text.
          value.type === 'text'
            ? { type: 'string', v: String(at(values, value.index).v).replaceAll(/[\udc80-\udcff]/g, '?') }
            : value,
        ),
      }),
    );
  const tracked = keys.map(({ name, key }): Option => ({ name, values: [{ type: 'string', v: key }] }));
  return [...options.slice(0, keysAfter), ...tracked, ...options.slice(keysAfter)];
}

function makePoint(
  time: bigint,
  step: Step,
  keys: readonly TrackedKey[],
  values: readonly Value[],
): ScenarioPoint {
  const tags: Record<string, string> = {};
  const fields: Record<string, Value> = { ...step.others };
  if (step.padding > 0) fields.padding = string('x'.repeat(step.padding));
  for (const [position, { name, key }] of keys.entries()) {
    const index = step.values[position];
    if (index === undefined) continue;
    const value = at(values, index);
    if (name === 'field') fields[key] = value;
    else tags[key] = String(value.v);
  }
  return { time, tags, fields };
}

/** The points of the steps, on one clock for all groups. */
function makePoints(
  steps: readonly Step[],
  start: bigint,
  keys: readonly TrackedKey[],
  values: readonly Value[],
): { group: string; point: ScenarioPoint }[] {
  let time = start;
  return steps.flatMap((step) =>
    Array.from({ length: step.times }, () => {
      time += step.elapsed;
      const point = makePoint(time, step, keys, values);
      return step.groups.map((group) => ({ group: at(GROUPS, group), point }));
    }).flat(),
  );
}

function makeRestarts(restarts: readonly number[], arrivals: number): number[] {
  return restarts.map((restart) => restart % (arrivals + 1)).toSorted((a, b) => a - b);
}

const common = {
  theme,
  keys: trackedKeys,
  keysAfter: fc.nat(10),
  start: startTime,
  style,
  restarts: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
};

/** A stream's points, of up to four groups. */
export const streamScenario: fc.Arbitrary<Scenario> = fc
  .record({ ...common, steps: fc.noBias(fc.array(step, { maxLength: 30, size: 'max' })) })
  .map(({ theme: { values, options }, keys, keysAfter, start, style, restarts, steps }) => {
    const arrivals = makePoints(steps, start, keys, values).map(({ group, point }) => ({
      group,
      points: [point],
    }));
    // With silences nothing must be due behind the last point: then the agent's clock would decide it, or its end come first.
    let newest = start;
    for (const { points } of arrivals) if (points[0].time > newest) newest = points[0].time;
    const nothing = { time: newest, tags: {}, fields: {} };
    if (options.some(({ name }) => name === 'silent')) arrivals.push({ group: GROUPS[0], points: [nothing] });
    return {
      edge: 'stream',
      options: makeOptions('stream', options, keys, keysAfter, values),
      arrivals,
      style,
      restarts: makeRestarts(restarts, arrivals.length),
    };
  });

/** Batches whose windows overlap: each begins with some of the last points of its group again. */
export const batchScenario: fc.Arbitrary<Scenario> = fc
  .record({
    ...common,
    batches: fc.noBias(
      fc.array(
        fc.record({
          group: fc.constantFrom(0, 0, 0, 1, 2, 3),
          again: fc.constantFrom(0, 1, 2, 3, 5),
          steps: fc.array(step, { maxLength: 4 }),
        }),
        { maxLength: 15, size: 'max' },
      ),
    ),
  })
  .map(({ theme: { values, options }, keys, keysAfter, start, style, restarts, batches }) => {
    let time = start;
    const history: ScenarioPoint[][] = GROUPS.map(() => []);
    const arrivals = batches.map((batch): Arrival => {
      const steps = batch.steps.map((each) => ({ ...each, groups: [batch.group] }));
      const fresh = makePoints(steps, time, keys, values).map(({ point }) => point);
      time = fresh.at(-1)?.time ?? time;
      const before = at(history, batch.group);
      const points = [...before.slice(before.length - Math.min(batch.again, before.length)), ...fresh];
      before.push(...fresh);
      return { group: at(GROUPS, batch.group), points };
    });
    return {
      edge: 'batch',
      options: makeOptions('batch', options, keys, keysAfter, values),
      arrivals,
      style,
      restarts: makeRestarts(restarts, arrivals.length),
    };
  });
