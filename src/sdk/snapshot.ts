import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';
import { messageOf } from '../errors.ts';
import { isRecord } from '../is-record.ts';
import type { Block, GroupStore } from './group-store.ts';

// snapshot := part(head) part(block)* crc        each part a length of four bytes and a value as structured clone has it;
//                                                 the CRC-32 of all before it stands at the end, four bytes

const FORMAT = 1;
const LENGTH_BYTES = 4;

/** How long the work on one block should take. */
const BLOCK_MS = 1;
const FIRST_BLOCK = 64;
const MAX_BLOCK = 4096;

/** What a snapshot says of itself. */
export interface SnapshotHead {
  readonly functionName: string;
  /** The version of the states, which the function's author counts. */
  readonly version: number;
}

/** The states of all groups, in pieces that take about a millisecond each. Nothing at all where there is no group. */
export function* snapshotOf<S extends object>(
  store: GroupStore<S>,
  head: SnapshotHead,
  clockMs: () => number,
): Generator<Uint8Array> {
  if (store.size === 0) return;
  let crc = 0;
  const sign = (part: Uint8Array): Uint8Array => {
    crc = crc32(part, crc);
    return part;
  };
  yield sign(partOf({ format: FORMAT, ...head }));
  let size = FIRST_BLOCK;
  let from: number | undefined = 0;
  while (from !== undefined) {
    const startMs = clockMs();
    const { block, next }: { block: Block<S>; next: number | undefined } = store.block(from, size);
    const part = sign(partOf(block));
    const tookMs = clockMs() - startMs;
    if (tookMs < BLOCK_MS / 2) size = Math.min(MAX_BLOCK, 2 * size);
    else if (tookMs > BLOCK_MS) size = Math.max(1, size >> 1);
    from = next;
    yield part;
  }
  const end = Buffer.alloc(LENGTH_BYTES);
  end.writeUInt32LE(crc);
  yield end;
}

function partOf(value: unknown): Buffer {
  const bytes = serialize(value);
  const part = Buffer.allocUnsafe(LENGTH_BYTES + bytes.length);
  part.writeUInt32LE(bytes.length);
  part.set(bytes, LENGTH_BYTES);
  return part;
}

/**
 * Takes a snapshot up, a block a step.
 * @param migrate makes a state of this version of one of another; undefined for one that it can't use
 * @returns what is wrong with it, or undefined; where something is, the store is empty
 */
export function* restoreInto<S extends object>(
  store: GroupStore<S>,
  head: SnapshotHead,
  snapshot: Uint8Array,
  migrate: ((state: unknown, version: number) => S | undefined) | undefined,
): Generator<void, string | undefined> {
  try {
    const reader = new PartReader(snapshot);
    const version = checkedVersion(reader.next(), head);
    if (version !== head.version && migrate === undefined)
      return `it holds states of version ${version}, the function has version ${head.version} and no migrate()`;
    const take = (state: unknown): S | undefined => {
      if (version !== head.version) return migrate?.(state, version);
      return isState<S>(state) ? state : undefined;
    };
    for (let part = reader.next(); part !== undefined; part = reader.next()) {
      store.take(blockOf(part, take));
      yield;
    }
    return undefined;
  } catch (error) {
    store.clear();
    return messageOf(error);
  }
}

/** Whatever the same version of the function has put into its snapshot. */
function isState<S extends object>(state: unknown): state is S {
  return typeof state === 'object' && state !== null;
}

class PartReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at = 0;

  /** @throws Error if the snapshot is damaged */
  constructor(snapshot: Uint8Array) {
    this.#bytes = Buffer.from(snapshot.buffer, snapshot.byteOffset, snapshot.length);
    this.#end = snapshot.length - LENGTH_BYTES;
    if (this.#end < 0 || crc32(this.#bytes.subarray(0, this.#end)) !== this.#bytes.readUInt32LE(this.#end))
      throw new Error('it is damaged');
  }

  next(): unknown {
    if (this.#at === this.#end) return undefined;
    if (this.#at + LENGTH_BYTES > this.#end) throw new Error('a part ends too early');
    const start = this.#at + LENGTH_BYTES;
    this.#at = start + this.#bytes.readUInt32LE(this.#at);
    if (this.#at > this.#end) throw new Error('a part ends too early');
    // A copy, since typed arrays in it refer to the memory that they are read from.
    return deserialize(Buffer.from(this.#bytes.subarray(start, this.#at)));
  }
}

function checkedVersion(head: unknown, { functionName }: SnapshotHead): number {
  if (!isRecord(head) || typeof head.version !== 'number' || head.format !== FORMAT)
    throw new Error('it is no snapshot of such a function');
  if (head.functionName !== functionName)
    throw new Error(`it is one of @${String(head.functionName)}, not of @${functionName}`);
  return head.version;
}

function blockOf<S>(part: unknown, take: (state: unknown) => S | undefined): Block<S | undefined> {
  if (!isRecord(part)) throw new Error('a block of groups is none');
  const { names, lengths, times, states } = part;
  if (!(names instanceof Uint8Array) || !Array.isArray(lengths) || !Array.isArray(times))
    throw new Error('a block of groups lacks its names');
  if (!Array.isArray(states) || states.length !== lengths.length)
    throw new Error('a block of groups lacks its states');
  return { names, lengths: lengths.map(Number), times: times.map(BigInt), states: states.map(take) };
}
