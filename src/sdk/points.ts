import { Keys } from '../wire/keys.ts';
import { type FieldValue, KIND, type Point } from '../wire/point.ts';
import { PointReader, type PointView } from '../wire/point-view.ts';
import { text, toBigInt, toFloat } from '../wire/scalars.ts';

/** Names that are found in the one pass over a point; what is asked for beyond that is looked for each time. */
const MAX_KEYS = 32;

/** A point as a function of one's own sees it. Its fields and tags are found by their names. */
export interface UdfPoint {
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  /** The measurement. */
  readonly name: string;
  /** The group's id as Kapacitor made it: `host=a,port=1`, or nothing without a `groupBy`. */
  readonly group: string;
  /** A field's value: an integer is a bigint, a float a number; undefined if the point has none of that name. */
  field(name: string): FieldValue | undefined;
  /** A tag's value; undefined if the point has none of that name. */
  tag(name: string): string | undefined;
  /** All of it, a copy that lasts. */
  toPoint(): Point;
}

/** The names that a function asks for: after the first time each is found in the pass over the point. */
export class WantedKeys {
  keys = new Keys([]);
  readonly #indexes = new Map<string, number>();
  readonly #tagIndexes = new Map<string, number>();
  readonly #wanted: { readonly type: 'field' | 'tag'; readonly name: string }[] = [];
  #isStale = false;

  /** The name's place in the keys, or -1: then it is there from the next {@link renew} on. */
  indexOf(type: 'field' | 'tag', name: string): number {
    const indexes = type === 'field' ? this.#indexes : this.#tagIndexes;
    const index = indexes.get(name);
    if (index !== undefined) return index;
    if (this.#wanted.length < MAX_KEYS && name !== '') {
      indexes.set(name, -1);
      this.#wanted.push({ type, name });
      this.#isStale = true;
    }
    return -1;
  }

  /** Where other names were asked for since: makes keys for all of them. */
  renew(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    this.keys = new Keys(this.#wanted);
    this.#wanted.forEach(({ type, name }, index) => {
      (type === 'field' ? this.#indexes : this.#tagIndexes).set(name, index);
    });
  }

  /** What the point at hand has at this place. */
  value(index: number, bytes: Uint8Array): FieldValue | undefined {
    const { kind, lo, hi } = this.keys;
    switch (kind[index]) {
      case KIND.float:
        return toFloat(lo[index], hi[index]);
      case KIND.int:
        return toBigInt(lo[index], hi[index]);
      case KIND.string:
        return text(bytes, lo[index], hi[index]);
      case KIND.bool:
        return lo[index] !== 0;
      default:
        return undefined;
    }
  }
}

/** The point at hand, the same object for all of them. */
export class PointAtHand implements UdfPoint {
  #view: PointView = new PointReader();
  readonly #wanted: WantedKeys;

  constructor(wanted: WantedKeys) {
    this.#wanted = wanted;
  }

  /** @internal */
  set(view: PointView): void {
    this.#view = view;
  }

  /** @internal */
  get view(): PointView {
    return this.#view;
  }

  get time(): bigint {
    return this.#view.time;
  }

  get name(): string {
    return this.#view.toPoint().name;
  }

  get group(): string {
    return this.#view.group;
  }

  field(name: string): FieldValue | undefined {
    const index = this.#wanted.indexOf('field', name);
    return index < 0 ? this.#view.field(name) : this.#wanted.value(index, this.#view.bytes);
  }

  tag(name: string): string | undefined {
    const index = this.#wanted.indexOf('tag', name);
    if (index < 0) return this.#view.tag(name);
    const value = this.#wanted.value(index, this.#view.bytes);
    return typeof value === 'string' ? value : undefined;
  }

  toPoint(): Point {
    return this.#view.toPoint();
  }
}

/** A point of a batch, which lasts as long as the batch: a copy of its bytes. */
export class BatchPoint implements UdfPoint {
  readonly #bytes: Buffer;
  readonly #group: string;
  readonly #name: string;
  readonly time: bigint;
  #view: PointReader | undefined;

  constructor(view: PointView, group: string, name: string) {
    this.#bytes = Buffer.from(view.bytes.subarray(view.start, view.end));
    this.#group = group;
    this.#name = name;
    this.time = view.time;
  }

  /** @internal */
  get view(): PointView {
    if (this.#view === undefined) {
      this.#view = new PointReader();
      this.#view.read(this.#bytes, 0, this.#bytes.length);
    }
    return this.#view;
  }

  get name(): string {
    return this.#name;
  }

  get group(): string {
    return this.#group;
  }

  field(name: string): FieldValue | undefined {
    return this.view.field(name);
  }

  tag(name: string): string | undefined {
    return this.view.tag(name);
  }

  toPoint(): Point {
    return this.view.toPoint();
  }
}
