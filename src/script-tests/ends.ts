import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { messageOf } from '../errors.ts';
import { LineParser, type LinePoint } from '../line-protocol/parser.ts';
import { CASE_TAG, NODES_DATABASE } from './instrument.ts';

/** A point that a script wrote. */
export interface Written {
  readonly database: string;
  readonly policy: string;
  /** Its time is in nanoseconds. */
  readonly point: LinePoint;
}

/** An alert as Kapacitor's handlers get it. */
export interface AlertEvent {
  readonly id: string;
  readonly level: string;
  readonly previousLevel: string;
  readonly message: string;
  readonly details: string;
  /** RFC 3339, to the nanosecond. */
  readonly time: string;
  /** Nanoseconds. */
  readonly duration: number;
  readonly data: unknown;
}

/** What one case's script let out. */
export interface CaseEnds {
  readonly writes: readonly Written[];
  /** What nodes passed on, by the number of the tap. */
  readonly passed: ReadonlyMap<number, readonly LinePoint[]>;
  /** What httpPost nodes posted, in order. */
  readonly posts: readonly { readonly index: number; readonly body: unknown }[];
  /** The events that a handler got. */
  events(handler: string): readonly AlertEvent[];
  /** Waits until a handler has got so many events. */
  gotEvents(handler: string, count: number, signal: AbortSignal): Promise<void>;
  /** What came that could not be read. */
  readonly problems: readonly string[];
}

const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['u', 1_000n],
  ['us', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);

/** Kapacitor asks for it to know which paths there are. */
const INFLUXDB_VERSION = '1.8.10';

/**
 * The other ends of all scripts under test: an InfluxDB that takes writes, and a server that takes what is posted, told
 * apart by case.
 */
export class Ends implements AsyncDisposable {
  readonly #server: Server;
  readonly #cases = new Map<string, Case>();
  /** What came for no case, for instance from a task of the person's own. */
  strays = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on loopback. */
  static async start(): Promise<Ends> {
    let ends: Ends | undefined;
    const server = createServer((request, response) => {
      void ends?.answer(request, response);
    });
    ends = new Ends(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return ends;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server is closed');
    return `http://127.0.0.1:${address.port}`;
  }

  /** From now on what has this id is kept. */
  open(id: string): CaseEnds {
    const opened = new Case();
    this.#cases.set(id, opened);
    return opened;
  }

  close(id: string): void {
    this.#cases.delete(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  /** @internal One request. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://ends');
    response.setHeader('X-Influxdb-Version', INFLUXDB_VERSION);
    try {
      const raw = await buffer(request);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
      response.statusCode = 204;
      const [, kind = '', id = '', rest = ''] = url.pathname.split('/').map(decodeURIComponent);
      if (kind === 'write') this.#write(url, body.toString());
      else if (kind === 'query') {
        response.statusCode = 200;
        response.setHeader('Content-Type', 'application/json');
        response.end('{"results":[{"statement_id":0}]}\n');
        return;
      } else if (kind === 'node') this.#of(id)?.post(Number(rest), JSON.parse(body.toString()));
      else if (kind === 'alert') this.#of(id)?.alert(rest, JSON.parse(body.toString()));
      else if (kind !== 'ping') response.statusCode = 404;
    } catch (error) {
      response.statusCode = 400;
      for (const each of this.#cases.values()) each.problems.push(messageOf(error));
    }
    response.end();
  }

  #of(id: string): Case | undefined {
    const found = this.#cases.get(id);
    if (found === undefined) this.strays++;
    return found;
  }

  #write(url: URL, text: string): void {
    const database = url.searchParams.get('db') ?? '';
    const policy = url.searchParams.get('rp') ?? '';
    const unit = UNITS.get(url.searchParams.get('precision') ?? 'ns') ?? 1n;
    const scanner = new LineParser(text, { file: `what was written to ${database}`, line: 1 }, true);
    for (let point = scanner.next(); point !== undefined; point = scanner.next()) {
      const tags = new Map(point.tags);
      const id = tags.get(CASE_TAG);
      tags.delete(CASE_TAG);
      const time = point.time === undefined ? undefined : point.time * unit;
      this.#of(id ?? '')?.write({ database, policy, point: { ...point, tags, time } });
    }
  }
}

class Case implements CaseEnds {
  readonly writes: Written[] = [];
  readonly passed = new Map<number, LinePoint[]>();
  readonly posts: { index: number; body: unknown }[] = [];
  readonly problems: string[] = [];
  readonly #events = new Map<string, AlertEvent[]>();
  readonly #waiting = new Set<() => void>();

  write(written: Written): void {
    if (written.database !== NODES_DATABASE) {
      this.writes.push(written);
      return;
    }
    const tap = Number(written.point.measurement);
    const points = this.passed.get(tap);
    if (points === undefined) this.passed.set(tap, [written.point]);
    else points.push(written.point);
  }

  post(index: number, body: unknown): void {
    this.posts.push({ index, body });
  }

  alert(handler: string, body: unknown): void {
    const event = eventOf(body);
    const events = this.#events.get(handler);
    if (events === undefined) this.#events.set(handler, [event]);
    else events.push(event);
    for (const look of this.#waiting) look();
  }

  events(handler: string): readonly AlertEvent[] {
    return this.#events.get(handler) ?? [];
  }

  gotEvents(handler: string, count: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.events(handler).length < count && !signal.aborted) return;
        this.#waiting.delete(look);
        signal.removeEventListener('abort', look);
        if (signal.aborted) reject(signal.reason);
        else resolve();
      };
      this.#waiting.add(look);
      signal.addEventListener('abort', look);
      look();
    });
  }
}

function eventOf(body: unknown): AlertEvent {
  const given = typeof body === 'object' && body !== null ? new Map(Object.entries(body)) : new Map();
  const text = (name: string): string => {
    const value: unknown = given.get(name);
    return typeof value === 'string' ? value : '';
  };
  const duration: unknown = given.get('duration');
  return {
    id: text('id'),
    level: text('level'),
    previousLevel: text('previousLevel'),
    message: text('message'),
    details: text('details'),
    time: text('time'),
    duration: typeof duration === 'number' ? duration : 0,
    data: given.get('data'),
  };
}
