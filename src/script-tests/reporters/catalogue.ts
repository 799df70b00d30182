import { GithubReporter } from './github.ts';
import { JsonReporter } from './json.ts';
import { JunitReporter } from './junit.ts';
import { ListReporter } from './list.ts';
import type { Reporter, ReporterOptions } from './reporter.ts';
import { TapReporter } from './tap.ts';

/** The forms in which results are told. */
export const REPORTERS: ReadonlyMap<string, (options: ReporterOptions) => Reporter> = new Map<
  string,
  (options: ReporterOptions) => Reporter
>([
  ['list', (options) => new ListReporter(options)],
  ['junit', (options) => new JunitReporter(options)],
  ['tap', (options) => new TapReporter(options)],
  ['json', (options) => new JsonReporter(options)],
  ['github', (options) => new GithubReporter(options)],
]);
