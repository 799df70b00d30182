import type { GivenOptions, OptionSpecs } from '../../function/options.ts';
import { asText } from './values.ts';

const NAME = [{ isName: true }] as const;
const NOT_NEGATIVE = [{ min: 0 }] as const;
const SOME_TIME = [{ above: 0n }] as const;

export const OPTIONS = {
  field: {
    arguments: ['STRING'],
    repeatable: 'all',
    ranges: NAME,
    summary: 'track this field, of any type',
  },
  tag: { arguments: ['STRING'], repeatable: 'all', ranges: NAME, summary: 'track this tag' },
  from: {
    arguments: ['STRING'],
    repeatable: 'all',
    default: { words: 'any' },
    summary: 'emit only edges that leave this value (or another one given)',
  },
  notFrom: {
    arguments: ['STRING'],
    repeatable: 'all',
    default: { words: 'none' },
    summary: 'emit no edge that leaves this value',
  },
  to: {
    arguments: ['STRING'],
    repeatable: 'all',
    default: { words: 'any' },
    summary: 'emit only edges that enter this value (or another one given)',
  },
  notTo: {
    arguments: ['STRING'],
    repeatable: 'all',
    default: { words: 'none' },
    summary: 'emit no edge that enters this value',
  },
  rising: { arguments: [], default: { words: 'both ways' }, summary: 'emit edges that go up' },
  falling: { arguments: [], default: { words: 'both ways' }, summary: 'emit edges that go down' },
  deadband: {
    arguments: ['DOUBLE'],
    ranges: NOT_NEGATIVE,
    default: 0,
    summary: 'a number must move by more than this to be another state',
  },
  deadbandPercent: {
    arguments: ['DOUBLE'],
    ranges: NOT_NEGATIVE,
    default: 0,
    summary: 'likewise, in percent of the accepted value',
  },
  hold: {
    arguments: ['DURATION'],
    ranges: [{ min: 0n }],
    default: 0n,
    summary: 'accept a new state once it has lasted this long',
  },
  holdTo: {
    arguments: ['STRING', 'DURATION'],
    repeatable: 'by-value',
    ranges: [undefined, { min: 0n }],
    summary: 'overrides hold for entering this value',
  },
  confirm: {
    arguments: ['INT'],
    ranges: [{ min: 1n }],
    default: 1n,
    summary: 'accept a new state at its n-th point in a row',
  },
  confirmTo: {
    arguments: ['STRING', 'INT'],
    repeatable: 'by-value',
    ranges: [undefined, { min: 1n }],
    summary: 'overrides confirm for entering this value',
  },
  limit: {
    arguments: ['INT', 'DURATION'],
    ranges: [{ min: 1n }, { above: 0n }],
    default: { words: 'none' },
    summary: 'emit at most n edges per group within the duration, then catch up',
  },
  initial: { arguments: ['BOOL'], default: true, summary: 'whether the first point of a group is emitted' },
  every: {
    arguments: ['DURATION'],
    ranges: SOME_TIME,
    default: { words: 'never' },
    summary: 'emit a state again once it has not been for this long',
  },
  ttl: {
    arguments: ['DURATION'],
    ranges: SOME_TIME,
    default: { words: 'forever' },
    summary: 'forget a group not seen for longer than this',
  },
  maxGroups: {
    arguments: ['INT'],
    ranges: [{ min: 1n }],
    default: { words: 'as many as the agent allows' },
    summary: 'keep at most this many groups, the longest unseen go first',
  },
  late: {
    arguments: ['STRING'],
    ranges: [{ oneOf: ['keep', 'drop'] }],
    default: { words: "'keep' in streams, 'drop' in batches" },
    summary: 'what becomes of points older than the newest of their group',
  },
  ignore: {
    arguments: ['STRING'],
    repeatable: 'all',
    default: { words: 'none' },
    summary: 'a value with this text says nothing, as if the point lacked that key',
  },
  silent: {
    arguments: ['STRING', 'DURATION'],
    ranges: [undefined, { above: 0n }],
    default: { words: 'off' },
    summary: 'the state that a group gets which was not heard for this long',
  },
  as: { arguments: ['STRING'], ranges: NAME, summary: 'add the current value under this name' },
  previousAs: { arguments: ['STRING'], ranges: NAME, summary: 'add the value before the last edge' },
  durationAs: {
    arguments: ['STRING'],
    ranges: NAME,
    summary: 'add how long the state before lasted, a float in units',
  },
  unit: {
    arguments: ['DURATION'],
    ranges: SOME_TIME,
    default: 1_000_000_000n,
    summary: 'the unit of durationAs',
  },
  sinceAs: {
    arguments: ['STRING'],
    ranges: NAME,
    summary: 'add when the current state began, in nanoseconds since the epoch',
  },
  countAs: { arguments: ['STRING'], ranges: NAME, summary: 'add how many edges the group has had' },
} as const satisfies OptionSpecs;

