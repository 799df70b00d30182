import { ByteStore } from '../../function/byte-store.ts';
import { PointHead } from '../../wire/point-head.ts';
import { PointReader, type PointView } from '../../wire/point-view.ts';
import type { Groups, Layout, Place } from './groups.ts';
import { Texts } from './texts.ts';

/**
 * Each group's last point from its name to its tags, for a point that is made anew. What all points of a measurement
 * share is kept once; the rest takes as many bytes as the tags have.
 */
export class LastPoints {
  readonly #groups: Groups;
  readonly #form: number;
  readonly #tagsAt: number;
  readonly #forms = new Texts();
  readonly #tags = new ByteStore();
  readonly #head: PointHead;
  readonly #tag: Buffer | undefined;
  readonly #made = new PointReader();

  /** @param tag the tracked tag, if it is one: its value comes anew */
  constructor(groups: Groups, layout: Layout, tag: string | undefined) {
    this.#groups = groups;
    this.#form = layout.form;
    this.#tagsAt = layout.tags;
    this.#head = new PointHead(tag);
    this.#tag = tag === undefined ? undefined : Buffer.from(tag);
  }

  has({ page, at }: Place): boolean {
    return page[at + this.#form] !== 0;
  }

  /** @throws ProtocolError MALFORMED_MESSAGE where a tag of the point is */
  keep(group: Place, point: PointView): void {
    const head = this.#head;
    head.read(point);
    this.#keep(group, head.form, head.formLength, head.tags, head.tagsLength);
  }

  /** As {@link keep}, of a snapshot. */
  keepParts(group: Place, form: Uint8Array, tags: Uint8Array): void {
    this.#keep(group, form, form.length, tags, tags.length);
  }

  #keep(
    { page, at }: Place,
    form: Uint8Array,
    formLength: number,
    tags: Uint8Array,
    tagsLength: number,
  ): void {
    const formAt = at + this.#form;
    const tagsAt = at + this.#tagsAt;
    const known = page[formAt] - 1;
    if (known < 0) page[tagsAt] = this.#tags.keep(tags, 0, tagsLength);
    else page[tagsAt] = this.#tags.replace(page[tagsAt], page[tagsAt + 1], tags, 0, tagsLength);
    page[tagsAt + 1] = tagsLength;
    if (known >= 0 && this.#forms.equals(known, form, 0, formLength)) return;
    page[formAt] = 1 + this.#forms.hold(form, 0, formLength);
    if (known >= 0) this.#forms.release(known);
  }

  drop(group: Place): void {
    const { page, at } = group;
    if (!this.has(group)) return;
    this.#forms.release(page[at + this.#form] - 1);
    this.#tags.free(page[at + this.#tagsAt], page[at + this.#tagsAt + 1]);
    page[at + this.#form] = 0;
  }

  /** The parts in place; valid until the next {@link keep}. */
  formOf({ page, at }: Place): Buffer {
    return this.#forms.bytes(page[at + this.#form] - 1);
  }

  tagsOf({ page, at }: Place): Buffer {
    return this.#tags.bytes(page[at + this.#tagsAt], page[at + this.#tagsAt + 1]);
  }

  /**
   * A point of the group without fields, valid until the next call.
   * @param value of the tracked tag, if it is one
   */
  make(group: Place & { readonly id: number }, timeNs: bigint, value: Uint8Array): PointView {
    const tag = this.#tag === undefined ? undefined : { name: this.#tag, value };
    const body = this.#head.write(
      timeNs,
      this.formOf(group),
      this.#groups.name(group.id),
      this.tagsOf(group),
      tag,
    );
    this.#made.read(body, 0, body.length);
    return this.#made;
  }

  clear(): void {
    this.#forms.clear();
    this.#tags.clear();
  }
}
