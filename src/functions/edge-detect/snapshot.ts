import { crc32 } from 'node:zlib';
import { messageOf } from '../../errors.ts';
import { KIND } from '../../wire/point.ts';
import { loadSchema } from '../../wire/schema.ts';
import { lengthEnd, readLength, readVarint64, varint64 } from '../../wire/varint.ts';
import { FLAG, type Groups, type Layout, setInt64 } from './groups.ts';
import type { Settings } from './options.ts';
import type { Texts } from './texts.ts';
import { VALUE_WORDS } from './values.ts';

/** What a snapshot holds. */
export interface State {
  readonly settings: Settings;
  readonly layout: Layout;
  readonly groups: Groups;
  readonly texts: Texts;
  readonly candidates: Map<number, Candidate>;
  readonly made: Map<number, bigint[]>;
  /** The newest time of the node. */
  newestNs: bigint | undefined;
  /** The newest time of any group that `ttl` has freed. */
  freedNs: bigint | undefined;
}

/** A state that is not accepted yet. */
export interface Candidate {
  /** Its first point, a copy. */
  readonly bytes: Buffer;
  /** A value per key. */
  readonly values: Int32Array;
  readonly sinceNs: bigint;
  /** How many points have come. */
  points: number;
}

const VERSION = 1;
/** What one step writes or reads: about a millisecond. */
const BLOCK_GROUPS = 4096;
/** One step of the checksum. */
const CHECK_BYTES = 1024 * 1024;
/** The field `crc32`: its tag and four bytes. */
const CRC_TAG = (15 << 3) | 5;
const CRC_BYTES = 5;
const GROUPS_TAG = (5 << 3) | 2;
/** The flags that are stored; the others follow from the rest. */
const STORED_FLAGS = FLAG.emitted | FLAG.hasPrevious | FLAG.hasEmitted | FLAG.owed;

const schema = loadSchema('snapshot.proto');
const snapshotType = schema.lookupType('edgedetect.Snapshot');
const groupsType = schema.lookupType('edgedetect.Groups');

/** The columns of int64 and where a record has them. */
const TIME_COLUMNS = [
  ['newest', 'newest'],
  ['began', 'began'],
  ['lasted', 'lasted'],
  ['counts', 'count'],
  ['made', 'made'],
] as const satisfies readonly (readonly [string, keyof Layout])[];

/** The columns of values per key. */
const STATE_COLUMNS = ['accepted', 'observed', 'emitted'] as const satisfies readonly (keyof Layout)[];

/** The state in pieces of up to 4,096 groups; nothing at all where there is nothing to keep. */
export function* snapshotState(state: State): Generator<Uint8Array> {
  const { settings, groups } = state;
  if (groups.size === 0 && state.freedNs === undefined) return;
  let checksum = 0;
  const head = snapshotType.encode(
    snapshotType.fromObject({
      version: VERSION,
      keys: settings.keys.map((key) => ({ is_tag: key.type === 'tag', name: key.name })),
      group_count: groups.size,
      ...(state.freedNs === undefined ? {} : { freed: String(state.freedNs) }),
    }),
  );
  const first = head.finish();
  checksum = crc32(first, checksum);
  yield first;
  let ids: number[] = [];
  for (let id = 0; id < groups.idLimit; id++) {
    if (groups.has(id)) ids.push(id);
    if (ids.length < BLOCK_GROUPS && id + 1 < groups.idLimit) continue;
    if (ids.length === 0) break;
    const block = snapshotType.encode(snapshotType.create({ groups: [encodeGroups(state, ids)] })).finish();
    checksum = crc32(block, checksum);
    yield block;
    ids = [];
  }
  const last = Buffer.alloc(CRC_BYTES);
  last[0] = CRC_TAG;
  last.writeUInt32LE(checksum, 1);
  yield last;
}

