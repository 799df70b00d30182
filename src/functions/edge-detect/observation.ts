import type { Keys } from '../../wire/keys.ts';
import { KIND } from '../../wire/point.ts';
import type { GroupCursor } from './group-cursor.ts';
import { FLAG } from './groups.ts';
import type { Candidate, State } from './state.ts';
import { copy, type Deadband, differs, isIdentical, release, take, VALUE_WORDS } from './values.ts';

/** What points say of their groups' states. A state is a value for each tracked key, one after the other in an array. */
export class Observation {
  /** The values after the point at hand; whoever brings them up to date releases them. */
  readonly current: Int32Array;
  readonly #keys: Keys;
  readonly #state: State;
  readonly #deadband: Deadband;

  constructor(keys: Keys, state: State) {
    this.#keys = keys;
    this.#state = state;
    const { deadband, deadbandPercent } = state.settings;
    this.#deadband = { absolute: deadband, percent: deadbandPercent };
    this.current = new Int32Array(keys.kind.length * VALUE_WORDS);
  }

  /** Whether the point brings, bit by bit, nothing but the values that lie here. */
  isIdentical(page: Int32Array, at: number, bytes: Uint8Array): boolean {
    const keys = this.#keys;
    const { texts } = this.#state;
    const kinds = keys.kind;
    for (let i = 0, valueAt = at; i < kinds.length; i++, valueAt += VALUE_WORDS) {
      if (kinds[i] !== KIND.none && !isIdentical(keys, i, page, valueAt, texts, bytes)) return false;
    }
    return true;
  }

  /** The first point of a group: its values are the state. */
  begin({ page, at }: GroupCursor, bytes: Uint8Array): void {
    const { layout, texts } = this.#state;
    const { kind } = this.#keys;
    for (let i = 0; i < kind.length; i++) {
      const valueAt = at + layout.accepted + i * VALUE_WORDS;
      if (kind[i] !== KIND.none) take(this.#keys, i, page, valueAt, texts, bytes);
      if (layout.observed >= 0) copy(page, valueAt, page, at + layout.observed + i * VALUE_WORDS, texts);
    }
  }

  /** Makes {@link current} what is known after this point of the group; a key first seen now is learned silently. */
  bringUpToDate(group: GroupCursor, bytes: Uint8Array, candidate: Candidate | undefined): void {
    const { page, at } = group;
    const { current } = this;
    const { texts } = this.#state;
    const { accepted, observed, emitted } = this.#state.layout;
    const { kind } = this.#keys;
    for (let i = 0; i < kind.length; i++) {
      const valueAt = i * VALUE_WORDS;
      if (kind[i] === KIND.none) {
        copy(page, at + (observed >= 0 ? observed : accepted) + valueAt, current, valueAt, texts);
        continue;
      }
      take(this.#keys, i, current, valueAt, texts, bytes);
      if (observed >= 0) copy(current, valueAt, page, at + observed + valueAt, texts);
      if (page[at + accepted + valueAt] !== KIND.none) continue;
      copy(current, valueAt, page, at + accepted + valueAt, texts);
      if (emitted >= 0 && group.has(FLAG.hasEmitted))
        copy(current, valueAt, page, at + emitted + valueAt, texts);
      if (candidate !== undefined) copy(current, valueAt, candidate.values, valueAt, texts);
    }
    if (observed >= 0) this.noteDivergence(group);
  }

  /** Notes whether the group was seen in another state than the accepted one. */
  noteDivergence(group: GroupCursor): void {
    const { page, at } = group;
    const { accepted, observed } = this.#state.layout;
    let isDiverged = false;
    for (let i = 0; i < this.current.length && !isDiverged; i++) {
      isDiverged = page[at + observed + i] !== page[at + accepted + i];
    }
    if (isDiverged) group.set(FLAG.diverged);
    else group.unset(FLAG.diverged);
  }

  /** Whether a state is another one than the reference, in any key. */
  differs(words: Int32Array, at: number, reference: Int32Array, referenceAt: number): boolean {
    for (let i = 0; i < this.current.length; i += VALUE_WORDS) {
      if (differs(words, at + i, reference, referenceAt + i, this.#deadband)) return true;
    }
    return false;
  }

  /** Copies a state to the place of another one. */
  copy(from: Int32Array, fromAt: number, to: Int32Array, toAt: number): void {
    for (let i = 0; i < this.current.length; i += VALUE_WORDS)
      copy(from, fromAt + i, to, toAt + i, this.#state.texts);
  }

  /** Leaves no state in this place. */
  release(words: Int32Array, at = 0): void {
    for (let i = 0; i < this.current.length; i += VALUE_WORDS) release(words, at + i, this.#state.texts);
  }
}
