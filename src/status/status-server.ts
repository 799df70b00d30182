import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { AgentEvents } from './agent-events.ts';
import type { Insight, LiveEdge } from './report.ts';

const DEFAULT_LIMIT = 1_000;
const MAX_LIMIT = 10_000;
/** What may wait for a reader of live edges before it loses some. */
const MAX_WAITING_BYTES = 1024 * 1024;

export interface StatusOptions {
  readonly insight: Insight;
  readonly version: string;
  /** Undefined where nothing happens that concerns all. */
  readonly events?: AgentEvents | undefined;
  /** Whether everything that is served has its socket. */
  readonly isReady: () => boolean;
}

/**
 * HTTP over what the agent knows: it answers questions and changes nothing.
 *
 *     GET /healthz, /readyz, /metrics, /sessions, /sessions/{task}/{node}/states?match=&after=&limit=, /edges
 */
export class StatusServer {
  readonly #options: StatusOptions;
  readonly #server: Server;
  #metrics: Promise<{ readonly contentType: string; text(): Promise<string> }> | undefined;

  constructor(options: StatusOptions) {
    this.#options = options;
    // Importing node:http as a module has Node load its client of WebSockets as well: 10 MB, and a part of the start.
    this.#server = process.getBuiltinModule('node:http').createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else send(response, 500, { error: error instanceof Error ? error.message : String(error) });
      });
    });
  }

  /** Takes a connection that nobody has read from. */
  accept(socket: Socket): void {
    this.#server.emit('connection', socket);
    socket.resume();
  }

  /** Listens on an address as well. */
  listen(port: number, host: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => resolve());
    });
  }

  async stop(): Promise<void> {
    this.abort();
  }

  abort(): void {
    this.#server.closeAllConnections();
    if (this.#server.listening) this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://status');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(response, 405, { error: 'nothing here can be changed: only GET' });
      return;
    }
    const [first = '', task, node, last, ...more] = url.pathname.split('/').slice(1).map(decoded);
    if (
      first === 'sessions' &&
      task !== undefined &&
      node !== undefined &&
      last === 'states' &&
      more.length === 0
    )
      await this.#states(task, node, url.searchParams, response);
    else if (task !== undefined) notFound(response);
    else if (first === 'healthz') send(response, 200, { status: 'alive' });
    else if (first === 'readyz') this.#ready(response);
    else if (first === 'metrics') await this.#sendMetrics(response);
    else if (first === 'sessions') send(response, 200, { sessions: await this.#options.insight.sessions() });
    else if (first === 'edges') this.#edges(request, response, url.searchParams);
    else notFound(response);
  }

  #ready(response: ServerResponse): void {
    const isReady = this.#options.isReady();
    send(response, isReady ? 200 : 503, { status: isReady ? 'ready' : 'starting' });
  }

  async #sendMetrics(response: ServerResponse): Promise<void> {
    // Only who is asked needs the library.
    this.#metrics ??= import('./metrics.ts').then(
      ({ Metrics }) =>
        new Metrics(this.#options.insight, this.#options.events ?? new AgentEvents(), this.#options.version),
    );
    const metrics = await this.#metrics;
    const text = await metrics.text();
    response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
  }

  async #states(
    task: string,
    node: string,
    params: URLSearchParams,
    response: ServerResponse,
  ): Promise<void> {
    const limit = Number(params.get('limit') ?? DEFAULT_LIMIT);
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
      send(response, 400, { error: `limit must be a whole number from 1 to ${MAX_LIMIT}` });
      return;
    }
    const match = params.get('match');
    const after = params.get('after');
    const report = await this.#options.insight.states({
      task,
      node,
      limit,
      ...(match === null ? {} : { match }),
      ...(after === null ? {} : { after }),
    });
    if (report === undefined)
      send(response, 404, { error: `there is no session of ${task}, ${node} that shows states` });
    else send(response, 200, report);
  }

  /** Edges as they are made; a reader that is too slow loses some, and is told how many. */
  #edges(request: IncomingMessage, response: ServerResponse, params: URLSearchParams): void {
    const isEvents = (request.headers.accept ?? '').includes('text/event-stream');
    const task = params.get('task');
    response.writeHead(200, {
      'content-type': isEvents ? 'text/event-stream' : 'application/x-ndjson',
      'cache-control': 'no-store',
    });
    response.flushHeaders();
    let lost = 0;
    const write = (kind: string, value: unknown): void => {
      const json = JSON.stringify(value);
      response.write(isEvents ? `event: ${kind}\ndata: ${json}\n\n` : `${json}\n`);
    };
    const stop = this.#options.insight.watchEdges((edge: LiveEdge) => {
      if (task !== null && edge.task !== task) return;
      if (response.writableLength > MAX_WAITING_BYTES) {
        lost++;
        return;
      }
      if (lost > 0) write('lost', { lost });
      lost = 0;
      write('edge', edge);
    });
    response.once('close', stop);
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function notFound(response: ServerResponse): void {
  send(response, 404, {
    error: 'there are /healthz, /readyz, /metrics, /sessions, /sessions/{task}/{node}/states and /edges',
  });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}
