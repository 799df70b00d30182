import { crc32 } from 'node:zlib';
import { KIND } from '../../wire/point.ts';
import { makeEncoder } from '../../wire/schema.ts';
import { bytesOf, Columns } from './columns.ts';
import { type Layout, setInt64 } from './groups.ts';
import { CRC_BYTES, CRC_TAG, STORED_FLAGS, snapshotTypes, TIME_COLUMNS, VERSION } from './snapshot-format.ts';
import type { State } from './state.ts';
import { VALUE_WORDS } from './values.ts';

/** What one step writes takes about a millisecond: 4,096 groups of one value each, fewer of those that have more. */
const BLOCK_GROUPS = 4096;
/** What a candidate is worth in values: it is written as an object, not in columns. */
const CANDIDATE_VALUES = 16;

/** The columns of values per key. */
const STATE_COLUMNS = ['accepted', 'observed', 'emitted'] as const satisfies readonly (keyof Layout)[];

/** The state in pieces of up to 4,096 groups; nothing at all where there is nothing to keep. */
export function* snapshotState(state: State): Generator<Uint8Array> {
  const { settings, groups, silence } = state;
  if (groups.size === 0 && state.freedNs === undefined && silence?.time.value === undefined) return;
  let checksum = 0;
  const headType = snapshotTypes('Snapshot');
  const first = headType
    .encode(
      headType.fromObject({
        version: VERSION,
        keys: settings.keys.map((key) => ({ is_tag: key.type === 'tag', name: key.name })),
        group_count: groups.size,
        ...optionalTime('freed', state.freedNs),
        ...optionalTime('node_time', silence?.time.value),
        ...optionalTime('silent_from', silence?.notBeforeNs),
      }),
    )
    .finish();
  checksum = crc32(first, checksum);
  yield first;
  const writer = new BlockWriter(state);
  for (let id = 0; id < groups.idLimit; ) {
    for (; id < groups.idLimit && !writer.isFull; id++) if (groups.has(id)) writer.add(id);
    if (writer.isEmpty) break;
    const block = writer.take();
    checksum = crc32(block, checksum);
    yield block;
  }
  const last = Buffer.alloc(CRC_BYTES);
  last[0] = CRC_TAG;
  last.writeUInt32LE(checksum, 1);
  yield last;
}

/** Puts the groups of one block after the other into columns. */
class BlockWriter {
  readonly #state: State;
  /** Both are used for every block again: fresh memory for each would double what a snapshot takes. */
  readonly #columns = new Columns();
  readonly #encoder = makeEncoder();
  readonly #snapshotType = snapshotTypes('Snapshot');
  readonly #groupsType = snapshotTypes('Groups');
  readonly #ids = new Int32Array(BLOCK_GROUPS);
  #count = 0;
  readonly #valuesPerGroup: number;
  #valueCount = 0;
  /** The strings of the block, each once: its place there by its id. */
  readonly #texts = new Map<number, number>();

  constructor(state: State) {
    this.#state = state;
    const { layout, settings } = state;
    const columns = STATE_COLUMNS.filter((name) => layout[name] >= 0).length;
    this.#valuesPerGroup = columns * settings.keys.length;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isFull(): boolean {
    return this.#valueCount >= BLOCK_GROUPS;
  }

  add(id: number): void {
    this.#ids[this.#count++] = id;
    this.#valueCount += this.#valuesPerGroup;
    if (this.#state.candidates.has(id)) this.#valueCount += CANDIDATE_VALUES;
  }

  /** @returns the block, after which the next one begins */
  take(): Uint8Array {
    const groups = this.#encodeGroups();
    const message = this.#snapshotType.create({ groups: [this.#groupsType.create(groups)] });
    const block = this.#snapshotType.encode(message, this.#encoder).finish();
    this.#encoder.reset();
    this.#columns.clear();
    this.#count = 0;
    this.#valueCount = 0;
    this.#texts.clear();
    return block;
  }

  #encodeGroups(): Record<string, unknown> {
    const { groups, layout, settings, texts } = this.#state;
    const ids = this.#ids;
    const count = this.#count;
    const keys = settings.keys.length;
    const nameLengths = this.#columns.words(count);
    const ages = this.#columns.words(count);
    const flags = this.#columns.bytes(count);
    let nameBytes = 0;
    for (let i = 0; i < count; i++) {
      const page = groups.page(ids[i]);
      const at = groups.at(ids[i]);
      nameLengths[i] = groups.nameLength(ids[i]);
      nameBytes += nameLengths[i];
      ages[i] = groups.tick - page[at + layout.stamp];
      flags[i] = page[at + layout.flags] & STORED_FLAGS;
    }
    const names = this.#columns.bytes(nameBytes);
    let nameAt = 0;
    for (let i = 0; i < count; i++) nameAt = groups.copyName(ids[i], names, nameAt);
    const stateColumns = STATE_COLUMNS.map((name) => [name, this.#values(layout[name], keys)]);
    const [previous] = this.#values(layout.previous, 1);
    const timeColumns = TIME_COLUMNS.filter(([, place]) => layout[place] >= 0).map(([name, place]) => [
      name,
      this.#times(layout[place]),
    ]);
    return {
      count,
      name_lengths: bytesOf(nameLengths),
      names,
      ages: bytesOf(ages),
      flags,
      ...Object.fromEntries(stateColumns),
      ...(previous === undefined ? {} : { previous }),
      ...Object.fromEntries(timeColumns),
      candidates: this.#candidates(),
      limits: this.#limits(),
      ...this.#silence(),
      // Last: the columns have named what belongs here.
      texts: Array.from(this.#texts.keys(), (id) => texts.bytes(id)),
    };
  }

  /** The values of several keys that stand one behind the other in a record, a column per key. */
  #values(place: number, keys: number): Values[] {
    if (place < 0) return [];
    const { groups } = this.#state;
    const ids = this.#ids;
    const count = this.#count;
    return Array.from({ length: keys }, (_, key) => {
      const kinds = this.#columns.bytes(count);
      const words = this.#columns.words(2 * count);
      for (let i = 0; i < count; i++) {
        const at = groups.at(ids[i]) + place + key * VALUE_WORDS;
        this.#value(groups.page(ids[i]), at, kinds, words, i);
      }
      return { kinds, words: bytesOf(words) };
    });
  }

  #value(from: Int32Array, at: number, kinds: Uint8Array, words: Int32Array, row: number): void {
    kinds[row] = from[at];
    if (from[at] === KIND.string) words[2 * row] = this.#placeOf(from[at + 1]);
    else if (from[at] !== KIND.none) {
      words[2 * row] = from[at + 1];
      words[2 * row + 1] = from[at + 2];
    }
  }

  /** Where in the block's `texts` a string stands. */
  #placeOf(text: number): number {
    let place = this.#texts.get(text);
    if (place === undefined) {
      place = this.#texts.size;
      this.#texts.set(text, place);
    }
    return place;
  }

