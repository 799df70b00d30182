import { LineFilter, type LineFilterOptions } from '../lines/line-filter.ts';
import type { KafkaMessage } from './kafka-client.ts';
import { StateWriter } from './state-topic.ts';

const NS_PER_MS = 1_000_000n;

/** So far ahead that nothing is fresh for a node: its time is moved by points alone, which a failover repeats. */
const FAR_WALL_MS = 2 ** 43;

export interface PartitionOptions
  extends Omit<LineFilterOptions, 'passesOthers' | 'wallMs' | 'lineTimeNs' | 'name' | 'complain'> {
  readonly topic: string;
  readonly partition: number;
  /** The group's generation in which it was given to this member. */
  readonly generation: number;
  /** The message to begin with. */
  readonly offset: bigint;
  readonly complain: (problem: string, line: string) => void;
}

/** One partition's node: the same messages in the same order always lead to the same edges. */
export class Partition {
  readonly number: number;
  /** The message that it goes on with. */
  offset: bigint;
  generation: number;
  writer: StateWriter;
  highWatermark = 0n;
  readonly #filter: LineFilter;
  #timestampMs = 0n;
  #hasNew = false;

  /** @throws OptionsError naming everything that is wrong with the options */
  constructor(options: PartitionOptions) {
    this.number = options.partition;
    this.offset = options.offset;
    this.generation = options.generation;
    this.writer = new StateWriter(options.generation);
    const place = (): string => `${options.topic}/${options.partition}@${this.offset}`;
    this.#filter = new LineFilter({
      ...options,
      passesOthers: false,
      wallMs: () => FAR_WALL_MS,
      lineTimeNs: () => this.#timestampMs * NS_PER_MS,
      get name() {
        return place();
      },
    });
  }

  /** Messages that wait for it. */
  get lag(): bigint {
    const lag = this.highWatermark - this.offset;
    return lag > 0n ? lag : 0n;
  }

  /** Whether messages came since the last {@link snapshot}. */
  get hasNew(): boolean {
    return this.#hasNew;
  }

  restore(snapshot: Uint8Array): void {
    if (snapshot.length === 0) return;
    for (const _ of this.#filter.node.restore(snapshot));
  }

  /** The same partition in the next generation, without another one having had it in between. */
  goOn(generation: number): void {
    this.generation = generation;
    this.writer = new StateWriter(generation);
    this.noteUnsaved();
  }

  /** The state of the last {@link snapshot} was not kept: there is still something to save. */
  noteUnsaved(): void {
    this.#hasNew = true;
  }

  /** Takes messages in order. @returns the lines that they lead to */
  take(messages: readonly KafkaMessage[], next: bigint): Buffer {
    for (const { offset, timestampMs, value } of messages) {
      this.offset = offset;
      this.#timestampMs = timestampMs;
      if (value === null) continue;
      this.#filter.push(value);
      this.#filter.end();
    }
    if (next > this.offset) this.#hasNew = true;
    this.offset = next;
    return this.#filter.takeOutput();
  }

  /** The state behind the last message that was taken. */
  snapshot(): Buffer {
    this.#hasNew = false;
    return Buffer.concat([...this.#filter.node.snapshot()]);
  }
}
