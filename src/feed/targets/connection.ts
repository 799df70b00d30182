import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { HttpError, InfluxDB, type Transport } from '@influxdata/influxdb-client';
import { codeOf, messageOf } from '../../errors.ts';
import { BusyError, SetupError } from './target.ts';

export interface ConnectionOptions {
  /** Without credentials. */
  readonly url: URL;
  /** The header's value; undefined: none is sent. */
  readonly authorization: string | undefined;
  /** How long one request may take. */
  readonly timeoutMs: number;
  /** Whether bodies worth it are compressed. */
  readonly isCompressed: boolean;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** @param name in lower case */
  header(name: string): string | undefined;
}

/** Bodies shorter than this are not worth compressing, in bytes. */
const GZIP_THRESHOLD = 1_000;

const EXPLANATIONS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing listens there'],
  ['ECONNRESET', 'it broke the connection off'],
  ['EPIPE', 'it broke the connection off'],
  ['ENOTFOUND', 'there is no host of that name'],
  ['EAI_AGAIN', 'the host could not be looked up'],
  ['EHOSTUNREACH', 'there is no way to that host'],
  ['ENETUNREACH', 'there is no way to that host'],
  ['ETIMEDOUT', 'the host does not answer'],
]);

/** Faults of certificates, and TLS spoken to what speaks none: they don't go away by waiting. */
const TLS_FAULT = /^(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO)/;

/** Requests to one server, one at a time, over the InfluxDB client's transport. */
export class Connection {
  /** Where it goes, for messages: without credentials. */
  readonly place: string;
  readonly #transport: Transport;
  readonly #agent: Agent | TlsAgent;
  readonly #options: ConnectionOptions;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.place = `${options.url.origin}${options.url.pathname.replace(/\/$/, '')}`;
    const agentOptions = { keepAlive: true, maxSockets: 1 };
    this.#agent = options.url.protocol === 'https:' ? new TlsAgent(agentOptions) : new Agent(agentOptions);
    this.#transport = new InfluxDB({
      url: this.place,
      // The client would report a request that takes too long but leave it running, and the socket taken.
      timeout: 0,
      transportOptions: { agent: this.#agent },
      ...(options.authorization === undefined ? {} : { headers: { authorization: options.authorization } }),
    }).transport;
  }

  /**
   * Sends one request.
   * @throws SetupError if TLS will never work, Error if there is no answer, each saying why
   */
  async request(method: string, path: string, body: string, signal: AbortSignal): Promise<Answer> {
    const { isCompressed, timeoutMs } = this.#options;
    // By hand: AbortSignal.timeout() and any() would keep something of each request until its time is over.
    const controller = new AbortController();
    let isLate = false;
    function onAbort(): void {
      controller.abort();
    }
    function onTimeout(): void {
      isLate = true;
      controller.abort();
    }
    if (signal.aborted) controller.abort();
    signal.addEventListener('abort', onAbort);
    const timer = setTimeout(onTimeout, timeoutMs);
    try {
      return await this.#send(path, body, {
        method,
        signal: controller.signal,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        ...(isCompressed ? { gzipThreshold: GZIP_THRESHOLD } : {}),
      });
    } catch (error) {
      if (isLate) throw new Error(`${this.place} has not answered within ${timeoutMs / 1000} s`);
      const code = codeOf(error) ?? '';
      const reason = EXPLANATIONS.get(code) ?? messageOf(error);
      if (TLS_FAULT.test(code)) throw new SetupError(`${this.place} can't be trusted: ${reason} (${code})`);
      throw new Error(`${this.place} can't be reached: ${reason}${code && ` (${code})`}`);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(path: string, body: string, options: Parameters<Transport['send']>[2]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const chunks: Uint8Array[] = [];
      let answer = answerOf(0, {}, '');
      this.#transport.send(path, body, options, {
        responseStarted(headers, status = 0) {
          answer = answerOf(status, headers, '');
        },
        next(chunk) {
          chunks.push(chunk);
        },
        error(error) {
          if (error instanceof HttpError)
            resolve(answerOf(error.statusCode, error.headers ?? {}, error.body ?? ''));
          else reject(error);
        },
        complete() {
          resolve({ ...answer, text: Buffer.concat(chunks).toString('utf8') });
        },
      });
    });
  }
}

function answerOf(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  text: string,
): Answer {
  return {
    status,
    text,
    header(name) {
      const value = headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
  };
}

/** An error that says a server wants to be left alone for a while, or `undefined` if it answered for good. */
export function busyError(answer: Answer, place: string, reason: string): Error | undefined {
  const { status } = answer;
  if (status !== 408 && status !== 425 && status !== 429 && status < 500) return undefined;
  const seconds = Number(answer.header('retry-after') ?? 0);
  const message = `${place} can't write now (${status}): ${reason}`;
  return seconds > 0 ? new BusyError(message, seconds * 1_000) : new Error(message);
}

/** What a server says was wrong: the text in its JSON, or as it stands. */
export function reasonOf(answer: Answer): string {
  try {
    const value: unknown = JSON.parse(answer.text);
    if (typeof value === 'object' && value !== null) {
      if ('error' in value && typeof value.error === 'string') return value.error;
      if ('message' in value && typeof value.message === 'string') return value.message;
    }
  } catch {
    // Not JSON: a proxy's page, say.
  }
  const text = answer.text.trim();
  return text === '' ? 'no reason given' : text.slice(0, 300);
}
