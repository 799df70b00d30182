import { InfluxDB } from '@influxdata/influxdb-client';
import { type InfluxCandidate, type InfluxHost, startHost } from './influxdb-host.ts';

/** Who may do everything on a server started here. */
export const ADMIN = {
  user: 'admin',
  password: 'pass-for-tests',
  token: 'token-for-tests',
  org: 'home',
} as const;

/** One point as a server gives it back, each value as line protocol writes it: 1i is an integer, 1 a float. */
export interface StoredPoint {
  readonly timeNs: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
}

/** A real InfluxDB that wants to know who asks; it can be stopped and started again with its data. */
export interface InfluxServer extends AsyncDisposable {
  readonly major: 1 | 2;
  readonly url: string;
  /** The options of `feed` that write into a database or bucket as the administrator. */
  flags(database: string): string[];
  /** Creates a database or bucket. */
  create(database: string): Promise<void>;
  /** Every point of a measurement, by time. */
  points(database: string, measurement: string): Promise<StoredPoint[]>;
  /** All that it holds, as it answers whoever asks, in each of its formats. */
  answers(database: string): Promise<ReadonlyMap<string, string>>;
  stop(): Promise<void>;
  restart(): Promise<void>;
}

/** Starts one with an administrator and no data. */
export async function startInfluxDb(candidate: InfluxCandidate): Promise<InfluxServer> {
  const host = await startHost(candidate);
  return candidate.major === 1 ? Influx1.prepare(host) : Influx2.prepare(host);
}

/** What /query answers, read so that numbers are their own digits. */
interface QueryAnswer {
  readonly error?: string;
  readonly results?: readonly { readonly error?: string; readonly series?: readonly Series[] }[];
}

interface Series {
  readonly columns: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly values: readonly (readonly (string | null)[])[];
}

class Influx1 implements InfluxServer {
  readonly major = 1;
  readonly url: string;
  readonly #host: InfluxHost;

  private constructor(host: InfluxHost) {
    this.#host = host;
    this.url = host.url;
  }

  static async prepare(host: InfluxHost): Promise<Influx1> {
    const server = new Influx1(host);
    await server.#query(
      '',
      `CREATE USER "${ADMIN.user}" WITH PASSWORD '${ADMIN.password}' WITH ALL PRIVILEGES`,
    );
    return server;
  }

  flags(database: string): string[] {
    const { password, user } = ADMIN;
    return ['--influxdb', this.url, '--database', database, '--user', user, '--password', password];
  }

  async create(database: string): Promise<void> {
    await this.#query('', `CREATE DATABASE "${database}"`);
  }

  async points(database: string, measurement: string): Promise<StoredPoint[]> {
    const from = `FROM "${measurement.replace(/["\\]/g, '\\$&')}"`;
    const found = await this.#query(database, `SELECT * ${from} GROUP BY *`);
    // After the points: a field that comes meanwhile must not be one whose kind was not asked for.
    const kinds = new Map<string, string>();
    for (const { values } of await this.#query(database, `SHOW FIELD KEYS ${from}`))
      for (const [name, kind] of values) kinds.set(name ?? '', kind ?? '');
    const points: StoredPoint[] = [];
    for (const { columns, tags = {}, values } of found) {
      for (const [time, ...cells] of values) {
        const fields = cells.flatMap((cell, at) => {
          const name = columns[at + 1] ?? '';
          return cell === null ? [] : [[name, literalOf(cell, kinds.get(name) ?? '')]];
        });
        // A series without a tag that others have is given back with an empty one.
        const own = Object.entries(tags).filter(([, value]) => value !== '');
        points.push({
          timeNs: time ?? '',
          tags: Object.fromEntries(own),
          fields: Object.fromEntries(fields),
        });
      }
    }
    return byTime(points);
  }

  async answers(database: string): Promise<ReadonlyMap<string, string>> {
    const query = new URLSearchParams({ db: database, q: 'SELECT * FROM /.*/ GROUP BY *' });
    const ask = async (parameters: string, accept: string): Promise<string> => {
      const { user, password } = ADMIN;
      const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
      const response = await fetch(`${this.url}/query?${query}${parameters}`, {
        headers: { accept, authorization },
      });
      return response.text();
    };
    return new Map([
      ['JSON', await ask('', 'application/json')],
      ['pretty JSON', await ask('&pretty=true', 'application/json')],
      ['JSON with numbers for times', await ask('&epoch=ns', 'application/json')],
      ['CSV', await ask('', 'application/csv')],
    ]);
  }

  stop(): Promise<void> {
    return this.#host.stop();
  }

  restart(): Promise<void> {
    return this.#host.restart();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#host.remove();
  }

  async #query(database: string, statement: string): Promise<readonly Series[]> {
    const authorization = `Basic ${Buffer.from(`${ADMIN.user}:${ADMIN.password}`).toString('base64')}`;
    const response = await fetch(`${this.url}/query`, {
      method: 'POST',
      body: new URLSearchParams({ db: database, epoch: 'ns', q: statement }),
      headers: { authorization },
    });
    const answer: QueryAnswer = JSON.parse(
      await response.text(),
      (_key, value: unknown, context?: { readonly source?: string }) =>
        typeof value === 'number' || typeof value === 'boolean' ? context?.source : value,
    );
    const error = answer.error ?? answer.results?.find((result) => result.error !== undefined)?.error;
    if (error !== undefined) throw new Error(`${statement}: ${error}`);
    return answer.results?.flatMap((result) => result.series ?? []) ?? [];
  }
}

