import { messageOf } from '../errors.ts';
import { ProtocolError } from '../wire/protocol-error.ts';

/**
 * What a node threw, as a door tells of it: what was wrong with the bytes, or with the function itself.
 * @param explain what a function threw, in words
 */
export function failureOf(error: unknown, explain: (error: unknown) => string = messageOf): ProtocolError {
  if (error instanceof ProtocolError) return error;
  return new ProtocolError('FUNCTION_FAILED', `the function failed: ${explain(error)}`, { cause: error });
}
