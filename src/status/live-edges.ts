import { isoTime } from '../iso-time.ts';
import { PointReader } from '../wire/point-view.ts';
import { type LiveEdge, plainValues } from './report.ts';

const reader = new PointReader();

/** Who listens to the edges of a process. While nobody does, an edge costs one look at a flag. */
export class LiveEdges {
  readonly #listeners = new Set<(edge: LiveEdge) => void>();
  /** Whether anybody listens. */
  isHeard = false;

  add(listener: (edge: LiveEdge) => void): () => void {
    this.#listeners.add(listener);
    this.isHeard = true;
    return () => {
      this.#listeners.delete(listener);
      this.isHeard = this.#listeners.size > 0;
    };
  }

  /** @param ids whose edge it is; the bytes are those of a point's body */
  tell(
    ids: Pick<LiveEdge, 'task' | 'node' | 'function'>,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    reader.read(bytes, start, end);
    const point = reader.toPoint();
    this.pass({
      ...ids,
      time: isoTime(point.time),
      name: point.name,
      group: point.group,
      tags: Object.fromEntries(point.tags),
      fields: plainValues(new Map(point.fields)),
    });
  }

  pass(edge: LiveEdge): void {
    for (const listener of this.#listeners) listener(edge);
  }
}
