import type { CaseResult } from '../run.ts';
import { placeOf, type Reporter, type ReporterOptions, type RunSummary } from './reporter.ts';

/** JUnit's XML, which every CI server reads: a suite a file. */
export class JunitReporter implements Reporter {
  readonly #write: (text: string) => void;

  constructor({ write }: ReporterOptions) {
    this.#write = write;
  }

  end({ durationMs, results, skipped }: RunSummary): void {
    const all = [...results, ...skipped.map(({ result }) => result)];
    const reasons = new Map(skipped.map(({ reason, result }) => [result, reason]));
    const failed = results.filter(({ status }) => status === 'failed').length;
    const totals = `tests="${all.length}" failures="${failed}" skipped="${skipped.length}"`;
    this.#write('<?xml version="1.0" encoding="UTF-8"?>\n');
    this.#write(`<testsuites name="edge-detect test" ${totals} time="${seconds(durationMs)}">\n`);
    for (const file of new Set(all.map(({ prepared }) => prepared.document.file)))
      this.#suite(
        file,
        all.filter(({ prepared }) => prepared.document.file === file),
        reasons,
      );
    this.#write('</testsuites>\n');
  }

  #suite(file: string, results: readonly CaseResult[], reasons: ReadonlyMap<CaseResult, string>): void {
    const failed = results.filter(({ status }) => status === 'failed').length;
    const skipped = results.filter(({ status }) => status === 'skipped').length;
    const time = results.reduce((sum, { durationMs }) => sum + durationMs, 0);
    this.#write(
      `  <testsuite name="${escaped(file)}" tests="${results.length}" failures="${failed}" skipped="${skipped}" time="${seconds(time)}">\n`,
    );
    for (const result of results) {
      const { line } = placeOf(result);
      const attributes = `classname="${escaped(file)}" name="${escaped(result.prepared.spec.name)}" file="${escaped(file)}" line="${line}" time="${seconds(result.durationMs)}"`;
      if (result.status === 'passed') this.#write(`    <testcase ${attributes}/>\n`);
      else if (result.status === 'skipped')
        this.#write(
          `    <testcase ${attributes}><skipped message="${escaped(reasons.get(result) ?? '')}"/></testcase>\n`,
        );
      else this.#failed(attributes, result);
    }
    this.#write('  </testsuite>\n');
  }

  #failed(attributes: string, { differences }: CaseResult): void {
    const [first] = differences;
    const text = differences.map(({ lines, title }) => [title, ...lines].join('\n')).join('\n\n');
    this.#write(
      `    <testcase ${attributes}>\n      <failure message="${escaped(first?.title ?? '')}">${escaped(text)}</failure>\n    </testcase>\n`,
    );
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/** XML has no control characters at all. */
function escaped(text: string): string {
  return [...text]
    .filter((character) => character >= ' ' || character === '\n' || character === '\t')
    .join('')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
