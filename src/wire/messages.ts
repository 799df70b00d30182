import { frameOf, MESSAGE, sizeOfFrame, writeFrameHead } from './envelope.ts';
import { malformed } from './protocol-error.ts';
import { schemaTypes, type TypeByName } from './schema.ts';
import { sizeOfVarint32, writeVarint32 } from './varint.ts';

// The messages that are rare enough for clarity: a few per connection. Points and batches never come here.

/** STREAM: single points. BATCH: points between a begin and an end. */
export type EdgeType = 'STREAM' | 'BATCH';

export type ValueType = 'BOOL' | 'INT' | 'DOUBLE' | 'STRING' | 'DURATION';

/** What a TICKscript gave as an argument; undefined where Kapacitor had no value to send (a lambda, a regular expression). */
export type OptionValue =
  | { readonly type: 'BOOL'; readonly value: boolean | undefined }
  | { readonly type: 'INT' | 'DURATION'; readonly value: bigint | undefined }
  | { readonly type: 'DOUBLE'; readonly value: number | undefined }
  | { readonly type: 'STRING'; readonly value: string | undefined };

/** One use of an option in a TICKscript. */
export interface NamedOption {
  readonly name: string;
  readonly values: readonly OptionValue[];
}

export interface InitRequest {
  /** In the order of the script; one that is repeated stands here once each time. */
  readonly options: readonly NamedOption[];
  readonly taskId: string;
  readonly nodeId: string;
}

export interface InfoResponse {
  readonly wants: EdgeType;
  readonly provides: EdgeType;
  /** By name, the types of the arguments in order. */
  readonly options: Readonly<Record<string, readonly ValueType[]>>;
}

/** Two tags and three lengths. */
const SNAPSHOT_HEAD_BYTES = 24;

/** The message types of udf.proto, for whoever needs more than the functions here. */
export const messageType: TypeByName = schemaTypes('udf.proto', 'agent');

/** @throws ProtocolError MALFORMED_MESSAGE */
export function decodeInitRequest(bytes: Uint8Array): InitRequest {
  const message = decode('InitRequest', bytes);
  return {
    options: listOf(message.options).map((option) => ({
      name: String(option.name),
      values: listOf(option.values).map(optionValue),
    })),
    taskId: String(message.taskID),
    nodeId: String(message.nodeID),
  };
}

/** The snapshot of a RestoreRequest: a view on the bytes, not a copy. */
export function decodeRestoreRequest(bytes: Uint8Array): Uint8Array {
  const { snapshot } = decode('RestoreRequest', bytes);
  return snapshot instanceof Uint8Array ? snapshot : malformed('a restore without a snapshot');
}

export function encodeInfoResponse(info: InfoResponse): Buffer {
  const options = Object.entries(info.options).map(([name, valueTypes]) => [name, { valueTypes }]);
  return encode(MESSAGE.info, 'InfoResponse', { ...info, options: Object.fromEntries(options) });
}

/** @param error what a user sees; undefined for success */
export function encodeInitResponse(error?: string): Buffer {
  return encode(MESSAGE.init, 'InitResponse', { success: error === undefined, error: error ?? '' });
}

/** @param error what a user sees; undefined for success */
export function encodeRestoreResponse(error?: string): Buffer {
  return encode(MESSAGE.restore, 'RestoreResponse', { success: error === undefined, error: error ?? '' });
}

// SnapshotResponse := 1 snapshot

/** How long the frame is that carries a snapshot of so many bytes, without its own length. */
export function sizeOfSnapshotMessage(bytes: number): number {
  const message = sizeOfFrame(MESSAGE.snapshot, sizeOfSnapshotBody(bytes));
  return message - sizeOfVarint32(message);
}

/** What stands in front of a snapshot of so many bytes, which are more than none. */
export function encodeSnapshotHead(bytes: number): Buffer {
  const head = Buffer.alloc(SNAPSHOT_HEAD_BYTES);
  let p = writeFrameHead(head, 0, MESSAGE.snapshot, sizeOfSnapshotBody(bytes));
  head[p] = 0x0a;
  p = writeVarint32(head, p + 1, bytes);
  return head.subarray(0, p);
}

/** The answer without a snapshot: Kapacitor keeps the one that it has. */
export function encodeEmptySnapshot(): Buffer {
  return frameOf(MESSAGE.snapshot, Buffer.alloc(0));
}

function sizeOfSnapshotBody(bytes: number): number {
  return 1 + sizeOfVarint32(bytes) + bytes;
}

export function encodeErrorResponse(error: string): Buffer {
  return encode(MESSAGE.error, 'ErrorResponse', { error });
}

function encode(kind: number, name: string, content: Record<string, unknown>): Buffer {
  const type = messageType(name);
  return frameOf(kind, type.encode(type.fromObject(content)).finish());
}

function decode(name: string, bytes: Uint8Array): Record<string, unknown> {
  const type = messageType(name);
  try {
    return type.toObject(type.decode(bytes), {
      longs: String,
      enums: String,
      defaults: true,
      arrays: true,
      oneofs: true,
    });
  } catch (error) {
    malformed(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function optionValue(value: Record<string, unknown>): OptionValue {
  // The oneof's own name tells which member was sent; the others hold defaults.
  const sent = typeof value.value === 'string' ? value[value.value] : undefined;
  switch (value.type) {
    case 'INT':
    case 'DURATION':
      return { type: value.type, value: typeof sent === 'string' ? BigInt(sent) : undefined };
    case 'DOUBLE':
      return { type: 'DOUBLE', value: typeof sent === 'number' ? sent : undefined };
    case 'STRING':
      return { type: 'STRING', value: typeof sent === 'string' ? sent : undefined };
    default:
      return { type: 'BOOL', value: typeof sent === 'boolean' ? sent : undefined };
  }
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value : [];
}
