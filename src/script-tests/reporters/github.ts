import { ListReporter } from './list.ts';
import { placeOfDifference, type Reporter, type ReporterOptions, type RunSummary } from './reporter.ts';

/** The list, and an annotation of GitHub's for each difference, at its line. */
export class GithubReporter implements Reporter {
  readonly #options: ReporterOptions;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  end(summary: RunSummary): void {
    new ListReporter(this.#options).end(summary);
    for (const result of summary.results)
      for (const { lines, path, title } of result.differences) {
        const { column, line } = placeOfDifference(result, path);
        const { document, spec } = result.prepared;
        const place = `file=${property(document.file)},line=${line},col=${column},title=${property(spec.name)}`;
        this.#options.write(`::error ${place}::${data([title, ...lines].join('\n'))}\n`);
      }
  }
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
