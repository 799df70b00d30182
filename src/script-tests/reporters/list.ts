import { styleText } from 'node:util';
import type { Difference } from '../match.ts';
import type { CaseResult } from '../run.ts';
import {
  placeOf,
  placeOfDifference,
  type Reporter,
  type ReporterOptions,
  type RunSummary,
} from './reporter.ts';

type Colour = 'green' | 'red' | 'yellow' | 'dim' | 'bold';

/** For a person: files, cases, and what is different, line by line. */
export class ListReporter implements Reporter {
  readonly #options: ReporterOptions;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  end({ durationMs, results, skipped }: RunSummary): void {
    const all = [...results, ...skipped.map(({ result }) => result)];
    const reasons = new Map(skipped.map(({ reason, result }) => [result, reason]));
    for (const file of new Set(all.map(({ prepared }) => prepared.document.file))) {
      this.#line(this.#style('bold', file));
      for (const result of all)
        if (result.prepared.document.file === file) this.#case(result, reasons.get(result));
      this.#line('');
    }
    const passed = results.filter(({ status }) => status === 'passed').length;
    const failed = results.length - passed;
    const parts = [
      this.#style('green', `${passed} passed`),
      failed > 0 ? this.#style('red', `${failed} failed`) : '0 failed',
      skipped.length > 0 ? this.#style('yellow', `${skipped.length} skipped`) : '0 skipped',
    ];
    this.#line(`${parts.join(', ')} in ${(durationMs / 1000).toFixed(1)} s`);
  }

  #case(result: CaseResult, reason: string | undefined): void {
    const { name } = result.prepared.spec;
    const time = this.#style('dim', `${Math.round(result.durationMs)} ms`);
    if (result.status === 'skipped')
      this.#line(`  ${this.#style('yellow', '–')} ${name}: ${reason ?? 'skipped'}`);
    else if (result.status === 'passed') this.#line(`  ${this.#style('green', '✓')} ${name} ${time}`);
    else {
      const { column, file, line } = placeOf(result);
      this.#line(`  ${this.#style('red', '✗')} ${name} ${this.#style('dim', `${file}:${line}:${column}`)}`);
      for (const difference of result.differences) this.#difference(result, difference);
    }
  }

  #difference(result: CaseResult, { lines, path, title }: Difference): void {
    const { line } = placeOfDifference(result, path);
    this.#line(`      ${title} ${this.#style('dim', `(line ${line})`)}`);
    for (const each of lines) {
      const colour = each.startsWith('+') ? 'red' : each.startsWith('-') ? 'green' : 'dim';
      this.#line(`        ${this.#style(colour, each)}`);
    }
    if (lines.some((each) => each.startsWith('-')) && lines.some((each) => each.startsWith('+')))
      this.#line(this.#style('dim', '        (- expected, + came)'));
  }

  #line(text: string): void {
    this.#options.write(`${text}\n`);
  }

  #style(colour: Colour, text: string): string {
    return this.#options.hasColours ? styleText(colour, text, { validateStream: false }) : text;
  }
}
