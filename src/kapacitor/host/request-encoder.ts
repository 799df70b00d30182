import { MESSAGE, sizeOfFrame, writeFrameHead } from '../../wire/envelope.ts';
import type { Point } from '../../wire/point.ts';
import { PointWriter } from '../../wire/point-writer.ts';

export interface RequestBegin {
  readonly name: string;
  readonly group: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly size: number;
  readonly byName: boolean;
}

export interface RequestEnd {
  readonly name: string;
  readonly group: string;
  /** Nanoseconds since the epoch. */
  readonly tmax: bigint;
  readonly tags: ReadonlyMap<string, string>;
}

/** Writes points and batches as frames into memory, until they are taken. */
export class RequestEncoder {
  readonly #writer = new PointWriter();
  #frames = Buffer.allocUnsafe(64 * 1024);
  #length = 0;

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#length;
  }

  /** @param point as Kapacitor hands it to a UDF; inside a batch the texts, dimensions and byName stay empty */
  point(point: Point): void {
    this.#writer.point(point);
    this.#frame(MESSAGE.point);
  }

  begin(begin: RequestBegin): void {
    const writer = this.#writer;
    writer.text(1, begin.name);
    writer.text(2, begin.group);
    writer.tags(3, begin.tags);
    writer.int64(4, BigInt(begin.size), 'the size');
    writer.bool(5, begin.byName);
    this.#frame(MESSAGE.begin);
  }

  end(end: RequestEnd): void {
    const writer = this.#writer;
    writer.text(1, end.name);
    writer.text(2, end.group);
    writer.int64(3, end.tmax, 'tmax');
    writer.tags(4, end.tags);
    this.#frame(MESSAGE.end);
  }

  /** Everything since the last call. */
  take(): Buffer {
    const frames = this.#frames.subarray(0, this.#length);
    this.#frames = Buffer.allocUnsafe(this.#frames.length);
    this.#length = 0;
    return frames;
  }

  #frame(kind: number): void {
    const { body } = this.#writer;
    const size = sizeOfFrame(kind, body.length);
    if (this.#length + size > this.#frames.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * this.#frames.length, this.#length + size));
      this.#frames.copy(grown, 0, 0, this.#length);
      this.#frames = grown;
    }
    const at = writeFrameHead(this.#frames, this.#length, kind, body.length);
    this.#frames.set(body, at);
    this.#length += size;
    this.#writer.clear();
  }
}
