import { Agent, type Dispatcher, request } from 'undici';
import { codeOf } from '../../errors.ts';
import { reasonOf, reasonUnreached } from '../../feed/targets/connection.ts';
import { refusalOf } from '../../feed/targets/refusal.ts';
import { isRecord } from '../../is-record.ts';
import { ProblemError } from '../problem.ts';
import { identifier, selectByGroup, selectByTime, selectOne } from './influxql.ts';
import {
  type AnswerRow,
  type AnswerSeries,
  QueryAnswer,
  QueryRefused,
  StrangeAnswer,
} from './query-answer.ts';
import {
  type Described,
  type FieldType,
  type Row,
  type Selection,
  SourceError,
  type StateSource,
  type WriteTarget,
} from './state-source.ts';

export interface InfluxSourceOptions {
  /** Without credentials. */
  readonly url: URL;
  /** The header's value; undefined: none is sent. */
  readonly authorization: string | undefined;
  /** How long one answer may take from beginning to end, in milliseconds. */
  readonly timeoutMs: number;
}

/** Requests at a time to InfluxDB; more wait. */
const MAX_CONNECTIONS = 16;
/** Rows that InfluxDB puts into one piece of an answer. */
const CHUNK_ROWS = 10_000;

const FIELD_TYPES: ReadonlyMap<string, FieldType> = new Map([
  ['string', 'string'],
  ['boolean', 'boolean'],
  ['integer', 'integer'],
  ['unsigned', 'integer'],
  ['float', 'float'],
]);

/** InfluxDB of any version, by InfluxQL over `/query` and line protocol over `/write`, which all of them have. */
export class InfluxSource implements StateSource {
  readonly #options: InfluxSourceOptions;
  readonly #agent: Agent;
  readonly #base: string;
  #version = '';

