/**
 * What `@edgeDetect` means, written a second time from its description alone: slow, plain, and sharing nothing with
 * src, so that the node can be held against it. The order here is the description's.
 */
import type { Option, OptionValue, Point, Value } from '../protocol/protocol.ts';

// Words

/** Values by tracked key; the key is made by `keyOf`. A key that was never seen is not there. */
type Values = Record<string, Value>;

interface TrackedKey {
  readonly kind: 'field' | 'tag';
  readonly name: string;
}

/** An emitted point: its number, the number of the point that was processed then, and the fields added to it. */
export interface Emission {
  readonly frame: number;
  readonly after: number;
  readonly add: Readonly<Record<string, Value>>;
  /** Where it is a point made anew: all of it. It was emitted before the point of that frame was processed. */
  readonly made?: Point;
}

/** The machine's clocks in nanoseconds: since the epoch, and monotonic. */
export interface Clock {
  readonly wallNs: bigint;
  readonly monotonicNs: bigint;
  /** Whether the process stood still, and input from that time still waits. */
  readonly stoodStill?: boolean;
}

interface Candidate {
  values: Values;
  readonly frame: number;
  readonly time: bigint;
  points: number;
}

interface GroupState {
  observed: Values;
  accepted: Values;
  /** When the accepted state began. */
  since: bigint;
  /** Edges so far. */
  count: bigint;
  previous: Values | undefined;
  /** How long the state before the last edge lasted. */
  lastedNs: bigint | undefined;
  newest: bigint;
  candidate: Candidate | undefined;
  /** Whether the accepted state's edge, or first point, was emitted. */
  isEmitted: boolean;
  /** Whether the accepted state's edge was suppressed by `limit` and is still to be caught up. */
  isOwed: boolean;
  lastEmitted: Values | undefined;
  lastEmissionMade: bigint | undefined;
  /** When the emitted edges were made, in order. */
  edgesMade: bigint[];
  /** The last point that was not ignored. */
  last: Point;
  /** Whether silence was decided for the newest time. */
  isSilent: boolean;
}

/** What a node can go through, so that a test can tell whether its scenarios go everywhere. */
export const INCIDENTS = [
  'untracked',
  'said nothing',
  'late',
  'forgotten',
  'first',
  'learned',
  'candidate',
  'continued',
  'dropped',
  'held',
  'edge',
  'filtered',
  'suppressed',
  'caught up',
  'settled',
  'repeated',
] as const;

/** And what only a stream can go through. */
export const SILENCE_INCIDENTS = [
  'fell silent',
  'kept its state',
  'was no string',
  'silence filtered',
  'ignored in silence',
  'silence ended',
  'freed',
] as const;
export type Incident = (typeof INCIDENTS | typeof SILENCE_INCIDENTS)[number];

const keyOf = (key: TrackedKey) => `${key.kind} ${key.name}`;

function observationOf(point: Point, { keys, ignore }: Options): Values {
  const values: Values = {};
  for (const key of keys) {
    const tag = point.tags[key.name];
    const value: Value | undefined =
      key.kind === 'field'
        ? point.fields[key.name]
        : tag === undefined
          ? undefined
          : { type: 'string', v: tag };
    if (value !== undefined && !ignore.includes(textOf(value))) values[keyOf(key)] = value;
  }
  return values;
}

// Equality

/** Every finite double is a whole number of 2^-1074, so in that unit all numbers can be reckoned with exactly. */
const EXACT_BITS = 1074n;

function exact(number: bigint | number): bigint {
  if (typeof number === 'bigint') return number << EXACT_BITS;
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, number);
  const all = bits.getBigUint64(0);
  const exponent = (all >> 52n) & 0x7ffn;
  const fraction = all & 0xf_ffff_ffff_ffffn;
  const magnitude = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return number < 0 ? -magnitude : magnitude;
}

const magnitude = (number: bigint) => (number < 0n ? -number : number);

/** The number that a value is, if it is one. JavaScript compares a bigint and a number by their exact values. */
function numberOf(value: Value): bigint | number | undefined {
  return value.type === 'int' || value.type === 'float' ? value.v : undefined;
}

