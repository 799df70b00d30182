import { type Groups, int64At, setInt64 } from './groups.ts';

/**
 * The group at hand: where its record lies. There is one for all points of a node, so that what is done with a group
 * needs no list of places. It stays right until a group is added or removed.
 */
export class GroupCursor {
  id = -1;
  /** The array that holds the record, */
  page: Int32Array = new Int32Array(0);
  /** and where in it the record's own words start. */
  at = 0;
  readonly #groups: Groups;
  readonly #flags: number;

  /** @param flags where in a record the flags lie */
  constructor(groups: Groups, flags: number) {
    this.#groups = groups;
    this.#flags = flags;
  }

  moveTo(id: number): void {
    this.id = id;
    this.page = this.#groups.page(id);
    this.at = this.#groups.at(id);
  }

  /** Whether one of these flags is set. */
  has(flags: number): boolean {
    return (this.page[this.at + this.#flags] & flags) !== 0;
  }

  set(flags: number): void {
    this.page[this.at + this.#flags] |= flags;
  }

  unset(flags: number): void {
    this.page[this.at + this.#flags] &= ~flags;
  }

  /** An int64 of the record. */
  int64(place: number): bigint {
    return int64At(this.page, this.at + place);
  }

  setInt64(place: number, value: bigint): void {
    setInt64(this.page, this.at + place, value);
  }
}
