import { WordedError } from '../errors.ts';
import type { Wording } from '../wording.ts';

/**
 * What can be wrong with a conversation, a closed list, and what that means. Kapacitor shows the code as part of the
 * task's error, docs/errors.md explains each.
 */
export const PROTOCOL_ERRORS = {
  EMPTY_FRAME: 'a message of length 0, which no Kapacitor sends',
  FRAME_TOO_LARGE: 'a message longer than the limit that was set',
  BAD_FRAME_LENGTH: 'the length in front of a message is no number',
  TRUNCATED_FRAME: 'the connection ended in the middle of a message',
  UNKNOWN_MESSAGE: 'a message of a kind that no agent knows',
  MALFORMED_MESSAGE: 'a message that is no valid protobuf',
  UNEXPECTED_MESSAGE:
    'a message that may not come now: a point before Init, an end without a begin, a batch to a function of streams',
  FUNCTION_FAILED: 'the function itself failed at a message',
} as const;

export type ProtocolErrorCode = keyof typeof PROTOCOL_ERRORS;

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
