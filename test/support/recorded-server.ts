import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { gunzipSync } from 'node:zlib';

export interface RecordedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A real HTTP server on a free port of this machine that answers as a test says and keeps what it was asked. */
export class RecordedServer implements AsyncDisposable {
  readonly requests: RecordedRequest[] = [];
  readonly #server: Server | TlsServer;

  private constructor(server: Server | TlsServer) {
    this.#server = server;
  }

  /**
   * @param answer undefined: the request is left without an answer
   * @param identity what it shows to speak TLS; undefined: it speaks none
   */
  static async start(
    answer: (request: RecordedRequest) => Reply | undefined | Promise<Reply | undefined>,
    identity?: { readonly key: string; readonly cert: string },
  ): Promise<RecordedServer> {
    const onRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const raw = Buffer.concat(chunks);
      const recorded: RecordedRequest = {
        method: request.method ?? '',
        url: new URL(request.url ?? '', 'http://server'),
        headers: request.headers,
        body: (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString('utf8'),
      };
      started.requests.push(recorded);
      const reply = await answer(recorded);
      if (reply === undefined) return;
      response.writeHead(reply.status, reply.headers);
      response.end(reply.body);
    };
    const server =
      identity === undefined ? createServer(onRequest) : createTlsServer({ ...identity }, onRequest);
    const started = new RecordedServer(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return started;
  }

  get url(): URL {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server does not listen');
    return new URL(`${this.#server instanceof TlsServer ? 'https' : 'http'}://127.0.0.1:${address.port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