const isFiniteNumber = (number: bigint | number) => typeof number === 'bigint' || Number.isFinite(number);

function isEqual(a: Value, b: Value): boolean {
  const x = numberOf(a);
  const y = numberOf(b);
  if (x === undefined || y === undefined) return a.type === b.type && a.v === b.v;
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) && Number.isNaN(y);
  return !(x < y) && !(x > y);
}

/** Whether `value` is another one than `ref`, with respect to the deadbands. */
function isAnother(value: Value, ref: Value, options: Options): boolean {
  if (isEqual(value, ref)) return false;
  const number = numberOf(value);
  const refNumber = numberOf(ref);
  if (number === undefined || refNumber === undefined) return true;
  if (!isFiniteNumber(number) || !isFiniteNumber(refNumber)) return true;
  const { deadband, deadbandPercent } = options;
  const moved = magnitude(exact(number) - exact(refNumber));
  if (deadband > 0 && moved <= exact(deadband)) return false;
  const percent = magnitude(exact(refNumber)) * exact(deadbandPercent);
  return deadbandPercent === 0 || moved * 100n * exact(1) > percent;
}

function isSameState(values: Values, ref: Values, options: Options): boolean {
  return Object.entries(ref).every(([key, refValue]) => {
    const value = values[key];
    return value !== undefined && !isAnother(value, refValue, options);
  });
}

/** The text of a value, as the options of the filters give it. */
function textOf(value: Value): string {
  return String(value.v);
}

// Options

interface Options {
  keys: TrackedKey[];
  from: string[];
  notFrom: string[];
  to: string[];
  notTo: string[];
  rising: boolean;
  falling: boolean;
  deadband: number;
  deadbandPercent: number;
  holdNs: bigint;
  holdNsTo: Map<string, bigint>;
  confirm: number;
  confirmTo: Map<string, number>;
  limit: { edges: number; withinNs: bigint } | undefined;
  initial: boolean;
  everyNs: bigint | undefined;
  ttlNs: bigint | undefined;
  late: 'keep' | 'drop';
  ignore: string[];
  silent: { text: string; afterNs: bigint } | undefined;
  as: string | undefined;
  previousAs: string | undefined;
  durationAs: string | undefined;
  unitNs: bigint;
  sinceAs: string | undefined;
  countAs: string | undefined;
}

const SECOND_NS = 1_000_000_000n;

function stringOf(value: OptionValue | undefined): string {
  if (value?.type !== 'string') throw new Error(`a string was expected: ${value?.type}`);
  return value.v;
}

function int64Of(value: OptionValue | undefined): bigint {
  if (value?.type !== 'int' && value?.type !== 'duration') throw new Error(`no integer: ${value?.type}`);
  return value.v;
}

function doubleOf(value: OptionValue | undefined): number {
  if (value?.type !== 'double') throw new Error(`a double was expected: ${value?.type}`);
  return value.v;
}

