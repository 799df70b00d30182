import type { ReaderReading, RefusedReading } from '../reading.ts';
import type { RecordMapper, SourceRecord } from './record-mapper.ts';

/** So many records at the beginning tell the types of all. */
const MAX_RECORDS = 1_000;
const MAX_LENGTH = 1_048_576;

/** Holds the first records of a text back until they have told what types its columns have. */
export class RecordWindow {
  readonly #mapper: RecordMapper;
  /** In their order, with those refused between. */
  #items: (SourceRecord | RefusedReading)[] | undefined = [];
  #length = 0;

  constructor(mapper: RecordMapper) {
    this.#mapper = mapper;
  }

  add(record: SourceRecord): readonly ReaderReading[] {
    if (this.#items === undefined) return [this.#mapper.read(record)];
    return this.#hold(record, record.raw.length);
  }

  /** Takes what is no record, to be given in its turn. */
  refuse(reading: RefusedReading): readonly ReaderReading[] {
    return this.#items === undefined ? [reading] : this.#hold(reading, reading.record.length);
  }

  /** No more is waited for. */
  settle(): readonly ReaderReading[] {
    const items = this.#items;
    if (items === undefined || items.length === 0) return [];
    this.#items = undefined;
    this.#mapper.learn(items.filter((item) => 'cells' in item));
    return items.map((item) => ('cells' in item ? this.#mapper.read(item) : item));
  }

  #hold(item: SourceRecord | RefusedReading, length: number): readonly ReaderReading[] {
    this.#items?.push(item);
    this.#length += length;
    return (this.#items?.length ?? 0) < MAX_RECORDS && this.#length < MAX_LENGTH ? [] : this.settle();
  }
}
