import type { UdfFunction } from '../../../src/function/contract.ts';
import { Node } from '../../../src/function/node.ts';
import { body, frameOf, MESSAGE, readEnvelope } from '../../../src/wire/envelope.ts';
import type { NamedOption, OptionValue } from '../../../src/wire/messages.ts';
import {
  cutFrames,
  decodeResponse,
  encodeRequest,
  type Option,
  type Request,
  type Response,
} from '../protocol/protocol.ts';
import type { LogLine } from './agent.ts';

export interface NodeOptions {
  readonly clockMs?: () => number;
  readonly wallMs?: () => number;
  readonly maxGroups?: number;
}

/** The body of a message, without what says which kind it is. */
export function bodyOf(request: Request): Buffer {
  const message = encodeRequest(request);
  readEnvelope(message, 0, message.length);
  return message.subarray(body[0], body[1]);
}

/** Options as a test writes them, as a node takes them. */
export function namedOptions(options: readonly Option[]): readonly NamedOption[] {
  return options.map(({ name, values }) => ({ name, values: values.map(optionValue) }));
}

function optionValue(value: Option['values'][number]): OptionValue {
  switch (value.type) {
    case 'bool':
      return { type: 'BOOL', value: value.v };
    case 'int':
      return { type: 'INT', value: value.v };
    case 'duration':
      return { type: 'DURATION', value: value.v };
    case 'double':
      return { type: 'DOUBLE', value: value.v };
    case 'string':
      return { type: 'STRING', value: value.v };
  }
}

/** A node without any connection, driven by what a test would send; it notes what was logged and emitted. */
export class TestNode {
  readonly log: LogLine[] = [];
  /** What was emitted: points, begins and ends. */
  readonly emissions: Response[] = [];
  readonly node: Node;

  /** @throws OptionsError where the options are refused */
  constructor(fn: UdfFunction, options: readonly Option[], { clockMs, wallMs, maxGroups }: NodeOptions = {}) {
    const logAt = (level: LogLine['level']) => (fields: LogLine['fields'], message: string) =>
      this.log.push({ level, fields, message });
    const note = (kind: number) => (bytes: Uint8Array, start: number, end: number) => {
      const { messages } = cutFrames(frameOf(kind, bytes.subarray(start, end)));
      this.emissions.push(...messages.map(decodeResponse));
    };
    this.node = new Node(
      fn,
      {
        options: namedOptions(options),
        limits: { maxGroups: maxGroups ?? 1_000_000 },
        log: { info: logAt('info'), warn: logAt('warn') },
        clockMs: clockMs ?? (() => 0),
        ...(wallMs === undefined ? {} : { wallMs }),
      },
      { beginBatch: note(MESSAGE.begin), point: note(MESSAGE.point), endBatch: note(MESSAGE.end) },
    );
  }

  get counts(): Readonly<Record<string, number>> {
    return this.node.counts() ?? {};
  }

  /** Hands over points, begins and ends, and says how many points were emitted for them. */
  take(...requests: readonly Request[]): number {
    const before = this.node.edges;
    for (const request of requests) {
      const content = bodyOf(request);
      if (request.kind === 'begin') this.node.beginBatch(content, 0, content.length);
      else if (request.kind === 'end') this.node.endBatch(content, 0, content.length);
      else if (request.kind === 'point') this.node.point(content, 0, content.length);
      // The bytes are valid only during the call.
      content.fill(0xee);
    }
    this.node.settle();
    return this.node.edges - before;
  }

  /** The pieces of its snapshot. */
  pieces(): Uint8Array[] {
    return [...this.node.snapshot()];
  }

  snapshot(): Buffer {
    return Buffer.concat(this.pieces());
  }

  /** @returns in how many steps it was done */
  restore(snapshot: Uint8Array): number {
    return [...this.node.restore(snapshot)].length;
  }
}