const { silent: _, ...rest } = OPTIONS;
/** A query that returns nothing says nothing of who is missing: batches have no silence. */
export const BATCH_OPTIONS = rest;

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
  /** Texts of values that say nothing. */
  readonly ignored: readonly string[];
  readonly silent: { readonly text: string; readonly afterNs: bigint } | undefined;
  readonly outputs: OutputNames;
  readonly unitNs: bigint;
}

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
  'silent',
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
  const [limitEdges, limitWindow] = given.uses('limit').at(-1) ?? [];
  const maxGroups = given.integer('maxGroups');
  const late = given.string('late');
  return {
    keys,
    from: new Set(given.strings('from').map(asText)),
    notFrom: new Set(given.strings('notFrom').map(asText)),
    to: new Set(given.strings('to').map(asText)),
    notTo: new Set(given.strings('notTo').map(asText)),
    rising: given.has('rising'),
    falling: given.has('falling'),
    deadband: given.number('deadband') ?? OPTIONS.deadband.default,
    deadbandPercent: given.number('deadbandPercent') ?? OPTIONS.deadbandPercent.default,
    holdNs: given.integer('hold') ?? OPTIONS.hold.default,
    holdToNs: byText(given, 'holdTo', (ns) => ns),
    confirm: Number(given.integer('confirm') ?? OPTIONS.confirm.default),
    confirmTo: byText(given, 'confirmTo', Number),
    limit:
      typeof limitEdges === 'bigint' && typeof limitWindow === 'bigint'
        ? { edges: Number(limitEdges), windowNs: limitWindow }
        : undefined,
    initial: given.boolean('initial') ?? OPTIONS.initial.default,
    everyNs: given.integer('every'),
    ttlNs: given.integer('ttl'),
    maxGroups: maxGroups === undefined ? defaults.maxGroups : Number(maxGroups),
    dropLate: late === undefined ? defaults.dropLate : late === 'drop',
    ignored: given.strings('ignore'),
    silent: silence(given, keys),
    outputs,
    unitNs: given.integer('unit') ?? OPTIONS.unit.default,
  };
}

function trackedKeys(given: GivenOptions): TrackedKey[] {
  const keys: TrackedKey[] = [];
  for (const type of ['field', 'tag'] as const) {
    const names = new Set<string>();
    for (const name of given.strings(type)) {
      if (name === '') continue;
      if (names.has(name)) given.refuse(type, name, 'is tracked twice');
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

function silence(given: GivenOptions, keys: readonly TrackedKey[]): Settings['silent'] {
  const [text, afterNs] = given.uses('silent').at(-1) ?? [];
  if (typeof text !== 'string' || typeof afterNs !== 'bigint') return undefined;
  if (text === '' && keys.some(({ type }) => type === 'tag'))
    given.refuse('silent', text, 'the tracked tag cannot be empty');
  const ttlNs = given.integer('ttl');
  if (ttlNs !== undefined && ttlNs <= afterNs)
    given.refuse('ttl', ttlNs, 'must be longer than the duration of silent', 'DURATION');
  return { text, afterNs };
}

function outputNames(given: GivenOptions): OutputNames {
  const taken = new Map<string, OptionName>();
  for (const option of OUTPUTS) {
    const name = given.string(option);
    if (name === undefined || name === '') continue;
    const other = taken.get(name);
    if (other !== undefined) given.refuse(option, name, `the same name as ${other}`);
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

/** An option of a value and a number, by the value's text. */
function byText<T>(given: GivenOptions, name: OptionName, read: (number: bigint) => T): Map<string, T> {
  return new Map(
    given
      .uses(name)
      .flatMap(([value, number]) =>
        typeof value === 'string' && typeof number === 'bigint' ? [[asText(value), read(number)]] : [],
      ),
  );
}
