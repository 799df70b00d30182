/** What a person did wrong: one line on stderr that says what to do instead, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What the machine or another program refused: one line on stderr, exit code 1. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of a system error (`ENOENT`), or undefined. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
