import { crc32 } from 'node:zlib';

// The state of a partition's node, as records of the compacted topic's partition of the same number:
//
//   piece   key  "GENERATION/SLOT/INDEX"   value  a part of the snapshot
//   head    key  "GENERATION/head"         value  JSON: slot, pieces, bytes, crc, offset
//
// A head is written once its pieces are there, to the slot that the head before it does not use, so that there is a
// whole state at any moment. Each generation of the group has keys of its own: a member that comes back late, and does
// not know yet that it has lost the partition, writes to keys of the past, which nobody takes up.

/** A record of Kafka; a value of null makes compaction drop the key. */
export interface StateRecord {
  readonly key: string;
  readonly value: Buffer | null;
}

/** A node's state and the message that it goes on with. */
export interface PartitionState {
  readonly generation: number;
  readonly offset: bigint;
  readonly snapshot: Buffer;
}

interface Head {
  readonly slot: number;
  readonly pieces: number;
  readonly bytes: number;
  readonly crc: number;
  readonly offset: string;
}

/** Longer messages need other settings of the broker. */
const PIECE_BYTES = 512 * 1024;

/** What is in a state topic's partition: the last value of each key. */
export class StateRecords {
  readonly #values = new Map<string, Buffer>();

  add(key: string, value: Buffer | null): void {
    if (value === null) this.#values.delete(key);
    else this.#values.set(key, value);
  }

  /** The newest state that is whole; undefined if there is none. */
  latest(): PartitionState | undefined {
    const generations = [...this.#values.keys()]
      .filter((key) => key.endsWith('/head'))
      .map((key) => Number(key.split('/')[0]))
      .sort((a, b) => b - a);
    for (const generation of generations) {
      const state = this.#stateOf(generation);
      if (state !== undefined) return state;
    }
    return undefined;
  }

  /** Keys of generations before this one, which nobody needs once it has saved. */
  keysBefore(generation: number): string[] {
    return [...this.#values.keys()].filter((key) => Number(key.split('/')[0]) < generation);
  }

  #stateOf(generation: number): PartitionState | undefined {
    const head = headOf(this.#values.get(`${generation}/head`));
    if (head === undefined) return undefined;
    const parts: Buffer[] = [];
    for (let index = 0; index < head.pieces; index++) {
      const part = this.#values.get(`${generation}/${head.slot}/${index}`);
      if (part === undefined) return undefined;
      parts.push(part);
    }
    const snapshot = Buffer.concat(parts);
    if (snapshot.length !== head.bytes || crc32(snapshot) !== head.crc) return undefined;
    return { generation, offset: BigInt(head.offset), snapshot };
  }
}

/** Makes the records of one state after another, within a generation. */
export class StateWriter {
  readonly #generation: number;
  #slot = 0;

  constructor(generation: number) {
    this.#generation = generation;
  }

  /** The records of a state: its pieces, and its head, which must be written after them. */
  records(snapshot: Buffer, offset: bigint): { pieces: StateRecord[]; head: StateRecord } {
    const slot = this.#slot;
    this.#slot = 1 - slot;
    const pieces: StateRecord[] = [];
    for (let at = 0; at < snapshot.length; at += PIECE_BYTES) {
      const value = snapshot.subarray(at, at + PIECE_BYTES);
      pieces.push({ key: `${this.#generation}/${slot}/${pieces.length}`, value });
    }
    const head: Head = {
      slot,
      pieces: pieces.length,
      bytes: snapshot.length,
      crc: crc32(snapshot),
      offset: String(offset),
    };
    return {
      pieces,
      head: { key: `${this.#generation}/head`, value: Buffer.from(JSON.stringify(head)) },
    };
  }
}

function headOf(value: Buffer | undefined): Head | undefined {
  if (value === undefined) return undefined;
  try {
    const head: unknown = JSON.parse(value.toString('utf8'));
    return isHead(head) ? head : undefined;
  } catch {
    return undefined;
  }
}

function isHead(value: unknown): value is Head {
  if (typeof value !== 'object' || value === null) return false;
  if (!('slot' in value && 'pieces' in value && 'bytes' in value && 'crc' in value && 'offset' in value))
    return false;
  const { slot, pieces, bytes, crc, offset } = value;
  const areNumbers = [slot, pieces, bytes, crc].every((each) => Number.isSafeInteger(each));
  return areNumbers && typeof offset === 'string' && /^\d+$/.test(offset);
}
