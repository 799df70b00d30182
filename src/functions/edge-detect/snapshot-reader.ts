import { crc32 } from 'node:zlib';
import { messageOf } from '../../errors.ts';
import { KIND } from '../../wire/point.ts';
import { PointReader } from '../../wire/point-view.ts';
import { lengthEnd, readLength, readVarint64, varint64 } from '../../wire/varint.ts';
import { FLAG, type Layout, setInt64, UNKNOWN_NS } from './groups.ts';
import {
  CRC_BYTES,
  CRC_TAG,
  GROUPS_TAG,
  READ_VERSIONS,
  STORED_FLAGS,
  snapshotTypes,
  TIME_COLUMNS,
} from './snapshot-format.ts';
import type { State } from './state.ts';
import type { Texts } from './texts.ts';
import { VALUE_WORDS } from './values.ts';

/** One step of the checksum. */
const CHECK_BYTES = 1024 * 1024;

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
  const groupsType = snapshotTypes('Groups');
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
    state.silence?.clear();
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
  const type = snapshotTypes('Snapshot');
  const head: Record<string, unknown> = type.toObject(type.decode(bytes), { longs: String });
  if (!READ_VERSIONS.includes(Number(head.version)))
    return `it is of version ${head.version}, this agent knows version ${READ_VERSIONS.join(' and ')}`;
  const keys = (Array.isArray(head.keys) ? head.keys : []).map(
    (key) => `${key.is_tag ? 'tag' : 'field'} ${key.name}`,
  );
  const wanted = state.settings.keys.map((key) => `${key.type} ${key.name}`);
  if (keys.join() !== wanted.join())
    return `it is of other keys (${keys.join(', ')}) than the node's (${wanted.join(', ')})`;
  state.freedNs = optionalTime(head.freed);
  if (state.silence !== undefined) {
    state.silence.time.value = optionalTime(head.node_time);
    state.silence.notBeforeNs = optionalTime(head.silent_from);
  }
  return undefined;
}

function restoreGroups(state: State, block: Record<string, unknown>): void {
  const { groups, layout, texts } = state;
  const count = Number(block.count);
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
  const lacks = (place: keyof Layout): boolean =>
    times.every((each) => each.place !== place || each.bytes === undefined);
  const missing = {
    emitted: emitted === undefined,
    previous: (layout.previous >= 0 && previous === undefined) || (layout.lasted >= 0 && lacks('lasted')),
    begin: lacks('began'),
  };
  const ids = addNames(state, block, count);
  for (let i = 0; i < count; i++) {
    const page = groups.page(ids[i]);
    const at = groups.at(ids[i]);
    page[at + layout.stamp] = groups.tick - ages.readUInt32LE(4 * i);
    setValues(page, at + layout.accepted, accepted, i, strings, texts);
    if (layout.observed >= 0) setValues(page, at + layout.observed, observed, i, strings, texts);
    if (layout.emitted >= 0) setValues(page, at + layout.emitted, emitted ?? [], i, strings, texts);
    if (layout.previous >= 0) setValues(page, at + layout.previous, previous ?? [], i, strings, texts);
    if (layout.newest >= 0) setInt64(page, at + layout.newest, UNKNOWN_NS);
    for (const { place, bytes } of times) {
      if (layout[place] < 0 || bytes === undefined) continue;
      page[at + layout[place]] = bytes.readInt32LE(8 * i);
      page[at + layout[place] + 1] = bytes.readInt32LE(8 * i + 4);
    }
    page[at + layout.flags] = restoredFlags(state, page, at, flags[i], missing);
  }
  restoreCandidates(state, block, ids, strings);
  restoreLimits(state, block, ids);
  restoreLastPoints(state, block, ids);
}

