import type { UdfFunction } from '../function/contract.ts';
import { Node } from '../function/node.ts';
import { BatchBegin } from '../wire/batch.ts';
import type { Point } from '../wire/point.ts';
import { PointReader } from '../wire/point-view.ts';
import { PointWriter } from '../wire/point-writer.ts';
import { namedOptions, type TestOptions } from './test-input.ts';

/** Something that a function logged. */
export interface LoggedLine {
  readonly level: 'info' | 'warn';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A batch that a function emitted. */
export interface EmittedBatch {
  readonly name: string;
  readonly group: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly points: readonly Point[];
}

/** One group's points of one window. */
export interface GivenBatch {
  readonly points: readonly Point[];
  readonly time: bigint;
}

const MAX_GROUPS = 1_000_000;

/** A node of a function that is tried out: it takes points and notes what comes of them. */
export class TriedNode {
  readonly points: Point[] = [];
  readonly batches: EmittedBatch[] = [];
  readonly log: LoggedLine[] = [];
  readonly node: Node;
  readonly #writer = new PointWriter();
  readonly #reader = new PointReader();
  #wallMs = 0;
  #openBatch: { readonly begin: BatchBegin; readonly points: Point[] } | undefined;

  /** @throws OptionsError naming every option that is wrong */
  constructor(fn: UdfFunction, options: TestOptions) {
    const logAt = (level: LoggedLine['level']) => (fields: LoggedLine['fields'], message: string) =>
      void this.log.push({ level, message, fields });
    this.node = new Node(
      fn,
      {
        options: namedOptions(fn, options),
        limits: { maxGroups: MAX_GROUPS },
        log: { info: logAt('info'), warn: logAt('warn') },
        clockMs: () => 0,
        wallMs: () => this.#wallMs,
      },
      {
        beginBatch: (bytes, start, end) => {
          this.#openBatch = { begin: new BatchBegin(bytes, start, end), points: [] };
        },
        point: (bytes, start, end) => this.#emitted(bytes, start, end),
        endBatch: () => {
          if (this.#openBatch === undefined) return;
          const { begin, points } = this.#openBatch;
          this.batches.push({ name: begin.name, group: begin.group, tags: begin.tags(), points });
          this.#openBatch = undefined;
        },
      },
    );
  }

  #emitted(bytes: Uint8Array, start: number, end: number): void {
    this.#reader.read(Buffer.from(bytes.subarray(start, end)), 0, end - start);
    this.#reader.validate();
    const point = this.#reader.toPoint();
    this.points.push(point);
    this.#openBatch?.points.push(point);
  }

  take(point: Point): void {
    this.#writer.clear();
    this.#writer.point(point);
    const { body } = this.#writer;
    this.node.point(body, 0, body.length);
    // The bytes are valid only during the call: a function that holds on to them reads nonsense here, not only there.
    body.fill(0xee);
    this.node.settle();
  }

  takeBatch({ points, time }: GivenBatch): void {
    const [first] = points;
    const name = first?.name ?? '';
    const group = first?.group ?? '';
    const tags = new Map([...(first?.tags ?? [])].filter(([tag]) => first?.dimensions.includes(tag)));
    const begin = this.#body((writer) => {
      writer.text(1, name);
      writer.text(2, group);
      writer.tags(3, tags);
    });
    this.node.beginBatch(begin, 0, begin.length);
    for (const point of points) this.take({ ...point, group: '', dimensions: [] });
    const end = this.#body((writer) => {
      writer.text(1, name);
      writer.text(2, group);
      writer.int64(3, time, 'the time');
      writer.tags(4, tags);
    });
    this.node.endBatch(end, 0, end.length);
    this.node.settle();
  }

  /** The clock, at this time. */
  tick(time: bigint): void {
    this.#wallMs = Number(time / 1_000_000n);
    this.node.tick(this.#wallMs);
  }

  snapshot(): Buffer {
    return Buffer.concat([...this.node.snapshot()]);
  }

  restore(snapshot: Uint8Array): void {
    for (const _ of this.node.restore(snapshot));
  }

  #body(write: (writer: PointWriter) => void): Buffer {
    this.#writer.clear();
    write(this.#writer);
    return Buffer.from(this.#writer.body);
  }
}
