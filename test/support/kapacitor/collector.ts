import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

const PATIENCE_MS = 20_000;

/** A point as `|httpPost()` sends it. */
export interface PostedPoint {
  readonly timeNs: bigint;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** An alert as a post handler sends it. */
export interface PostedAlert {
  readonly id: string;
  readonly message: string;
  readonly level: string;
  readonly previousLevel: string;
  readonly time: string;
}

/** Where the tasks of a test send what they let through: `|httpPost('${collector.url}')`, or an alert's `.post()`. */
export class Collector implements AsyncDisposable {
  readonly url: string;
  readonly points: PostedPoint[] = [];
  readonly alerts: PostedAlert[] = [];
  readonly #server: ReturnType<typeof createServer>;
  readonly #watchers = new Set<() => void>();

  private constructor(server: ReturnType<typeof createServer>, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}/`;
    server.on('request', this.#onRequest);
  }

  static async start(): Promise<Collector> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return new Collector(server, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Resolves once so many points, and alerts, have come. */
  async received(count: number): Promise<readonly PostedPoint[]> {
    await this.#when(
      () => this.points.length >= count,
      () => `${this.points.length} of ${count} points came`,
    );
    return this.points;
  }

  async alerted(count: number): Promise<readonly PostedAlert[]> {
    await this.#when(
      () => this.alerts.length >= count,
      () => `${this.alerts.length} of ${count} alerts came`,
    );
    return this.alerts;
  }

  readonly #onRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body: PostedBody = JSON.parse(await text(request));
    if (body.series === undefined) this.alerts.push(body);
    else this.points.push(...body.series.flatMap(pointsOf));
    response.end();
    for (const look of [...this.#watchers]) look();
  };

  #when(isThere: () => boolean, state: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
      };
      const timer = setTimeout(() => {
        settle();
        reject(new Error(`${state()} within ${PATIENCE_MS} ms`));
      }, PATIENCE_MS);
      const look = (): void => {
        if (!isThere()) return;
        settle();
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }
}

interface Series {
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly unknown[])[];
}

interface PostedBody extends PostedAlert {
  readonly series?: readonly Series[];
}

function pointsOf({ columns, tags = {}, values }: Series): PostedPoint[] {
  return values.map(([time, ...cells]) => ({
    timeNs: nanosOf(String(time)),
    tags,
    fields: Object.fromEntries(cells.map((cell, at) => [columns[at + 1] ?? '', cell])),
  }));
}

/** Nanoseconds since the epoch of a date that Go has written. */
export function nanosOf(date: string): bigint {
  const [, seconds = '', fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(date) ?? [];
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
