import { crc32 } from 'node:zlib';
import { readCapture } from '../support/protocol/capture.ts';
import { decodeRequest, encodeRequest, type Request } from '../support/protocol/protocol.ts';

export const FUNCTION_NAMES = ['edgeDetect', 'edgeDetectBatch', 'mirror'] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

/** A conversation as Kapacitor has it: what a mutation begins with. */
export interface Seed {
  readonly name: string;
  readonly functionName: FunctionName;
  /** The messages without their lengths; the first is an Init, if there is one. */
  readonly messages: readonly Buffer[];
  /** The state after all of it; undefined where there is none. */
  snapshot?: Buffer;
}

const CAPTURES = [
  'adsl-stream',
  'all-options',
  'batch-overlap',
  'field-types',
  'info-probe',
  'many-hosts',
  'refused-options',
] as const;

/** Further nodes, for the snapshots that they make: what is kept depends on the options. */
const NODES: readonly (readonly [string, readonly (readonly [string, ...(string | bigint | number)[]])[]])[] =
  [
    [
      'limit',
      [
        ['field', 'value'],
        ['limit', 1n, 60_000_000_000n],
        ['every', 1_000_000_000n],
      ],
    ],
    [
      'hold',
      [
        ['field', 'value'],
        ['hold', 90_000_000_000n],
        ['confirm', 3n],
        ['previousAs', 'was'],
        ['durationAs', 'lasted'],
      ],
    ],
    [
      'ttl',
      [
        ['field', 'value'],
        ['tag', 'host'],
        ['ttl', 1_000_000_000n],
        ['late', 'drop'],
        ['sinceAs', 'since'],
        ['countAs', 'count'],
      ],
    ],
    [
      'small',
      [
        ['field', 'value'],
        ['maxGroups', 2n],
        ['deadband', 0.5],
      ],
    ],
  ];

const DURATIONS = new Set(['hold', 'every', 'ttl']);

function initOf(options: (typeof NODES)[number][1]): Buffer {
  return encodeRequest({
    kind: 'init',
    taskId: 'fuzz',
    nodeId: 'edgeDetect2',
    options: options.map(([name, ...values]) => ({
      name,
      values: values.map((value, index) => {
        if (typeof value === 'string') return { type: 'string', v: value };
        if (typeof value === 'number') return { type: 'double', v: value };
        return DURATIONS.has(name) || index === 1
          ? { type: 'duration', v: value }
          : { type: 'int', v: value };
      }),
    })),
  });
}

function isInit(message: Buffer): boolean {
  return decodeRequest(message).kind === 'init';
}

/** The captures, and conversations made from them. */
export function readSeeds(): Seed[] {
  const seeds = CAPTURES.map((name): Seed => {
    const { messages } = readCapture(name);
    return { name, functionName: name.startsWith('batch-') ? 'edgeDetectBatch' : 'edgeDetect', messages };
  });
  const hosts = seeds.find(({ name }) => name === 'many-hosts')?.messages ?? [];
  const batches = seeds.find(({ name }) => name === 'batch-overlap')?.messages ?? [];
  for (const [name, options] of NODES) {
    const init = initOf(options);
    seeds.push(
      { name, functionName: 'edgeDetect', messages: [init, ...hosts.filter((message) => !isInit(message))] },
      {
        name: `${name}-batch`,
        functionName: 'edgeDetectBatch',
        messages: [init, ...batches.filter((message) => !isInit(message))],
      },
    );
  }
  const plain = hosts.map((message) => (isInit(message) ? initOf([]) : message));
  return [...seeds, { name: 'mirror', functionName: 'mirror', messages: plain }];
}

/** The message with another task, if it is an Init. */
export function withTask(message: Buffer, taskId: string): Buffer {
  const request: Request = decodeRequest(message);
  return request.kind === 'init' ? encodeRequest({ ...request, taskId }) : message;
}

/** Puts a checksum behind a snapshot that agrees with what it has become, so that the decoder behind it is reached. */
export function withChecksum(snapshot: Buffer): Buffer {
  const end = Buffer.alloc(5);
  end[0] = (15 << 3) | 5;
  const content = snapshot.subarray(0, Math.max(0, snapshot.length - 5));
  end.writeUInt32LE(crc32(content), 1);
  return Buffer.concat([content, end]);
}