/** Takes the options of an Init as valid ones; what is refused is tested elsewhere. */
function readOptions(given: readonly Option[], edge: 'stream' | 'batch'): Options {
  const options: Options = {
    keys: [],
    from: [],
    notFrom: [],
    to: [],
    notTo: [],
    rising: false,
    falling: false,
    deadband: 0,
    deadbandPercent: 0,
    holdNs: 0n,
    holdNsTo: new Map(),
    confirm: 1,
    confirmTo: new Map(),
    limit: undefined,
    initial: true,
    everyNs: undefined,
    ttlNs: undefined,
    late: edge === 'stream' ? 'keep' : 'drop',
    ignore: [],
    silent: undefined,
    as: undefined,
    previousAs: undefined,
    durationAs: undefined,
    unitNs: SECOND_NS,
    sinceAs: undefined,
    countAs: undefined,
  };
  for (const { name, values } of given) {
    const [first, second] = values;
    switch (name) {
      case 'field':
      case 'tag':
        options.keys.push({ kind: name, name: stringOf(first) });
        break;
      case 'from':
      case 'notFrom':
      case 'to':
      case 'notTo':
      case 'ignore':
        options[name].push(stringOf(first));
        break;
      case 'rising':
      case 'falling':
        options[name] = true;
        break;
      case 'deadband':
      case 'deadbandPercent':
        options[name] = doubleOf(first);
        break;
      case 'hold':
        options.holdNs = int64Of(first);
        break;
      case 'holdTo':
        options.holdNsTo.set(stringOf(first), int64Of(second));
        break;
      case 'confirm':
        options.confirm = Number(int64Of(first));
        break;
      case 'confirmTo':
        options.confirmTo.set(stringOf(first), Number(int64Of(second)));
        break;
      case 'limit':
        options.limit = { edges: Number(int64Of(first)), withinNs: int64Of(second) };
        break;
      case 'initial':
        options.initial = first?.v === true;
        break;
      case 'every':
        options.everyNs = int64Of(first);
        break;
      case 'ttl':
        options.ttlNs = int64Of(first);
        break;
      case 'maxGroups':
        // Which groups go first is only roughly defined, so that is tested apart; scenarios have fewer.
        break;
      case 'late':
        options.late = stringOf(first) === 'drop' ? 'drop' : 'keep';
        break;
      case 'silent':
        options.silent = { text: stringOf(first), afterNs: int64Of(second) };
        break;
      case 'as':
      case 'previousAs':
      case 'durationAs':
      case 'sinceAs':
      case 'countAs':
        options[name] = stringOf(first);
        break;
      case 'unit':
        options.unitNs = int64Of(first);
        break;
      default:
        throw new Error(`the option ${name} is unknown`);
    }
  }
  return options;
}

/** One UDF node of a task: `point` by `point` for a stream, and a `beginBatch` before those of each batch. */
export class Oracle {
  readonly #options: Options;
  readonly #edge: 'stream' | 'batch';
  /** A batch's group, and the newest time that it had before the batch began. */
  #batch: { readonly group: string; readonly newestBefore: bigint | undefined } | undefined;
  readonly #groups = new Map<string, GroupState>();
  readonly #emissions: Emission[] = [];
  readonly incidents = new Set<Incident>();
  /** The greatest counted time. */
  #counted: bigint | undefined;
  /** Fresh points: their times, and when they arrived. */
  #fresh: { readonly time: bigint; readonly arrivedNs: bigint }[] = [];
  /** Up to which monotonic time it is known that nothing waits. */
  #readUntilNs: bigint | undefined;
  /** Whether the first point after a restore has still to come, and until when nobody falls silent then. */
  #isRestored = false;
  #notBefore: bigint | undefined;

  constructor(options: readonly Option[], edge: 'stream' | 'batch') {
    this.#options = readOptions(options, edge);
    this.#edge = edge;
  }

  /** All that was emitted so far. */
  get emissions(): readonly Emission[] {
    return this.#emissions;
  }

  beginBatch(group: string): void {
    this.#batch = { group, newestBefore: this.#groups.get(group)?.newest };
  }

  // A point, step by step

  /** Processes the point that is the frame of this number. */
  point(frame: number, point: Point, clock?: Clock): void {
    const options = this.#options;
    const now = point.time;
    const groupId = this.#batch?.group ?? point.group;
    const carried = observationOf(point, options);
    if (options.silent !== undefined) {
      if (clock === undefined) throw new Error('node time needs a clock');
      this.#moveNodeTime(now, clock, options.silent.afterNs);
      this.#decideSilences(frame, options.silent);
    }

    // 1. No tracked key in the point
    if (Object.keys(carried).length === 0) {
      const isThere = Object.keys(observationOf(point, { ...options, ignore: [] })).length > 0;
      this.incidents.add(isThere ? 'said nothing' : 'untracked');
      return;
    }

    // 2. late('drop')
    if (options.late === 'drop' && this.#isLate(now, groupId)) {
      this.incidents.add('late');
      return;
    }

    // 3. ttl
    let group = this.#groups.get(groupId);
    if (group !== undefined && options.ttlNs !== undefined && now - group.newest > options.ttlNs) {
      this.incidents.add('forgotten');
      group = undefined;
    }

    // 4. A new group
    if (group === undefined) {
      // One that was forgotten comes for the first time once more.
      this.#groups.delete(groupId);
      this.#groups.set(groupId, this.#firstPoint(frame, now, carried, point));
      return;
    }

    // Only a newer point ends a silence.
    if (group.isSilent) {
      this.incidents.add(now > group.newest ? 'silence ended' : 'ignored in silence');
      if (now <= group.newest) return;
      group.isSilent = false;
    }

    // 5. Otherwise
    group.last = point;
    if (now > group.newest) group.newest = now;
    this.#learn(group, carried);
    group.observed = { ...group.observed, ...carried };
    if (isSameState(group.observed, group.accepted, options)) {
      this.#sameState(group, frame, now);
    } else {
      this.#anotherState(group, frame, now);
    }
  }