function encodeGroups(state: State, ids: readonly number[]): Record<string, unknown> {
  const { groups, layout } = state;
  const texts = new BlockTexts(state.texts);
  const nameLengths = new Uint32Array(ids.length);
  const ages = new Uint32Array(ids.length);
  const flags = new Uint8Array(ids.length);
  const names: Buffer[] = [];
  const candidates: Record<string, unknown>[] = [];
  const limits: Record<string, unknown>[] = [];
  ids.forEach((id, index) => {
    const page = groups.page(id);
    const at = groups.at(id);
    const name = groups.name(id);
    names.push(name);
    nameLengths[index] = name.length;
    ages[index] = groups.tick - page[at + layout.stamp];
    flags[index] = page[at + layout.flags] & STORED_FLAGS;
    const candidate = state.candidates.get(id);
    if (candidate !== undefined) {
      const values = columns([candidate.values], () => 0, state.settings.keys.length, texts);
      candidates.push({
        index,
        point: candidate.bytes,
        values,
        since: long(candidate.sinceNs),
        points: candidate.points,
      });
    }
    const made = state.made.get(id);
    if (made !== undefined) limits.push({ index, times: bytesOf(BigInt64Array.from(made)) });
  });
  const pages = ids.map((id) => groups.page(id));
  const stateColumns = STATE_COLUMNS.map((name) => {
    const offset = layout[name];
    if (offset < 0) return [name, []];
    return [
      name,
      columns(pages, (index) => groups.at(ids[index]) + offset, state.settings.keys.length, texts),
    ];
  });
  const previous =
    layout.previous < 0
      ? undefined
      : columns(pages, (index) => groups.at(ids[index]) + layout.previous, 1, texts)[0];
  const timeColumns = TIME_COLUMNS.filter(([, place]) => layout[place] >= 0).map(([name, place]) => {
    const words = new Int32Array(2 * ids.length);
    ids.forEach((id, index) => {
      const at = groups.at(id) + layout[place];
      words[2 * index] = pages[index][at];
      words[2 * index + 1] = pages[index][at + 1];
    });
    return [name, bytesOf(words)];
  });
  return {
    count: ids.length,
    name_lengths: bytesOf(nameLengths),
    names: Buffer.concat(names),
    ages: bytesOf(ages),
    flags,
    texts: texts.bytes,
    ...Object.fromEntries(stateColumns),
    ...(previous === undefined ? {} : { previous }),
    ...Object.fromEntries(timeColumns),
    candidates,
    limits,
  };
}

/** The values of several keys that stand one behind the other, a column per key. */
function columns(
  rows: readonly Int32Array[],
  placeOf: (index: number) => number,
  keys: number,
  texts: BlockTexts,
): Record<string, Uint8Array>[] {
  return Array.from({ length: keys }, (_, key) => {
    const kinds = new Uint8Array(rows.length);
    const words = new Int32Array(2 * rows.length);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      const at = placeOf(i) + key * VALUE_WORDS;
      kinds[i] = row[at];
      if (row[at] === KIND.string) words[2 * i] = texts.indexOf(row[at + 1]);
      else if (row[at] !== KIND.none) {
        words[2 * i] = row[at + 1];
        words[2 * i + 1] = row[at + 2];
      }
    }
    return { kinds, words: bytesOf(words) };
  });
}

/** The strings of one block, each once. */
class BlockTexts {
  readonly bytes: Buffer[] = [];
  readonly #texts: Texts;
  readonly #indexes = new Map<number, number>();

  constructor(texts: Texts) {
    this.#texts = texts;
  }