  constructor(options: InfluxSourceOptions) {
    this.#options = options;
    this.#base = `${options.url.origin}${options.url.pathname.replace(/\/$/, '')}`;
    this.#agent = new Agent({
      connections: MAX_CONNECTIONS,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      connectTimeout: Math.min(options.timeoutMs, 5_000),
    });
  }

  get name(): string {
    return `InfluxDB ${this.#version === '' ? '' : `${this.#version} `}at ${this.#base}`;
  }

  async describe(database: string | undefined, signal: AbortSignal): Promise<readonly Described[]> {
    const names =
      database === undefined
        ? (await this.#show('', 'SHOW DATABASES', signal)).map(({ cells: [name = ''] }) => name)
        : [database];
    const described = names
      .filter((name) => !name.startsWith('_'))
      .map((name) => this.#describeOne(name, signal));
    return (await Promise.all(described)).flat();
  }

  async *byGroup(selection: Selection, signal: AbortSignal): AsyncGenerator<readonly Row[]> {
    for await (const rows of this.#query(
      selection.database,
      selection.policy,
      selectByGroup(selection),
      signal,
    ))
      yield groupedRows(rows, selection);
  }

  async *byTime(selection: Selection, signal: AbortSignal): AsyncGenerator<readonly Row[]> {
    const count = selection.fields.length;
    for await (const rows of this.#query(
      selection.database,
      selection.policy,
      selectByTime(selection),
      signal,
    ))
      yield rows.map(({ cells, timeNs }) => ({
        timeNs,
        tags: cells.slice(count).map((tag) => (tag === null ? '' : String(tag))),
        values: cells.slice(0, count),
      }));
  }

  first(selection: Selection, signal: AbortSignal): Promise<readonly Row[]> {
    return this.#one('first', selection, signal);
  }

  last(selection: Selection, signal: AbortSignal): Promise<readonly Row[]> {
    return this.#one('last', selection, signal);
  }

  async write(target: WriteTarget, lines: readonly string[], signal: AbortSignal): Promise<void> {
    const query = new URLSearchParams({ db: target.database, precision: 'ns' });
    if (target.policy !== undefined) query.set('rp', target.policy);
    const { body, status } = await this.#request('POST', `/write?${query}`, lines.join('\n'), signal);
    const text = await body.text();
    if (status < 300) return;
    if (status === 400 || status === 413 || status === 422) throw refusalOf({ text }, lines);
    throw this.#refused(status, reasonOf({ text }));
  }

  async ping(signal: AbortSignal): Promise<void> {
    const { body, headers, status } = await this.#request('GET', '/ping', undefined, signal);
    await body.dump();
    // Where a token is asked for even here, it is there nonetheless.
    if (status >= 500) throw new SourceError('away', `${this.name} answers with ${status}`);
    const version = headers['x-influxdb-version'];
    if (typeof version === 'string') this.#version = version.replace(/^v/, '');
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #describeOne(database: string, signal: AbortSignal): Promise<Described[]> {
    const [fields, tags] = await Promise.all([
      this.#show(database, `SHOW FIELD KEYS ON ${identifier(database)}`, signal),
      this.#show(database, `SHOW TAG KEYS ON ${identifier(database)}`, signal),
    ]);
    const measurements = new Map<string, { fields: Map<string, FieldType>; tags: string[] }>();
    for (const { cells, name } of fields) {
      const [field = '', type = ''] = cells;
      const described = measurements.get(name) ?? { fields: new Map(), tags: [] };
      measurements.set(name, described);
      described.fields.set(field, FIELD_TYPES.get(type) ?? 'float');
    }
    for (const { cells, name } of tags) measurements.get(name)?.tags.push(cells[0] ?? '');
    return [...measurements].map(([measurement, described]) => ({
      database,
      measurement,
      fields: [...described.fields].map(([name, type]) => ({ name, type })),
      tags: described.tags,
    }));
  }

  async #one(which: 'first' | 'last', selection: Selection, signal: AbortSignal): Promise<Row[]> {
    const rows: Row[] = [];
    const query = selectOne(which, selection);
    for await (const piece of this.#query(selection.database, selection.policy, query, signal))
      rows.push(...groupedRows(piece, selection));
    return rows;
  }

  /** What a SHOW statement answers: its rows are texts, without a time. */
  async #show(database: string, query: string, signal: AbortSignal): Promise<ShownRow[]> {
    const body = await this.#ask(database, undefined, query, false, signal);
    try {
      return shownRows(JSON.parse(await body.text()));
    } catch (error) {
      throw this.#failed(error, signal);
    }
  }

  async *#query(
    database: string,
    policy: string | undefined,
    query: string,
    signal: AbortSignal,
  ): AsyncGenerator<readonly AnswerRow[]> {
    const body = await this.#ask(database, policy, query, true, signal);
    const answer = new QueryAnswer();
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body) {
        const rows = answer.push(decoder.decode(chunk, { stream: true }));
        if (rows.length > 0) yield rows;
      }
      answer.end();
    } catch (error) {
      throw this.#failed(error, signal);
    } finally {
      body.destroy();
    }
  }

  async #ask(
    database: string,
    policy: string | undefined,
    query: string,
    isLong: boolean,
    signal: AbortSignal,
  ): Promise<Body> {
    const parameters = new URLSearchParams({ epoch: 'ns' });
    if (isLong) {
      parameters.set('chunked', 'true');
      parameters.set('chunk_size', String(CHUNK_ROWS));
    }
    if (database !== '') parameters.set('db', database);
    if (policy !== undefined) parameters.set('rp', policy);
    parameters.set('q', query);
    const { body, status } = await this.#request('POST', '/query', parameters.toString(), signal);
    if (status === 200) return body;
    throw this.#refused(status, reasonOf({ text: await body.text() }));
  }

  async #request(
    method: 'GET' | 'POST',
    path: string,
    content: string | undefined,
    signal: AbortSignal,
  ): Promise<Response> {
    const { authorization } = this.#options;
    const isForm = path === '/query';
    try {
      const { body, headers, statusCode } = await request(`${this.#base}${path}`, {
        method,
        signal,
        dispatcher: this.#agent,
        ...(content === undefined ? {} : { body: content }),
        headers: {
          accept: 'application/json',
          'content-type': isForm ? 'application/x-www-form-urlencoded' : 'text/plain; charset=utf-8',
          ...(authorization === undefined ? {} : { authorization }),
        },
      });
      // Whoever reads it hears of its end; one that nobody reads any more may break off.
      body.on('error', () => {});
      return { body, headers, status: statusCode };
    } catch (error) {
      throw this.#failed(error, signal);
    }
  }

  /** What InfluxDB said in place of an answer. */
  #refused(status: number, reason: string): SourceError {
    if (status === 401 || status === 403)
      return new SourceError(
        'refuses',
        `${this.name} refuses who asks (${status}): ${reason}; check user, password or token`,
      );
    if (status === 404 || /(?:database|retention policy|bucket|measurement) not found/i.test(reason))
      return new SourceError('not-found', `${this.name}: ${reason}`);
    if (/timeout|took too long/i.test(reason)) return new SourceError('too-slow', `${this.name}: ${reason}`);
    if (status >= 500 || status === 429)
      return new SourceError('away', `${this.name} can't answer now (${status}): ${reason}`);
    return new SourceError('refuses', `${this.name} refuses (${status}): ${reason}`);
  }

  #failed(error: unknown, signal: AbortSignal): unknown {
    if (error instanceof SourceError || error instanceof ProblemError) return error;
    if (signal.aborted) return signal.reason;
    if (error instanceof QueryRefused) return this.#refused(200, error.message);
    if (error instanceof StrangeAnswer || error instanceof SyntaxError)
      return new SourceError('refuses', `${this.#base} does not answer as InfluxDB does: ${error.message}`);
    if (/^UND_ERR_(?:HEADERS|BODY|CONNECT)_TIMEOUT$/.test(codeOf(error) ?? '')) {
      const seconds = this.#options.timeoutMs / 1000;
      return new SourceError('too-slow', `${this.name} has not answered within ${seconds} s`, {
        cause: error,
      });
    }
    return new SourceError('away', `${this.name} can't be reached: ${reasonUnreached(error)}`, {
      cause: error,
    });
  }
}

type Body = Dispatcher.ResponseData['body'];

interface Response {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: Body;
}

interface ShownRow {
  /** Of the series: the measurement. */
  readonly name: string;
  readonly cells: readonly string[];
}

function groupedRows(rows: readonly AnswerRow[], { group }: Selection): Row[] {
  let last: AnswerSeries | undefined;
  let tags: readonly string[] = [];
  return rows.map(({ cells, series, timeNs }) => {
    if (series !== last) {
      last = series;
      tags = group.map((tag) => series.tags.get(tag) ?? '');
    }
    return { timeNs, tags, values: cells };
  });
}

/** @throws QueryRefused, StrangeAnswer */
function shownRows(answer: unknown): ShownRow[] {
  const rows: ShownRow[] = [];
  for (const result of listOf(answer, 'results')) {
    if (isRecord(result) && typeof result.error === 'string') throw new QueryRefused(result.error);
    for (const series of listOf(result, 'series')) {
      const name = isRecord(series) && typeof series.name === 'string' ? series.name : '';
      for (const cells of listOf(series, 'values'))
        if (Array.isArray(cells)) rows.push({ name, cells: cells.map(String) });
    }
  }
  return rows;
}

function listOf(value: unknown, name: string): readonly unknown[] {
  const list = isRecord(value) ? value[name] : undefined;
  return Array.isArray(list) ? list : [];
}
