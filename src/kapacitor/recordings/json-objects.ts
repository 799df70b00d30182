import { InputError } from '../../errors.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/** What one string of JavaScript can hold at most is twice this. */
const MAX_OBJECT_BYTES = 256 * 1024 * 1024;

/**
 * The texts of JSON objects that follow one another, one at a time; only the object at hand is in memory.
 * @param where what the messages begin with
 * @throws InputError at anything else between the objects, and if the last one is not closed
 */
export async function* readJsonObjects(
  chunks: AsyncIterable<Uint8Array>,
  where: string,
): AsyncGenerator<string> {
  let parts: Uint8Array[] = [];
  let partBytes = 0;
  let depth = 0;
  let inString = false;
  let isEscaped = false;
  let count = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (inString) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE && depth > 0) inString = true;
      else if (byte === OPENING) {
        if (depth === 0) start = at;
        depth++;
      } else if (byte === CLOSING && depth > 0) {
        depth--;
        if (depth === 0) {
          parts.push(chunk.subarray(start, at + 1));
          yield Buffer.concat(parts).toString('utf8');
          count++;
          parts = [];
          partBytes = 0;
        }
      } else if (depth === 0 && !isWhitespace(byte)) {
        throw new InputError(
          'BAD_RECORDING',
          `${where}: expected { at the start of batch ${count + 1}, found something else`,
        );
      }
    }
    if (depth === 0) continue;
    parts.push(chunk.subarray(start));
    partBytes += chunk.length - start;
    if (partBytes > MAX_OBJECT_BYTES)
      throw new InputError(
        'BAD_RECORDING',
        `${where}: batch ${count + 1} is larger than ${MAX_OBJECT_BYTES} bytes`,
      );
  }
  if (depth > 0) throw new InputError('BAD_RECORDING', `${where}: batch ${count + 1} is cut off`);
}

function isWhitespace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
