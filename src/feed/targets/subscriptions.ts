import { isRecord } from '../../is-record.ts';
import type { Answer, Connection } from './connection.ts';

/** What InfluxDB 1.x says of who is subscribed to where points are written. */
export interface SubscriptionState {
  /** The retention policy that is written to. */
  readonly retentionPolicy: string;
  readonly isSubscribed: boolean;
}

interface Series {
  readonly name?: string;
  readonly columns: readonly string[];
  readonly values?: readonly (readonly unknown[])[];
}

/**
 * Asks InfluxDB 1.x whether somebody is subscribed to a database, which is how Kapacitor gets its points.
 * @param retentionPolicy undefined: the database's default
 * @returns a text that says why where it can't be known: no administrator asks, or there is no such database
 */
export async function subscriptionState(
  connection: Connection,
  database: string,
  retentionPolicy: string | undefined,
  signal: AbortSignal,
): Promise<SubscriptionState | string> {
  const statement = `SHOW RETENTION POLICIES ON "${database.replace(/["\\]/g, '\\$&')}"; SHOW SUBSCRIPTIONS`;
  const path = `/query?${new URLSearchParams({ q: statement })}`;
  const results = resultsOf(await connection.request('POST', path, '', signal));
  if (typeof results === 'string') return results;
  const [policies = [], subscriptions = []] = results;
  const policy = retentionPolicy ?? defaultPolicy(policies[0]);
  if (policy === undefined) return 'it has no default retention policy';
  const rows = subscriptions.filter(({ name }) => name === database).flatMap(rowsOf);
  return {
    retentionPolicy: policy,
    isSubscribed: rows.some((row) => row.get('retention_policy') === policy),
  };
}

function defaultPolicy(series: Series | undefined): string | undefined {
  const row = series === undefined ? undefined : rowsOf(series).find((each) => each.get('default') === true);
  const name = row?.get('name');
  return typeof name === 'string' ? name : undefined;
}

function rowsOf({ columns, values = [] }: Series): Map<string, unknown>[] {
  return values.map((row) => new Map(columns.map((column, at) => [column, row[at]])));
}

/** The series of each statement, or what InfluxDB objects to. */
function resultsOf(answer: Answer): Series[][] | string {
  let value: unknown;
  try {
    value = JSON.parse(answer.text);
  } catch {
    return `it answered ${answer.status} without a result`;
  }
  if (!isRecord(value)) return `it answered ${answer.status} without a result`;
  const results = Array.isArray(value.results) ? value.results.filter(isRecord) : [];
  const error = [value, ...results].map((each) => each.error).find((each) => typeof each === 'string');
  if (typeof error === 'string') return error;
  if (results.length === 0) return `it answered ${answer.status} without a result`;
  return results.map(({ series }) => (Array.isArray(series) ? series.filter(isSeries) : []));
}

function isSeries(value: unknown): value is Series {
  return (
    isRecord(value) &&
    Array.isArray(value.columns) &&
    value.columns.every((column) => typeof column === 'string') &&
    (value.values === undefined || (Array.isArray(value.values) && value.values.every(Array.isArray)))
  );
}
