import { stringify } from 'yaml';
import { placeOf, type Reporter, type ReporterOptions, type RunSummary } from './reporter.ts';

/** The Test Anything Protocol, version 14. */
export class TapReporter implements Reporter {
  readonly #write: (text: string) => void;

  constructor({ write }: ReporterOptions) {
    this.#write = write;
  }

  end({ results, skipped }: RunSummary): void {
    this.#write(`TAP version 14\n1..${results.length + skipped.length}\n`);
    let number = 0;
    for (const result of results) {
      const { document, spec } = result.prepared;
      const title = `${document.file}: ${spec.name}`.replaceAll(/[#\n]/g, ' ');
      this.#write(`${result.status === 'passed' ? 'ok' : 'not ok'} ${++number} - ${title}\n`);
      if (result.status === 'passed') continue;
      const { column, file, line } = placeOf(result);
      const details = stringify({
        at: `${file}:${line}:${column}`,
        differences: result.differences.map((each) => ({ title: each.title, lines: each.lines })),
      });
      this.#write(`  ---\n${details.replaceAll(/^(?=.)/gm, '  ')}  ...\n`);
    }
    for (const { reason, result } of skipped) {
      const { document, spec } = result.prepared;
      this.#write(`ok ${++number} - ${document.file}: ${spec.name} # SKIP ${reason}\n`);
    }
  }
}
