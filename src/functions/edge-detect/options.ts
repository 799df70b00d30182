import type { GivenOptions, OptionSpecs } from '../../function/options.ts';
import { asText } from './values.ts';

export const OPTIONS = {
  field: { arguments: ['STRING'], summary: 'track this field, of any type; repeatable' },
  tag: { arguments: ['STRING'], summary: 'track this tag; repeatable' },
  from: {
    arguments: ['STRING'],
    summary: 'emit only edges that leave this value (or another one given); repeatable',
  },
  notFrom: { arguments: ['STRING'], summary: 'emit no edge that leaves this value; repeatable' },
  to: {
    arguments: ['STRING'],
    summary: 'emit only edges that enter this value (or another one given); repeatable',
  },
  notTo: { arguments: ['STRING'], summary: 'emit no edge that enters this value; repeatable' },
  rising: { arguments: [], summary: 'emit edges that go up' },
  falling: { arguments: [], summary: 'emit edges that go down' },
  deadband: { arguments: ['DOUBLE'], summary: 'a number must move by more than this to be another state' },
  deadbandPercent: { arguments: ['DOUBLE'], summary: 'likewise, in percent of the accepted value' },
  hold: { arguments: ['DURATION'], summary: 'accept a new state once it has lasted this long' },
  holdTo: {
    arguments: ['STRING', 'DURATION'],
    summary: 'overrides hold for entering this value; repeatable',
  },
  confirm: { arguments: ['INT'], summary: 'accept a new state at its n-th point in a row' },
  confirmTo: {
    arguments: ['STRING', 'INT'],
    summary: 'overrides confirm for entering this value; repeatable',
  },
  limit: {
    arguments: ['INT', 'DURATION'],
    summary: 'emit at most n edges per group within the duration, then catch up',
  },
  initial: { arguments: ['BOOL'], summary: 'whether the first point of a group is emitted (TRUE)' },
  every: { arguments: ['DURATION'], summary: 'emit a state again once it has not been for this long' },
  ttl: { arguments: ['DURATION'], summary: 'forget a group not seen for longer than this' },
  maxGroups: { arguments: ['INT'], summary: 'keep at most this many groups, the longest unseen go first' },
  late: { arguments: ['STRING'], summary: "'keep' or 'drop' points older than the newest of their group" },
  as: { arguments: ['STRING'], summary: 'add the current value under this name' },
  previousAs: { arguments: ['STRING'], summary: 'add the value before the last edge' },
  durationAs: { arguments: ['STRING'], summary: 'add how long the state before lasted, a float in units' },
  unit: { arguments: ['DURATION'], summary: 'the unit of durationAs (1s)' },
  sinceAs: {
    arguments: ['STRING'],
    summary: 'add when the current state began, in nanoseconds since the epoch',
  },
  countAs: { arguments: ['STRING'], summary: 'add how many edges the group has had' },
} as const satisfies OptionSpecs;

type OptionName = keyof typeof OPTIONS;

export interface TrackedKey {
  readonly type: 'field' | 'tag';
  readonly name: string;
}

/** The names of the fields that are added, where given. */
export interface OutputNames {
  readonly value: string | undefined;
  readonly previous: string | undefined;
  readonly duration: string | undefined;
  readonly since: string | undefined;
  readonly count: string | undefined;
}

/** What a node was told, checked. Durations are nanoseconds. */
export interface Settings {
  readonly keys: readonly TrackedKey[];
  readonly from: ReadonlySet<string>;
  readonly notFrom: ReadonlySet<string>;
  readonly to: ReadonlySet<string>;
  readonly notTo: ReadonlySet<string>;
  readonly rising: boolean;
  readonly falling: boolean;
  readonly deadband: number;
  readonly deadbandPercent: number;
  readonly holdNs: bigint;
  readonly holdToNs: ReadonlyMap<string, bigint>;
  readonly confirm: number;
  readonly confirmTo: ReadonlyMap<string, number>;
  readonly limit: { readonly edges: number; readonly windowNs: bigint } | undefined;
  readonly initial: boolean;
  readonly everyNs: bigint | undefined;
  readonly ttlNs: bigint | undefined;
  readonly maxGroups: number;
  readonly dropLate: boolean;
  readonly outputs: OutputNames;
  readonly unitNs: bigint;
}

const SECOND_NS = 1_000_000_000n;

/** Options that speak of the one value and so need exactly one tracked key. */
const SINGLE_KEY: readonly OptionName[] = [
  'from',
  'notFrom',
  'to',
  'notTo',
  'rising',
  'falling',
  'holdTo',
  'confirmTo',
  'as',
  'previousAs',
];

const OUTPUTS: readonly OptionName[] = ['as', 'previousAs', 'durationAs', 'sinceAs', 'countAs'];

/**
 * Reads and checks the options; everything that is wrong is noted in `given`.
 * @param defaults what depends on the function and the agent
 */
