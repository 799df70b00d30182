import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { describeAlert, describePoint, describeSent, type Frame } from './compare.ts';
import { type Difference, matchList } from './match.ts';
import { type Outcome, WAYS } from './outcome.ts';
import type { CaseResult } from './run.ts';

const FOLDER = '__snapshots__';

export interface SnapshotOptions {
  /** Whether what came is kept in the place of what was. */
  readonly isUpdate: boolean;
  /** Whether a case without a snapshot gets one; where a machine runs the cases, nobody would look at it. */
  readonly mayCreate: boolean;
}

/** What came of the cases of one file, kept beside it as lines for a person. */
export class SnapshotFile {
  readonly #file: string;
  readonly #kept: Map<string, readonly string[]>;
  #isChanged = false;

  /** @param caseFile the file with the cases */
  constructor(caseFile: string) {
    this.#file = join(dirname(caseFile), FOLDER, basename(caseFile));
    const content: unknown = existsSync(this.#file) ? parse(readFileSync(this.#file, 'utf8')) : {};
    const entries = typeof content === 'object' && content !== null ? Object.entries(content) : [];
    this.#kept = new Map(
      entries.map(([name, lines]) => [name, Array.isArray(lines) ? lines.map(String) : []]),
    );
  }

  /** Compares what came with what is kept, or keeps it. */
  check(name: string, lines: readonly string[], options: SnapshotOptions): Difference[] {
    const kept = this.#kept.get(name);
    if (kept === undefined && !options.mayCreate && !options.isUpdate)
      return [
        {
          path: [],
          title: 'there is no snapshot of this case; run it once without CI set, look at it, and commit it',
          lines: lines.map((line) => `+ ${line}`),
        },
      ];
    if (kept === undefined || options.isUpdate) {
      if (JSON.stringify(kept) !== JSON.stringify(lines)) this.#isChanged = true;
      this.#kept.set(name, lines);
      return [];
    }
    return matchList(['snapshot'], kept, lines, {
      describeExpected: (line) => line,
      describeActual: (line) => line,
      mismatches: (expected, actual) => (expected === actual ? [] : ['text']),
    });
  }

  /** Writes what is new. */
  save(): void {
    if (!this.#isChanged) return;
    mkdirSync(dirname(this.#file), { recursive: true });
    const names = [...this.#kept.keys()].sort();
    const content = Object.fromEntries(names.map((name) => [name, this.#kept.get(name)]));
    writeFileSync(this.#file, stringify(content, { lineWidth: 0 }));
  }
}

/** All that came of a case, a line each. */
export function snapshotLines(outcome: Outcome, frame: Frame): string[] {
  return [
    ...(outcome.error === undefined ? [] : [`error: ${outcome.error}`]),
    ...outcome.alerts.map((alert) => `alert: ${describeAlert(alert, frame)}`),
    ...outcome.writes.map(
      ({ database, point, policy }) => `${database}.${policy}: ${describePoint(point, frame)}`,
    ),
    ...WAYS.flatMap((way) => outcome.sent[way].map((sent) => `${way}: ${describeSent(sent, frame)}`)),
    ...[...outcome.nodes].map(([name, { collected, emitted }]) => `${name}: ${collected} in, ${emitted} out`),
  ];
}

/** Compares the cases that ask for it with their snapshots. @returns the results, with what is different */
export function withSnapshots(results: readonly CaseResult[], options: SnapshotOptions): CaseResult[] {
  const files = new Map<string, SnapshotFile>();
  const checked = results.map((result) => {
    const { document, spec, startNs, tolerance } = result.prepared;
    if (spec.snapshot !== true || result.outcome === undefined) return result;
    const file = files.get(document.file) ?? new SnapshotFile(document.file);
    files.set(document.file, file);
    const lines = snapshotLines(result.outcome, { startNs, tolerance });
    const found = [...result.differences, ...file.check(spec.name, lines, options)];
    const status: CaseResult['status'] = found.length === 0 ? 'passed' : 'failed';
    return { ...result, differences: found, status };
  });
  for (const file of files.values()) file.save();
  return checked;
}
