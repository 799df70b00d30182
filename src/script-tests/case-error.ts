import type { Position } from '../tickscript/tokens.ts';

/** A case file that can't be meant: where, and what was expected. */
export class CaseFileError extends Error {
  override readonly name = 'CaseFileError';

  constructor(file: string, position: Position | undefined, message: string) {
    const place = position === undefined ? file : `${file}:${position.line}:${position.column}`;
    super(`${place}: ${message}`);
  }
}
