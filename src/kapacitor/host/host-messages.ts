import { messageOf, OperationError } from '../../errors.ts';
import { isRecord } from '../../is-record.ts';
import { frameOf, MESSAGE } from '../../wire/envelope.ts';
import {
  type EdgeType,
  type InfoResponse,
  type InitRequest,
  messageType,
  type OptionValue,
  type ValueType,
} from '../../wire/messages.ts';

// Kapacitor's half of the rare messages: requests to bytes, answers from bytes.

/** Whether an Init or Restore was accepted; if not, why. */
export interface Verdict {
  readonly success: boolean;
  readonly error: string;
}

/** What the points of a batch have in common. */
export interface BatchHead {
  readonly name: string;
  readonly group: string;
  readonly tags: ReadonlyMap<string, string>;
}

export function encodeInfoRequest(): Buffer {
  return frameOf(MESSAGE.info, Buffer.alloc(0));
}

export function encodeInitRequest(request: InitRequest): Buffer {
  const options = request.options.map(({ name, values }) => ({ name, values: values.map(optionValue) }));
  return encode(MESSAGE.init, 'InitRequest', { options, taskID: request.taskId, nodeID: request.nodeId });
}

/** @param timeNs nanoseconds since the epoch */
export function encodeKeepaliveRequest(timeNs: bigint): Buffer {
  return encode(MESSAGE.keepalive, 'KeepaliveRequest', { time: String(timeNs) });
}

export function encodeSnapshotRequest(): Buffer {
  return frameOf(MESSAGE.snapshot, Buffer.alloc(0));
}

export function encodeRestoreRequest(snapshot: Uint8Array): Buffer {
  return encode(MESSAGE.restore, 'RestoreRequest', { snapshot });
}

export function decodeInfoResponse(bytes: Uint8Array): InfoResponse {
  const { wants, provides, options } = decode('InfoResponse', bytes);
  return { wants: edgeTypeOf(wants), provides: edgeTypeOf(provides), options: optionTypesOf(options) };
}

export function decodeInitResponse(bytes: Uint8Array): Verdict {
  return verdictOf(decode('InitResponse', bytes));
}

export function decodeRestoreResponse(bytes: Uint8Array): Verdict {
  return verdictOf(decode('RestoreResponse', bytes));
}

/** The snapshot: a view on the bytes, not a copy. */
export function decodeSnapshotResponse(bytes: Uint8Array): Uint8Array {
  const { snapshot } = decode('SnapshotResponse', bytes);
  return snapshot instanceof Uint8Array ? snapshot : Buffer.alloc(0);
}

/** The begin of a batch that the agent emitted: the name, group and tags of its points. */
export function decodeBegin(bytes: Uint8Array): BatchHead {
  const { name, group, tags } = decode('BeginBatch', bytes);
  const entries = Object.entries(isRecord(tags) ? tags : {});
  return {
    name: String(name),
    group: String(group),
    tags: new Map(entries.map(([key, value]) => [key, String(value)])),
  };
}

export function decodeErrorResponse(bytes: Uint8Array): string {
  return String(decode('ErrorResponse', bytes).error);
}

function encode(kind: number, name: string, content: Record<string, unknown>): Buffer {
  const type = messageType(name);
  return frameOf(kind, type.encode(type.fromObject(content)).finish());
}

/** @throws OperationError where the bytes are no such message */
function decode(name: string, bytes: Uint8Array): Record<string, unknown> {
  const type = messageType(name);
  try {
    return type.toObject(type.decode(bytes), { longs: String, enums: String, defaults: true });
  } catch (error) {
    throw new OperationError(`the agent sent a malformed ${name}: ${messageOf(error)}`);
  }
}

function optionValue({ type, value }: OptionValue): Record<string, unknown> {
  switch (type) {
    case 'BOOL':
      return value === undefined ? { type } : { type, boolValue: value };
    case 'INT':
      return { type, intValue: String(value) };
    case 'DOUBLE':
      return { type, doubleValue: value };
    case 'STRING':
      return { type, stringValue: value };
    case 'DURATION':
      return { type, durationValue: String(value) };
  }
}

function verdictOf({ success, error }: Record<string, unknown>): Verdict {
  return { success: success === true, error: String(error) };
}

function edgeTypeOf(value: unknown): EdgeType {
  return value === 'BATCH' ? 'BATCH' : 'STREAM';
}

function optionTypesOf(value: unknown): Record<string, readonly ValueType[]> {
  const types: [string, readonly ValueType[]][] = [];
  for (const [name, option] of Object.entries(isRecord(value) ? value : {})) {
    const listed = isRecord(option) && Array.isArray(option.valueTypes) ? option.valueTypes : [];
    types.push([name, listed.filter(isValueType)]);
  }
  return Object.fromEntries(types);
}

function isValueType(value: unknown): value is ValueType {
  return ['BOOL', 'INT', 'DOUBLE', 'STRING', 'DURATION'].some((type) => type === value);
}
