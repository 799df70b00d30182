import type { Emit } from '../function/contract.ts';
import { AddedFields } from '../wire/added-fields.ts';
import type { FieldValue, Point } from '../wire/point.ts';
import { BatchPoint, PointAtHand, type UdfPoint } from './points.ts';

/** Fields by their names: a number goes out as a float, also 3; a bigint as an integer. What is undefined is left out. */
export type Fields = Readonly<Record<string, FieldValue | undefined>>;

/** A point made anew. What is not given is as in the point or the batch at hand. */
export interface MadePoint {
  readonly fields: Fields;
  /** Nanoseconds since the epoch. */
  readonly time?: bigint;
  /** The measurement. */
  readonly name?: string;
  /** All tags; Kapacitor finds the group by those that are dimensions. */
  readonly tags?: Readonly<Record<string, string>>;
  /** The names of the tags that the group is made of. */
  readonly dimensions?: readonly string[];
  readonly database?: string;
  readonly retentionPolicy?: string;
  /** Whether the measurement is a part of the group. */
  readonly byName?: boolean;
}

/** Sends points on; to be used during the call that it is given to, never later. */
export interface UdfEmit {
  /**
   * Sends a point on as it came, with fields added or replaced.
   * @throws RangeError if an integer does not fit into 64 bits
   */
  forward(point: UdfPoint, added?: Fields): void;
  /**
   * Sends a point made anew.
   * @throws RangeError if the time or an integer does not fit into 64 bits
   */
  send(point: MadePoint): void;
}

/** So many sets of names of added fields are remembered; a function has one or two. */
const MAX_SHAPES = 16;

interface Shape {
  readonly names: readonly string[];
  readonly added: AddedFields;
}

const NO_SHAPE: Shape = { names: [], added: new AddedFields([]) };

const int64 = new BigInt64Array(1);
const words = new Int32Array(int64.buffer);

/** The {@link UdfEmit} of a node, over the contract's own. */
export class Emitter implements UdfEmit {
  readonly #shapes = new Map<string, Shape>();
  #shape = NO_SHAPE;
  #emit: Emit | undefined;
  #base: (() => Point) | undefined;

  /** From now on points go here. @param base the point that one made anew is like, if there is any */
  begin(emit: Emit, base: (() => Point) | undefined): void {
    this.#emit = emit;
    this.#base = base;
  }

  /** The call is over. */
  end(): void {
    this.#emit = undefined;
  }

  forward(point: UdfPoint, added?: Fields): void {
    const emit = this.#emit ?? tooLate();
    if (!(point instanceof PointAtHand) && !(point instanceof BatchPoint))
      throw new TypeError('forward() takes a point as it was given; send() takes one made anew');
    emit.forward(point.view, added === undefined ? undefined : this.#addedOf(added));
  }

  send(made: MadePoint): void {
    const emit = this.#emit ?? tooLate();
    const { time, name, tags, dimensions, database, retentionPolicy, byName } = made;
    const base = this.#base?.();
    if (base === undefined && (time === undefined || name === undefined))
      throw new TypeError('send() needs a time and a name where there is no point at hand');
    emit.send({
      time: time ?? base?.time ?? 0n,
      name: name ?? base?.name ?? '',
      database: database ?? base?.database ?? '',
      retentionPolicy: retentionPolicy ?? base?.retentionPolicy ?? '',
      group: base?.group ?? '',
      dimensions: dimensions ?? base?.dimensions ?? [],
      byName: byName ?? base?.byName ?? false,
      tags: tags === undefined ? (base?.tags ?? new Map()) : new Map(Object.entries(tags)),
      fields: fieldsOf(made.fields),
    });
  }

  #addedOf(fields: Fields): AddedFields {
    let shape = this.#shape;
    let index = 0;
    for (const name in fields) {
      if (shape.names[index] !== name) {
        shape = this.#shapeOf(fields);
        break;
      }
      index++;
    }
    if (index < shape.names.length && shape === this.#shape) shape = this.#shapeOf(fields);
    this.#shape = shape;
    const { added, names } = shape;
    added.clear();
    for (let i = 0; i < names.length; i++) set(added, i, fields[names[i]], names[i]);
    return added;
  }

  #shapeOf(fields: Fields): Shape {
    const names = Object.keys(fields);
    const key = names.join('\0');
    const known = this.#shapes.get(key);
    if (known !== undefined) return known;
    if (this.#shapes.size >= MAX_SHAPES) this.#shapes.clear();
    const shape = { names, added: new AddedFields(names) };
    this.#shapes.set(key, shape);
    return shape;
  }
}

function set(added: AddedFields, index: number, value: unknown, name: string): void {
  if (typeof value === 'number') added.setFloat(index, value);
  else if (typeof value === 'bigint') {
    int64[0] = value;
    if (int64[0] !== value) throw new RangeError(`the field '${name}' does not fit into 64 bits: ${value}`);
    added.setInt(index, words[0], words[1]);
  } else if (typeof value === 'string') added.setString(index, Buffer.from(value));
  else if (typeof value === 'boolean') added.setBool(index, value);
  else if (value !== undefined) throw noField(name, value);
}

function fieldsOf(fields: Fields): Map<string, FieldValue> {
  const all = new Map<string, FieldValue>();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (!['number', 'bigint', 'string', 'boolean'].includes(typeof value)) throw noField(name, value);
    all.set(name, value);
  }
  return all;
}

function noField(name: string, value: unknown): TypeError {
  const what = value === null ? 'null' : typeof value;
  return new TypeError(
    `the field '${name}' is ${what}: it must be a number, a bigint, a string or a boolean`,
  );
}

function tooLate(): never {
  throw new Error('emit was used after the call that it was given to: a function cannot be async');
}