/** @returns the ids of the block's groups */
function addNames({ groups }: State, block: Record<string, unknown>, count: number): number[] {
  const lengths = column(block.name_lengths, 4 * count, 'name_lengths');
  const names = column(block.names, undefined, 'names');
  let at = 0;
  return Array.from({ length: count }, (_, i) => {
    const start = at;
    at += lengths.readUInt32LE(4 * i);
    if (at > names.length) throw new Error('names is too short');
    if (groups.find(names, start, at) >= 0) throw new Error('a group stands there twice');
    return groups.add(names, start, at);
  });
}

function restoreLimits(state: State, block: Record<string, unknown>, ids: readonly number[]): void {
  const { limit } = state.settings;
  for (const each of listOf(block.limits)) {
    const times = column(each.times, undefined, 'limits');
    const id = idOf(ids, each.index);
    if (limit === undefined) continue;
    const made = Array.from({ length: times.length >> 3 }, (_, i) => times.readBigInt64LE(8 * i));
    state.made.set(id, made.slice(-limit.edges));
  }
}

/** Groups of a node that had no `silent`, as those of version 1, come in the order of the snapshot and have no last point. */
function restoreLastPoints(state: State, block: Record<string, unknown>, ids: readonly number[]): void {
  const { groups, layout, silence } = state;
  if (silence === undefined) return;
  const isThere = block.orders instanceof Uint8Array && block.orders.length > 0;
  const bytes = isThere ? 4 * ids.length : 0;
  const orders = column(block.orders, bytes, 'orders');
  const lastForms = column(block.last_forms, bytes, 'last_forms');
  const lengths = column(block.last_tags_lengths, bytes, 'last_tags_lengths');
  const tags = column(block.last_tags, undefined, 'last_tags');
  const forms = (Array.isArray(block.forms) ? block.forms : []).map((form) =>
    column(form, undefined, 'forms'),
  );
  let tagsAt = 0;
  ids.forEach((id, i) => {
    const place = { id, page: groups.page(id), at: groups.at(id) };
    place.page[place.at + layout.order] = isThere ? orders.readUInt32LE(4 * i) : groups.size - ids.length + i;
    const form = isThere ? lastForms.readUInt32LE(4 * i) : 0;
    if (form === 0) return;
    const tagsEnd = tagsAt + lengths.readUInt32LE(4 * i);
    if (form > forms.length || tagsEnd > tags.length) throw new Error('a last point that is not there');
    silence.lastPoints.keepParts(place, forms[form - 1], tags.subarray(tagsAt, tagsEnd));
    // It may be emitted later on, when a mistake in it would end the connection.
    silence.lastPoints.make(place, 0n, silence.text).validate();
    tagsAt = tagsEnd;
  });
}

/** The flags of a group whose node may have other options now than at the snapshot. */
function restoredFlags(
  state: State,
  page: Int32Array,
  at: number,
  stored: number,
  missing: { readonly emitted: boolean; readonly previous: boolean; readonly begin: boolean },
): number {
  const { layout, settings } = state;
  let flags = stored & STORED_FLAGS;
  if (settings.silent === undefined) flags &= ~FLAG.silent;
  if (settings.limit === undefined || missing.emitted) flags &= ~(FLAG.owed | FLAG.hasEmitted);
  if (missing.previous) flags &= ~FLAG.hasPrevious;
  if (missing.begin && layout.began >= 0) flags |= FLAG.beginUnknown;
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
  const view = new PointReader();
  for (const candidate of listOf(block.candidates)) {
    const id = idOf(ids, candidate.index);
    const columns = valueColumns(candidate.values, settings.keys.length, 1, 'candidates');
    if (columns === undefined) throw new Error('a candidate without values');
    const values = new Int32Array(settings.keys.length * VALUE_WORDS);
    setValues(values, 0, columns, 0, strings, texts);
    const bytes = Buffer.from(column(candidate.point, undefined, 'candidates'));
    // It may be emitted later on, when a mistake in it would end the connection.
    view.read(bytes, 0, bytes.length);
    view.validate();
    state.candidates.set(id, {
      bytes,
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

function optionalTime(value: unknown): bigint | undefined {
  return typeof value === 'string' ? BigInt(value) : undefined;
}