export function readSettings(
  given: GivenOptions,
  defaults: { readonly dropLate: boolean; readonly maxGroups: number },
): Settings {
  const keys = trackedKeys(given);
  if (keys.length !== 1) {
    for (const name of SINGLE_KEY) {
      if (given.has(name))
        given.refuse(name, undefined, `needs exactly one tracked key, here are ${keys.length}`);
    }
  }
  const outputs = outputNames(given);
  const limit = given.all('limit').at(-1);
  const [limitEdges, limitWindow] = limit ?? [];
  if (limitEdges !== undefined && Number(limitEdges) < 1)
    given.refuse('limit', limitEdges, 'the number must be 1 or more');
  if (limitWindow !== undefined && Number(limitWindow) <= 0) {
    given.refuse('limit', limitWindow, 'the duration must be more than 0', 'DURATION');
  }
  const maxGroups = atLeast(given, 'maxGroups', 1n);
  const late = given.string('late');
  if (late !== undefined && late !== 'keep' && late !== 'drop')
    given.refuse('late', late, "must be 'keep' or 'drop'");
  return {
    keys,
    from: new Set(given.strings('from').map(asText)),
    notFrom: new Set(given.strings('notFrom').map(asText)),
    to: new Set(given.strings('to').map(asText)),
    notTo: new Set(given.strings('notTo').map(asText)),
    rising: given.has('rising'),
    falling: given.has('falling'),
    deadband: notNegative(given, 'deadband'),
    deadbandPercent: notNegative(given, 'deadbandPercent'),
    holdNs: atLeast(given, 'hold', 0n) ?? 0n,
    holdToNs: byText(perValue(given, 'holdTo', 0n)),
    confirm: Number(atLeast(given, 'confirm', 1n) ?? 1n),
    confirmTo: new Map([...byText(perValue(given, 'confirmTo', 1n))].map(([text, n]) => [text, Number(n)])),
    limit:
      typeof limitEdges === 'bigint' && typeof limitWindow === 'bigint'
        ? { edges: Number(limitEdges), windowNs: limitWindow }
        : undefined,
    initial: given.boolean('initial') ?? true,
    everyNs: atLeast(given, 'every', 1n),
    ttlNs: atLeast(given, 'ttl', 1n),
    maxGroups: maxGroups === undefined ? defaults.maxGroups : Number(maxGroups),
    dropLate: late === undefined ? defaults.dropLate : late === 'drop',
    outputs,
    unitNs: atLeast(given, 'unit', 1n) ?? SECOND_NS,
  };
}

function trackedKeys(given: GivenOptions): TrackedKey[] {
  const keys: TrackedKey[] = [];
  for (const type of ['field', 'tag'] as const) {
    const names = new Set<string>();
    for (const name of given.strings(type)) {
      if (name === '') given.refuse(type, name, 'the name is empty');
      else if (names.has(name)) given.refuse(type, name, 'is tracked twice');
      else keys.push({ type, name });
      names.add(name);
    }
  }
  if (!given.has('field') && !given.has('tag')) {
    given.refuse(
      'field',
      undefined,
      "nothing is tracked: name a field or a tag, for instance .field('value')",
    );
  }
  // One order for the same keys, so that a snapshot fits whatever the order in the script.
  return keys.sort((a, b) => (a.type + a.name < b.type + b.name ? -1 : 1));
}

function outputNames(given: GivenOptions): OutputNames {
  const taken = new Map<string, OptionName>();
  for (const option of OUTPUTS) {
    const name = given.string(option);
    if (name === undefined) continue;
    const other = taken.get(name);
    if (name === '') given.refuse(option, name, 'the name is empty');
    else if (other !== undefined) given.refuse(option, name, `the same name as ${other}`);
    else taken.set(name, option);
  }
  return {
    value: given.string('as'),
    previous: given.string('previousAs'),
    duration: given.string('durationAs'),
    since: given.string('sinceAs'),
    count: given.string('countAs'),
  };
}

function notNegative(given: GivenOptions, name: OptionName): number {
  const value = given.number(name);
  if (value !== undefined && !(value >= 0)) given.refuse(name, value, 'must be 0 or more');
  return value ?? 0;
}

function atLeast(given: GivenOptions, name: OptionName, least: bigint): bigint | undefined {
  const value = given.integer(name);
  if (value !== undefined && value < least) {
    given.refuse(name, value, lowerBound(name, least), numberTypeOf(name));
  }
  return value;
}

/** A repeatable option of a value and a number: the last for each value counts. */
function perValue(given: GivenOptions, name: OptionName, least: bigint): Map<string, bigint> {
  const values = new Map<string, bigint>();
  for (const [value, number] of given.all(name)) {
    if (typeof value === 'string' && typeof number === 'bigint') values.set(value, number);
  }
  for (const [value, number] of values) {
    if (number < least) {
      given.refuse(name, number, `for '${value}' it ${lowerBound(name, least)}`, numberTypeOf(name));
    }
  }
  return values;
}

function byText<T>(values: ReadonlyMap<string, T>): Map<string, T> {
  return new Map([...values].map(([value, each]) => [asText(value), each]));
}

/** Durations are whole nanoseconds: at least one is more than none. */
function lowerBound(name: OptionName, least: bigint): string {
  return numberTypeOf(name) === 'DURATION' && least > 0n ? 'must be more than 0' : `must be ${least} or more`;
}

function numberTypeOf(name: OptionName): 'INT' | 'DURATION' {
  return OPTIONS[name].arguments.some((type) => type === 'DURATION') ? 'DURATION' : 'INT';
}
