import { WordedError } from '../errors.ts';
import type { Wording } from '../wording.ts';

/**
 * What can be wrong with a conversation, a closed list. Kapacitor shows the code as part of the task's error,
 * the README explains each.
 */
export const PROTOCOL_ERROR_CODES = [
  /** A frame of length 0, which no Kapacitor sends. */
  'EMPTY_FRAME',
  /** A frame longer than the limit that was set. */
  'FRAME_TOO_LARGE',
  /** The length in front of a frame is no varint. */
  'BAD_FRAME_LENGTH',
  /** The connection ended inside a frame. */
  'TRUNCATED_FRAME',
  /** A frame without any message that an agent knows. */
  'UNKNOWN_MESSAGE',
  /** A message that is no valid protobuf. */
  'MALFORMED_MESSAGE',
  /** A message that may not come now: a point before Init, an end without a begin, a batch to a stream function. */
  'UNEXPECTED_MESSAGE',
  /** The function itself failed at a message. */
  'FUNCTION_FAILED',
] as const;

export type ProtocolErrorCode = (typeof PROTOCOL_ERROR_CODES)[number];

/** Ends one connection; its text goes to Kapacitor as an ErrorResponse. */
export class ProtocolError extends WordedError {
  override readonly name = 'ProtocolError';
  readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string | Wording, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Throws MALFORMED_MESSAGE, out of line so that the readers stay small enough to be inlined. */
export function malformed(what: string): never {
  throw new ProtocolError('MALFORMED_MESSAGE', `malformed message: ${what}`);
}