  #times(place: number): Uint8Array {
    const { groups } = this.#state;
    const ids = this.#ids;
    const words = this.#columns.words(2 * this.#count);
    for (let i = 0; i < this.#count; i++) {
      const page = groups.page(ids[i]);
      const at = groups.at(ids[i]) + place;
      words[2 * i] = page[at];
      words[2 * i + 1] = page[at + 1];
    }
    return bytesOf(words);
  }

  #blockIds(): number[] {
    return Array.from(this.#ids.subarray(0, this.#count));
  }

  #candidates(): Record<string, unknown>[] {
    const { candidates } = this.#state;
    if (candidates.size === 0) return [];
    return this.#blockIds().flatMap((id, index) => {
      const candidate = candidates.get(id);
      if (candidate === undefined) return [];
      const { bytes: point, sinceNs, points } = candidate;
      const values = Array.from({ length: candidate.values.length / VALUE_WORDS }, (_, key) => {
        const kinds = this.#columns.bytes(1);
        const words = this.#columns.words(2);
        this.#value(candidate.values, key * VALUE_WORDS, kinds, words, 0);
        return { kinds, words: bytesOf(words) };
      });
      return { index, point, values, since: long(sinceNs), points };
    });
  }

  /** What only a node with `silent` has: the order of its groups, and their last points. */
  #silence(): Record<string, unknown> {
    const { groups, layout, silence } = this.#state;
    if (silence === undefined) return {};
    const count = this.#count;
    const orders = this.#columns.words(count);
    const lastForms = this.#columns.words(count);
    const lengths = this.#columns.words(count);
    const forms = new Map<number, Buffer>();
    const places = new Map<number, number>();
    let tagsBytes = 0;
    for (let i = 0; i < count; i++) {
      const page = groups.page(this.#ids[i]);
      const at = groups.at(this.#ids[i]);
      orders[i] = page[at + layout.order];
      const form = page[at + layout.form];
      if (form === 0) continue;
      let place = places.get(form);
      if (place === undefined) {
        place = places.size + 1;
        places.set(form, place);
        forms.set(form, silence.lastPoints.formOf({ page, at }));
      }
      lastForms[i] = place;
      lengths[i] = page[at + layout.tags + 1];
      tagsBytes += lengths[i];
    }
    const tags = this.#columns.bytes(tagsBytes);
    let tagsAt = 0;
    for (let i = 0; i < count; i++) {
      if (lastForms[i] === 0) continue;
      const place = { page: groups.page(this.#ids[i]), at: groups.at(this.#ids[i]) };
      tags.set(silence.lastPoints.tagsOf(place), tagsAt);
      tagsAt += lengths[i];
    }
    return {
      orders: bytesOf(orders),
      forms: [...forms.values()],
      last_forms: bytesOf(lastForms),
      last_tags_lengths: bytesOf(lengths),
      last_tags: tags,
    };
  }

  #limits(): Record<string, unknown>[] {
    const { made } = this.#state;
    if (made.size === 0) return [];
    return this.#blockIds().flatMap((id, index) => {
      const times = made.get(id);
      return times === undefined ? [] : { index, times: bytesOf(BigInt64Array.from(times)) };
    });
  }
}

interface Values {
  readonly kinds: Uint8Array;
  readonly words: Uint8Array;
}

/** A 64-bit integer as protobufjs takes it. */
function long(value: bigint): { low: number; high: number; unsigned: boolean } {
  const words = new Int32Array(2);
  setInt64(words, 0, value);
  return { low: words[0], high: words[1], unsigned: false };
}

function optionalTime(name: string, ns: bigint | undefined): Record<string, string> {
  return ns === undefined ? {} : { [name]: String(ns) };
}
