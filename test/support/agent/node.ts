import type { Emit, Handler, UdfFunction } from '../../../src/function/contract.ts';
import { GivenOptions } from '../../../src/function/options.ts';
import type { AddedFields } from '../../../src/wire/added-fields.ts';
import { BatchBegin } from '../../../src/wire/batch.ts';
import { body, readEnvelope } from '../../../src/wire/envelope.ts';
import { decodeInitRequest } from '../../../src/wire/messages.ts';
import { PointView } from '../../../src/wire/point-view.ts';
import { encodeRequest, type Option, type Request } from '../protocol/protocol.ts';
import type { LogLine } from './agent.ts';

export interface NodeOptions {
  readonly clockMs?: () => number;
  readonly maxGroups?: number;
}

function bodyOf(request: Request): Buffer {
  const message = encodeRequest(request);
  readEnvelope(message, 0, message.length);
  return message.subarray(body[0], body[1]);
}

/** A node of a function without any connection, for what is to be looked at from close by. */
export class TestNode {
  readonly log: LogLine[] = [];
  /** How many points were emitted. */
  emitted = 0;
  readonly #handler: Handler;
  readonly #view: PointView;
  readonly #emit: Emit = {
    forward: (point: PointView, added?: AddedFields) => {
      point.validate();
      added?.write(point, Buffer.alloc(added.sizeWith(point.end - point.start)), 0);
      this.emitted++;
    },
    send: () => {
      this.emitted++;
    },
  };

  /** @throws OptionsError where the options are refused */
  constructor(fn: UdfFunction, options: readonly Option[], { clockMs, maxGroups }: NodeOptions = {}) {
    const init = decodeInitRequest(bodyOf({ kind: 'init', options, taskId: 'task', nodeId: 'node' }));
    const logAt = (level: LogLine['level']) => (fields: LogLine['fields'], message: string) =>
      this.log.push({ level, fields, message });
    const given = new GivenOptions(fn.options, init);
    this.#handler = fn.open({
      options: given,
      limits: { maxGroups: maxGroups ?? 1_000_000 },
      log: { info: logAt('info'), warn: logAt('warn') },
      clockMs: clockMs ?? (() => 0),
    });
    given.check();
    this.#view = new PointView(this.#handler.keys);
  }

  get counts(): Readonly<Record<string, number>> {
    return this.#handler.counts?.() ?? {};
  }

  /** Hands over points, begins and ends, and says how many points were emitted for them. */
  take(...requests: readonly Request[]): number {
    const before = this.emitted;
    for (const request of requests) {
      const content = bodyOf(request);
      if (request.kind === 'begin') {
        this.#handler.beginBatch?.(new BatchBegin(content, 0, content.length));
      } else if (request.kind === 'end') this.#handler.endBatch?.(this.#emit);
      else if (request.kind === 'point') {
        this.#view.read(content, 0, content.length);
        this.#handler.point(this.#view, this.#emit);
        // The bytes are valid only during the call.
        content.fill(0xee);
      }
    }
    this.#handler.settle?.();
    return this.emitted - before;
  }

  /** The pieces of its snapshot. */
  pieces(): Uint8Array[] {
    return [...this.#handler.snapshot()];
  }

  snapshot(): Buffer {
    return Buffer.concat(this.pieces());
  }

  /** @returns in how many steps it was done */
  restore(snapshot: Uint8Array): number {
    return [...this.#handler.restore(snapshot)].length;
  }
}
