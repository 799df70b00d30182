import type { Position } from '../../tickscript/tokens.ts';
import type { CaseResult } from '../run.ts';

/** What came of a whole run. */
export interface RunSummary {
  readonly results: readonly CaseResult[];
  /** Cases left out: skipped, or not reached. */
  readonly skipped: readonly { readonly result: CaseResult; readonly reason: string }[];
  readonly durationMs: number;
}

/** Writes what came of a run, in one form. */
export interface Reporter {
  /** A case has ended. */
  result?(result: CaseResult): void;
  /** All have. */
  end(summary: RunSummary): void;
}

/** Where a reporter writes, and how. */
export interface ReporterOptions {
  readonly write: (text: string) => void;
  readonly hasColours: boolean;
}

/** Where a case stands. */
export function placeOf({ prepared: { document, path } }: CaseResult): { file: string } & Position {
  return { file: document.file, ...document.position(path) };
}

/** Where the expectation of a difference stands. */
export function placeOfDifference(result: CaseResult, path: readonly (string | number)[]): Position {
  const { document, path: casePath } = result.prepared;
  // A step says itself where its expectation stands.
  return document.position(path[0] === 'steps' ? [...casePath, ...path] : [...casePath, 'expect', ...path]);
}

/** `1 case`, `2 cases`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