  #isLate(now: bigint, groupId: string): boolean {
    if (this.#edge === 'stream') {
      const newest = this.#groups.get(groupId)?.newest;
      return newest !== undefined && now < newest;
    }
    const newestBefore = this.#batch?.newestBefore;
    return newestBefore !== undefined && now <= newestBefore;
  }

  #firstPoint(frame: number, now: bigint, carried: Values, point: Point): GroupState {
    const options = this.#options;
    this.incidents.add('first');
    const group: GroupState = {
      observed: carried,
      accepted: carried,
      since: now,
      count: 0n,
      previous: undefined,
      lastedNs: undefined,
      newest: now,
      candidate: undefined,
      isEmitted: false,
      isOwed: false,
      lastEmitted: undefined,
      lastEmissionMade: undefined,
      edgesMade: [],
      last: point,
      isSilent: false,
    };
    const isWanted =
      options.initial &&
      options.from.length === 0 &&
      !options.rising &&
      !options.falling &&
      this.#mayEnter(group);
    if (isWanted) this.#emit(group, frame, frame, now);
    return group;
  }

  /** A key first seen later is learned silently, by everything that is compared with an observation. */
  #learn(group: GroupState, carried: Values): void {
    const unknown = Object.entries(carried).filter(([key]) => !Object.hasOwn(group.accepted, key));
    if (unknown.length === 0) return;
    this.incidents.add('learned');
    const learned = Object.fromEntries(unknown);
    group.accepted = { ...group.accepted, ...learned };
    if (group.lastEmitted !== undefined) group.lastEmitted = { ...group.lastEmitted, ...learned };
    if (group.candidate !== undefined) group.candidate.values = { ...group.candidate.values, ...learned };
  }

  #sameState(group: GroupState, frame: number, now: bigint): void {
    if (group.candidate !== undefined) this.incidents.add('dropped');
    group.candidate = undefined;

    if (group.isOwed && this.#hasRoom(group, now)) {
      group.isOwed = false;
      if (group.lastEmitted === undefined || !isSameState(group.accepted, group.lastEmitted, this.#options)) {
        this.incidents.add('caught up');
        group.edgesMade.push(now);
        this.#emit(group, frame, frame, now);
        return;
      }
      this.incidents.add('settled');
      group.isEmitted = true;
    }

    const everyNs = this.#options.everyNs;
    if (everyNs === undefined || !group.isEmitted || group.lastEmissionMade === undefined) return;
    if (now - group.lastEmissionMade >= everyNs) {
      this.incidents.add('repeated');
      this.#emit(group, frame, frame, now);
    }
  }

  #anotherState(group: GroupState, frame: number, now: bigint): void {
    if (
      group.candidate === undefined ||
      !isSameState(group.observed, group.candidate.values, this.#options)
    ) {
      group.candidate = { values: group.observed, frame, time: now, points: 0 };
    } else {
      this.incidents.add('continued');
    }
    group.candidate.points += 1;
    const holdNs = this.#holdNs(group.candidate.values);
    const hasLasted = holdNs === 0n || now - group.candidate.time >= holdNs;
    if (group.candidate.points >= this.#confirm(group.candidate.values) && hasLasted) {
      this.#accept(group, group.candidate, frame, now);
    } else {
      this.incidents.add('candidate');
    }
  }

  #holdNs(values: Values): bigint {
    return this.#options.holdNsTo.get(this.#onlyText(values)) ?? this.#options.holdNs;
  }

  #confirm(values: Values): number {
    return this.#options.confirmTo.get(this.#onlyText(values)) ?? this.#options.confirm;
  }

  /** The text of the only tracked key's value. The options that ask for it are refused with more keys. */
  #onlyText(values: Values): string {
    const [value] = Object.values(values);
    return value === undefined ? '' : textOf(value);
  }

  // 6. An accepted edge

  #accept(group: GroupState, candidate: Candidate, frame: number, now: bigint): void {
    this.incidents.add(candidate.frame === frame ? 'edge' : 'held');
    const lasted = candidate.time - group.since;
    group.previous = group.accepted;
    group.lastedNs = lasted < 0n ? 0n : lasted;
    group.accepted = candidate.values;
    group.since = candidate.time;
    group.count += 1n;
    group.candidate = undefined;
    group.isEmitted = false;
    group.isOwed = false;

    if (!this.#isWanted(group.previous, group)) {
      this.incidents.add('filtered');
      return;
    }
    if (!this.#hasRoom(group, now)) {
      this.incidents.add('suppressed');
      group.isOwed = true;
      return;
    }
    group.edgesMade.push(now);
    this.#emit(group, candidate.frame, frame, now);
  }

  #isWanted(previous: Values, group: GroupState): boolean {
    const { from, notFrom, rising, falling } = this.#options;
    const left = this.#onlyText(previous);
    if (from.length > 0 && !from.includes(left)) return false;
    if (notFrom.includes(left)) return false;
    if (!this.#mayEnter(group)) return false;
    if (!rising && !falling) return true;
    const direction = this.#direction(previous, group.accepted);
    return (rising && direction === 'up') || (falling && direction === 'down');
  }

  #mayEnter(group: GroupState): boolean {
    const { to, notTo } = this.#options;
    const entered = this.#onlyText(group.accepted);
    return (to.length === 0 || to.includes(entered)) && !notTo.includes(entered);
  }

  #direction(previous: Values, accepted: Values): 'up' | 'down' | undefined {
    const [before] = Object.values(previous);
    const [after] = Object.values(accepted);
    if (before === undefined || after === undefined) return undefined;
    const areNumbers = numberOf(before) !== undefined && numberOf(after) !== undefined;
    const areBooleans = before.type === 'bool' && after.type === 'bool';
    if (!areNumbers && !areBooleans) return undefined;
    if (after.v > before.v) return 'up';
    return after.v < before.v ? 'down' : undefined;
  }

  #hasRoom(group: GroupState, now: bigint): boolean {
    const limit = this.#options.limit;
    if (limit === undefined) return true;
    const lastEdges = group.edgesMade.slice(-limit.edges);
    return lastEdges.length < limit.edges || lastEdges.some((made) => made <= now - limit.withinNs);
  }

  // A group that falls silent

  /** The clock is looked at. */
  tick(clock: Clock): void {
    const { silent } = this.#options;
    if (silent === undefined) return;
    this.#readUntilNs = clock.monotonicNs;
    this.#decideSilences(-1, silent);
  }

  /** The node is stopped, and another one goes on. @param isRestored whether from a snapshot: nothing is kept of an empty one */
  restart(isRestored: boolean): void {
    this.#counted = this.#nodeTime();
    this.#fresh = [];
    this.#readUntilNs = undefined;
    this.#isRestored = isRestored;
  }

  #nodeTime(): bigint | undefined {
    const until = this.#readUntilNs;
    const times =
      until === undefined ? [] : this.#fresh.map(({ time, arrivedNs }) => time + until - arrivedNs);
    if (this.#counted !== undefined) times.push(this.#counted);
    return times.reduce<bigint | undefined>((a, b) => (a === undefined || b > a ? b : a), undefined);
  }

  #moveNodeTime(time: bigint, clock: Clock, freshNs: bigint): void {
    // After a standstill it is not known how much of the time had something to say that still waits.
    if (clock.stoodStill !== true) this.#readUntilNs = clock.monotonicNs;
    if (time > clock.wallNs + 60n * SECOND_NS) return;
    const isFresh = clock.wallNs - time < freshNs;
    if (this.#counted === undefined || time > this.#counted) this.#counted = time;
    if (isFresh) this.#fresh.push({ time, arrivedNs: clock.monotonicNs });
    if (this.#isRestored && isFresh) this.#notBefore = time + freshNs;
    this.#isRestored = false;
  }

  /** @param after the frame of the point that moved node time, -1 for the clock */
  #decideSilences(after: number, silent: { text: string; afterNs: bigint }): void {
    const now = this.#nodeTime();
    if (now === undefined || this.#isRestored) return;
    if (this.#notBefore === undefined || now >= this.#notBefore) {
      // The groups are in the order of their first arrival, and the sort keeps that of equal times.
      const due = [...this.#groups.values()]
        .filter((group) => !group.isSilent && now > group.newest + silent.afterNs)
        .sort((a, b) => (a.newest < b.newest ? -1 : a.newest > b.newest ? 1 : 0));
      for (const group of due) this.#fallSilent(group, after, silent);
    }
    const { ttlNs } = this.#options;
    if (ttlNs === undefined) return;
    for (const [id, group] of this.#groups) {
      if (!group.isSilent || now - group.newest <= ttlNs) continue;
      this.incidents.add('freed');
      this.#groups.delete(id);
    }
  }

  #fallSilent(group: GroupState, after: number, { text, afterNs }: { text: string; afterNs: bigint }): void {
    group.isSilent = true;
    group.candidate = undefined;
    const [key] = this.#options.keys;
    const state = group.accepted[keyOf(key)];
    if (state.type !== 'string') {
      this.incidents.add('was no string');
      return;
    }
    if (state.v === text) {
      this.incidents.add('kept its state');
      return;
    }
    this.incidents.add('fell silent');
    const happened = group.newest + afterNs;
    const lasted = happened - group.since;
    group.previous = group.accepted;
    group.lastedNs = lasted < 0n ? 0n : lasted;
    group.accepted = { [keyOf(key)]: { type: 'string', v: text } };
    group.observed = group.accepted;
    group.since = happened;
    group.count += 1n;
    group.isEmitted = false;
    group.isOwed = false;
    if (!this.#isWanted(group.previous, group)) {
      this.incidents.add('silence filtered');
      return;
    }
    group.isEmitted = true;
    group.lastEmitted = group.accepted;
    group.lastEmissionMade = happened;
    const { last } = group;
    const made: Point = {
      time: happened,
      name: last.name,
      database: last.database,
      retentionPolicy: last.retentionPolicy,
      group: last.group,
      dimensions: last.dimensions,
      byName: last.byName,
      tags: key.kind === 'tag' ? { ...last.tags, [key.name]: text } : last.tags,
      fields: {
        ...(key.kind === 'field' ? { [key.name]: { type: 'string', v: text } } : {}),
        ...this.#addedFields(group),
      },
      unknown: [],
    };
    this.#emissions.push({ frame: after, after, add: {}, made });
  }

  // What is emitted

  #emit(group: GroupState, frame: number, after: number, now: bigint): void {
    group.isEmitted = true;
    group.lastEmitted = group.accepted;
    group.lastEmissionMade = now;
    this.#emissions.push({ frame, after, add: this.#addedFields(group) });
  }

  #addedFields(group: GroupState): Record<string, Value> {
    const { as, previousAs, durationAs, unitNs, sinceAs, countAs } = this.#options;
    const add: Record<string, Value> = {};
    const [current] = Object.values(group.accepted);
    const [previous] = Object.values(group.previous ?? {});
    if (as !== undefined && current !== undefined) add[as] = current;
    if (previousAs !== undefined && previous !== undefined) add[previousAs] = previous;
    if (durationAs !== undefined && group.lastedNs !== undefined) {
      add[durationAs] = { type: 'float', v: Number(group.lastedNs) / Number(unitNs) };
    }
    if (sinceAs !== undefined) add[sinceAs] = { type: 'int', v: group.since };
    if (countAs !== undefined) add[countAs] = { type: 'int', v: group.count };
    return add;
  }
}
