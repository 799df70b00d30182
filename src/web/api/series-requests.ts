import { wrongParameter } from '../problem.ts';
import type { Series } from '../states/state-reader.ts';

/** The parameters that say which series is meant. */
export interface SeriesRequest {
  readonly database: string;
  readonly measurement: string;
  readonly field: string;
  readonly group: readonly string[];
  readonly policy?: string | undefined;
  readonly where: readonly string[];
  readonly options: readonly string[];
}

/** @throws ProblemError */
export function seriesOf(query: SeriesRequest): Series {
  const where = new Map<string, string[]>();
  for (const text of query.where) {
    const at = text.indexOf('=');
    if (at <= 0) throw wrongParameter('where', text, 'TAG=VALUE, such as host=router1');
    const tag = text.slice(0, at);
    where.set(tag, [...(where.get(tag) ?? []), text.slice(at + 1)]);
  }
  return {
    selection: {
      database: query.database,
      policy: query.policy,
      measurement: query.measurement,
      fields: [query.field],
      group: [...new Set(query.group)],
      where,
    },
    options: query.options,
  };
}
