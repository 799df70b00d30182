import type { GroupCursor } from './group-cursor.ts';
import type { Layout } from './groups.ts';
import type { Settings } from './options.ts';
import type { Texts } from './texts.ts';
import { direction, textOf } from './values.ts';

/** Which edges a node emits: `from`, `notFrom`, `to`, `notTo`, `rising`, `falling`, and `initial`. */
export class Filters {
  readonly #settings: Settings;
  readonly #accepted: number;
  readonly #texts: Texts;

  constructor(settings: Settings, layout: Layout, texts: Texts) {
    this.#settings = settings;
    this.#accepted = layout.accepted;
    this.#texts = texts;
  }

  /** Whether the edge to the group's state goes out. @param before the state that it leaves */
  passes(before: Int32Array, group: GroupCursor): boolean {
    const { from, notFrom, rising, falling } = this.#settings;
    if (from.size > 0 || notFrom.size > 0) {
      const left = textOf(before, 0, this.#texts);
      if ((from.size > 0 && !from.has(left)) || notFrom.has(left)) return false;
    }
    if (rising || falling) {
      const way = direction(group.page, group.at + this.#accepted, before, 0);
      if (!((rising && way > 0) || (falling && way < 0))) return false;
    }
    return this.#mayEnter(group);
  }

  /** Whether the first point of a group goes out. */
  passesFirst(group: GroupCursor): boolean {
    const { initial, from, rising, falling } = this.#settings;
    return initial && from.size === 0 && !rising && !falling && this.#mayEnter(group);
  }

  #mayEnter({ page, at }: GroupCursor): boolean {
    const { to, notTo } = this.#settings;
    if (to.size === 0 && notTo.size === 0) return true;
    const entered = textOf(page, at + this.#accepted, this.#texts);
    return (to.size === 0 || to.has(entered)) && !notTo.has(entered);
  }
}