class Influx2 implements InfluxServer {
  readonly major = 2;
  readonly url: string;
  readonly #host: InfluxHost;
  readonly #orgId: string;

  private constructor(host: InfluxHost, orgId: string) {
    this.#host = host;
    this.#orgId = orgId;
    this.url = host.url;
  }

  static async prepare(host: InfluxHost): Promise<Influx2> {
    const { org, password, token, user } = ADMIN;
    const wish = { username: user, password, token, org, bucket: 'first' };
    const setup: { readonly org: { readonly id: string } } = JSON.parse(
      await post(`${host.url}/api/v2/setup`, wish),
    );
    return new Influx2(host, setup.org.id);
  }

  flags(bucket: string): string[] {
    return ['--influxdb', this.url, '--org', ADMIN.org, '--bucket', bucket, '--token', ADMIN.token];
  }

  async create(bucket: string): Promise<void> {
    await post(`${this.url}/api/v2/buckets`, { orgID: this.#orgId, name: bucket, retentionRules: [] });
  }

  async points(bucket: string, measurement: string): Promise<StoredPoint[]> {
    const api = new InfluxDB({ url: this.url, token: ADMIN.token }).getQueryApi(ADMIN.org);
    const flux = `from(bucket: ${JSON.stringify(bucket)})
      |> range(start: 1677-09-22T00:00:00Z, stop: 2262-04-11T00:00:00Z)
      |> filter(fn: (r) => r._measurement == ${JSON.stringify(measurement)})`;
    const points = new Map<
      string,
      { timeNs: string; tags: Record<string, string>; fields: Record<string, string> }
    >();
    await api.collectRows(flux, (values, { columns }) => {
      const tags: Record<string, string> = {};
      let [time, field, value] = ['', '', ''];
      for (const { dataType, index, label } of columns) {
        // Flux writes a line break within a text as CSV has it at a line's end; what is stored has the one that came.
        const text = (values[index] ?? '').replaceAll('\r\n', '\n');
        if (label === '_time') time = String(nanosOf(text));
        else if (label === '_field') field = text;
        else if (label === '_value') value = literalOf(text, KINDS_OF_2.get(dataType) ?? '');
        else if (!label.startsWith('_') && label !== 'result' && label !== 'table' && text !== '')
          tags[label] = text;
      }
      const key = JSON.stringify([time, Object.entries(tags).sort()]);
      const point = points.get(key) ?? { timeNs: time, tags, fields: {} };
      point.fields[field] = value;
      points.set(key, point);
    });
    return byTime([...points.values()]);
  }

  async answers(bucket: string): Promise<ReadonlyMap<string, string>> {
    const query = `from(bucket: ${JSON.stringify(bucket)}) |> range(start: 2000-01-01T00:00:00Z)`;
    const ask = async (flux: string): Promise<string> => {
      const response = await fetch(`${this.url}/api/v2/query?${new URLSearchParams({ org: ADMIN.org })}`, {
        method: 'POST',
        headers: { authorization: `Token ${ADMIN.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          query: flux,
          dialect: { annotations: ['group', 'datatype', 'default'], dateTimeFormat: 'RFC3339Nano' },
        }),
      });
      return response.text();
    };
    const keys = 'rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value"';
    return new Map([
      ['annotated CSV', await ask(query)],
      ['annotated CSV, fields in columns', await ask(`${query} |> pivot(${keys})`)],
    ]);
  }

  stop(): Promise<void> {
    return this.#host.stop();
  }

  restart(): Promise<void> {
    return this.#host.restart();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#host.remove();
  }
}

const KINDS_OF_2: ReadonlyMap<string, string> = new Map([
  ['long', 'integer'],
  ['double', 'float'],
  ['boolean', 'boolean'],
  ['string', 'string'],
]);

function literalOf(text: string, kind: string): string {
  switch (kind) {
    case 'integer':
      return `${text}i`;
    case 'float':
      return String(Number(text));
    case 'string':
      return `"${text.replace(/["\\]/g, '\\$&')}"`;
    default:
      return text;
  }
}

function nanosOf(date: string): bigint {
  const [, seconds = '', fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(date) ?? [];
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function byTime(points: readonly StoredPoint[]): StoredPoint[] {
  return points.toSorted((a, b) => (BigInt(a.timeNs) < BigInt(b.timeNs) ? -1 : 1));
}

async function post(url: string, body: unknown): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { authorization: `Token ${ADMIN.token}` },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${text}`);
  return text;
}
