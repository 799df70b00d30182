import { placeOf, type Reporter, type ReporterOptions, type RunSummary } from './reporter.ts';

/** One JSON document, for programs. */
export class JsonReporter implements Reporter {
  readonly #write: (text: string) => void;

  constructor({ write }: ReporterOptions) {
    this.#write = write;
  }

  end({ durationMs, results, skipped }: RunSummary): void {
    const reasons = new Map(skipped.map(({ reason, result }) => [result, reason]));
    const failed = results.filter(({ status }) => status === 'failed').length;
    const tests = [...results, ...skipped.map(({ result }) => result)].map((result) => ({
      ...placeOf(result),
      name: result.prepared.spec.name,
      script: result.prepared.script.file,
      status: result.status,
      ...(result.status === 'skipped' ? { reason: reasons.get(result) } : {}),
      durationMs: Math.round(result.durationMs),
      ...(result.differences.length === 0 ? {} : { differences: result.differences }),
    }));
    const counts = { passed: results.length - failed, failed, skipped: skipped.length };
    this.#write(
      `${JSON.stringify({ ...counts, durationMs: Math.round(durationMs), tests }, undefined, 2)}\n`,
    );
  }
}