  indexOf(id: number): number {
    let index = this.#indexes.get(id);
    if (index === undefined) {
      index = this.bytes.push(this.#texts.bytes(id)) - 1;
      this.#indexes.set(id, index);
    }
    return index;
  }
}

/**
 * Takes up a state, step by step.
 * @returns why it was left alone, the node being empty then; undefined if it was restored
 */
export function* restoreState(state: State, snapshot: Uint8Array): Generator<void, string | undefined> {
  if (snapshot.length === 0) return 'it is empty';
  const end = snapshot.length - CRC_BYTES;
  if (end < 0 || snapshot[end] !== CRC_TAG) return 'it is damaged: its checksum is missing';
  let checksum = 0;
  for (let at = 0; at < end; at += CHECK_BYTES) {
    checksum = crc32(snapshot.subarray(at, Math.min(end, at + CHECK_BYTES)), checksum);
    yield;
  }
  const view = Buffer.from(snapshot.buffer, snapshot.byteOffset, snapshot.length);
  if (checksum !== view.readUInt32LE(end + 1)) return 'it is damaged: its checksum is wrong';
  try {
    let at = headEnd(view, end);
    const problem = readHead(state, view.subarray(0, at));
    if (problem !== undefined) return problem;
    while (at < end) {
      at = readVarint64(view, at, end);
      if (varint64[0] !== GROUPS_TAG) throw new Error('something else between the groups');
      const length = readLength(view, at, end);
      at = lengthEnd[0] + length;
      restoreGroups(
        state,
        groupsType.toObject(groupsType.decode(view.subarray(at - length, at)), { longs: String }),
      );
      yield;
    }
    return undefined;
  } catch (error) {
    state.groups.clear();
    state.texts.clear();
    state.candidates.clear();
    state.made.clear();
    state.freedNs = undefined;
    return `it is damaged: ${messageOf(error)}`;
  }
}

/** Where the first block of groups starts. */
function headEnd(bytes: Uint8Array, end: number): number {
  let at = 0;
  while (at < end) {
    const next = readVarint64(bytes, at, end);
    if (varint64[0] === GROUPS_TAG) return at;
    const wireType = varint64[0] & 7;
    if (wireType === 2) at = readLength(bytes, next, end) + lengthEnd[0];
    else at = wireType === 1 ? next + 8 : readVarint64(bytes, next, end);
  }
  return at;
}

function readHead(state: State, bytes: Uint8Array): string | undefined {
  const head: Record<string, unknown> = snapshotType.toObject(snapshotType.decode(bytes), { longs: String });
  if (head.version !== VERSION)
    return `it is of version ${head.version}, this agent knows version ${VERSION}`;
  const keys = (Array.isArray(head.keys) ? head.keys : []).map(
    (key) => `${key.is_tag ? 'tag' : 'field'} ${key.name}`,
  );
  const wanted = state.settings.keys.map((key) => `${key.type} ${key.name}`);
  if (keys.join() !== wanted.join())
    return `it is of other keys (${keys.join(', ')}) than the node's (${wanted.join(', ')})`;
  if (typeof head.freed === 'string') state.freedNs = BigInt(head.freed);
  return undefined;
}

function restoreGroups(state: State, block: Record<string, unknown>): void {
  const { groups, layout, texts } = state;
  const count = Number(block.count);
  const nameLengths = column(block.name_lengths, 4 * count, 'name_lengths');
  const names = column(block.names, undefined, 'names');
  const ages = column(block.ages, 4 * count, 'ages');
  const flags = column(block.flags, count, 'flags');
  const strings = (Array.isArray(block.texts) ? block.texts : []).map((text) =>
    column(text, undefined, 'texts'),
  );
  const keys = state.settings.keys.length;
  const accepted = valueColumns(block.accepted, keys, count, 'accepted');
  if (accepted === undefined) throw new Error('accepted is missing');
  const observed = valueColumns(block.observed, keys, count, 'observed') ?? accepted;
  const emitted = valueColumns(block.emitted, keys, count, 'emitted');
  const previous = valueColumns(block.previous === undefined ? [] : [block.previous], 1, count, 'previous');
  const times = TIME_COLUMNS.map(([name, place]) => {
    const isThere = block[name] instanceof Uint8Array && block[name].length > 0;
    return { place, bytes: isThere ? column(block[name], 8 * count, name) : undefined };
  });
  const lacksPrevious =
    (layout.previous >= 0 && previous === undefined) ||
    (layout.lasted >= 0 && times.every(({ place, bytes }) => place !== 'lasted' || bytes === undefined));
  const lacksBegin = times.every(({ place, bytes }) => place !== 'began' || bytes === undefined);
  const ids: number[] = [];
  let nameAt = 0;
  for (let i = 0; i < count; i++) {
    const nameEnd = nameAt + nameLengths.readUInt32LE(4 * i);
    if (nameEnd > names.length) throw new Error('names is too short');
    if (groups.find(names, nameAt, nameEnd) >= 0) throw new Error('a group stands there twice');
    const id = groups.add(names, nameAt, nameEnd);
    nameAt = nameEnd;
    ids.push(id);
    const page = groups.page(id);
    const at = groups.at(id);
    page[at + layout.stamp] = groups.tick - ages.readUInt32LE(4 * i);
    setValues(page, at + layout.accepted, accepted, i, strings, texts);
    if (layout.observed >= 0) setValues(page, at + layout.observed, observed, i, strings, texts);
    if (layout.emitted >= 0) setValues(page, at + layout.emitted, emitted ?? [], i, strings, texts);
    if (layout.previous >= 0) setValues(page, at + layout.previous, previous ?? [], i, strings, texts);
    for (const { place, bytes } of times) {
      if (layout[place] >= 0 && bytes !== undefined)
        setInt64(page, at + layout[place], bytes.readBigInt64LE(8 * i));
    }
    page[at + layout.flags] = restoredFlags(state, page, at, flags[i], {
      lacksEmitted: emitted === undefined,
      lacksPrevious,
      lacksBegin,
    });
  }
  restoreCandidates(state, block, ids, strings);
  for (const limit of listOf(block.limits)) {
    const times = column(limit.times, undefined, 'limits');
    const id = idOf(ids, limit.index);
    if (state.settings.limit === undefined) continue;
    const made = Array.from({ length: times.length >> 3 }, (_, i) => times.readBigInt64LE(8 * i));
    state.made.set(id, made.slice(-state.settings.limit.edges));
  }
}

/** The flags of a group whose node may have other options now than at the snapshot. */
function restoredFlags(
  state: State,
  page: Int32Array,
  at: number,
  stored: number,
  lacks: { readonly lacksEmitted: boolean; readonly lacksPrevious: boolean; readonly lacksBegin: boolean },
): number {
  const { layout, settings } = state;
  let flags = stored & STORED_FLAGS;
  if (settings.limit === undefined || lacks.lacksEmitted) flags &= ~(FLAG.owed | FLAG.hasEmitted);
  if (lacks.lacksPrevious) flags &= ~FLAG.hasPrevious;
  if (lacks.lacksBegin && layout.began >= 0) flags |= FLAG.beginUnknown;
  for (let i = 0; layout.observed >= 0 && i < settings.keys.length * VALUE_WORDS; i++) {
    if (page[at + layout.observed + i] !== page[at + layout.accepted + i]) flags |= FLAG.diverged;
  }
  return flags;
}

function restoreCandidates(
  state: State,
  block: Record<string, unknown>,
  ids: readonly number[],
  strings: readonly Buffer[],
): void {
  const { groups, layout, settings, texts } = state;
  for (const candidate of listOf(block.candidates)) {
    const id = idOf(ids, candidate.index);
    const columns = valueColumns(candidate.values, settings.keys.length, 1, 'candidates');
    if (columns === undefined) throw new Error('a candidate without values');
    const values = new Int32Array(settings.keys.length * VALUE_WORDS);
    setValues(values, 0, columns, 0, strings, texts);
    state.candidates.set(id, {
      bytes: Buffer.from(column(candidate.point, undefined, 'candidates')),
      values,
      sinceNs: BigInt(String(candidate.since ?? 0)),
      points: Number(candidate.points ?? 0),
    });
    groups.page(id)[groups.at(id) + layout.flags] |= FLAG.candidate;
  }
}

interface ValueColumn {
  readonly kinds: Buffer;
  readonly words: Buffer;
}

/** @returns undefined where the snapshot's node did not keep them */
function valueColumns(value: unknown, keys: number, count: number, name: string): ValueColumn[] | undefined {
  const list = listOf(value);
  if (list.length === 0) return undefined;
  if (list.length !== keys) throw new Error(`${name} has ${list.length} columns instead of ${keys}`);
  return list.map(({ kinds, words }) => ({
    kinds: column(kinds, count, name),
    words: column(words, 8 * count, name),
  }));
}

function setValues(
  target: Int32Array,
  at: number,
  from: readonly ValueColumn[],
  row: number,
  strings: readonly Buffer[],
  texts: Texts,
): void {
  from.forEach(({ kinds, words }, key) => {
    const place = at + key * VALUE_WORDS;
    const kind = kinds[row];
    let lo = words.readInt32LE(8 * row);
    if (kind > KIND.bool) throw new Error(`a value of kind ${kind}`);
    if (kind === KIND.string) {
      const text = strings.at(lo);
      if (text === undefined || lo < 0) throw new Error('a string that is not there');
      lo = texts.hold(text, 0, text.length);
    }
    target[place] = kind;
    target[place + 1] = lo;
    target[place + 2] = kind === KIND.string ? 0 : words.readInt32LE(8 * row + 4);
  });
}

/** @param length in bytes; undefined for any */
function column(value: unknown, length: number | undefined, name: string): Buffer {
  const bytes = value instanceof Uint8Array ? value : Buffer.alloc(0);
  if (length !== undefined && bytes.length !== length) {
    throw new Error(`${name} has ${bytes.length} bytes instead of ${length}`);
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function idOf(ids: readonly number[], index: unknown): number {
  const id = ids[Number(index ?? 0)];
  if (id === undefined) throw new Error('a group that is not there');
  return id;
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value : [];
}

function bytesOf(words: ArrayBufferView): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

/** A 64-bit integer as protobufjs takes it. */
function long(value: bigint): { low: number; high: number; unsigned: boolean } {
  const words = new Int32Array(2);
  setInt64(words, 0, value);
  return { low: words[0], high: words[1], unsigned: false };
}
