import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { getCACertificates } from 'node:tls';
import { HttpError, InfluxDB, type Transport } from '@influxdata/influxdb-client';
import { codeOf, messageOf } from '../../errors.ts';
import { setting, wording } from '../../wording.ts';
import { proxyFor } from './proxy.ts';
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
  /** PEM certificates that are trusted besides the usual ones. */
  readonly ca?: string | undefined;
  /** The setting that names them, for messages. */
  readonly caSetting?: string;
  /** Whether any certificate will do. */
  readonly isInsecure?: boolean;
  /** Where `HTTPS_PROXY` and `NO_PROXY` are looked up; undefined: no proxy. */
  readonly environment?: NodeJS.ProcessEnv | undefined;
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

/** Why there was no answer, for people, with the system's code for it. */
export function reasonUnreached(error: unknown): string {
  const code = codeOf(error) ?? '';
  return `${EXPLANATIONS.get(code) ?? messageOf(error).trim()}${code && ` (${code})`}`;
}

/** Faults of certificates: they don't go away by waiting. */
const TLS_FAULT =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;
/** Certificates that nobody known has signed. */
const UNKNOWN_SIGNER = /^(?:DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;
/** What OpenSSL says where an answer is no TLS. */
const NO_TLS = /wrong version number|packet length too long|unknown protocol|http request/i;
/** What Node says where a server hangs up in the middle of the handshake. */
const NO_HANDSHAKE = /before secure TLS connection was established/;
/** What servers written in Go, as InfluxDB is, answer to a request that should have been encrypted. */
const WANTS_TLS = /HTTP request to an HTTPS server/;

/** Requests to one server, one at a time, over the InfluxDB client's transport. */
export class Connection {
  /** Where it goes, for messages: without credentials. */
  readonly place: string;
  readonly #transport: Transport;
  readonly #agent: Agent | TlsAgent;
  readonly #proxy: URL | undefined;
  readonly #options: ConnectionOptions;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.place = `${options.url.origin}${options.url.pathname.replace(/\/$/, '')}`;
    this.#proxy = proxyFor(options.url, options.environment ?? {});
    const agentOptions = { keepAlive: true, maxSockets: 1 };
    this.#agent =
      options.url.protocol === 'https:'
        ? new TlsAgent({
            ...agentOptions,
            rejectUnauthorized: options.isInsecure !== true,
            ...(options.ca === undefined ? {} : { ca: [...getCACertificates(), options.ca] }),
            ...(this.#proxy === undefined ? {} : { proxyEnv: { HTTPS_PROXY: this.#proxy.href } }),
          })
        : new Agent(agentOptions);
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
      const answer = await this.#send(path, body, {
        method,
        signal: controller.signal,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        ...(isCompressed ? { gzipThreshold: GZIP_THRESHOLD } : {}),
      });
      if (answer.status === 400 && WANTS_TLS.test(answer.text))
        throw new SetupError(this.#otherScheme('https'));
      return answer;
    } catch (error) {
      if (isLate) throw new Error(`${this.place} has not answered within ${timeoutMs / 1000} s`);
      throw this.#failure(error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Whether requests say who sends them by a token. */
  get hasToken(): boolean {
    return /^(?:Token|Bearer) /.test(this.#options.authorization ?? '');
  }

  close(): void {
    this.#agent.destroy();
  }

  /** What a request's failure means, in words; a SetupError if it will not go away by itself. */
  #failure(error: unknown): Error {
    if (error instanceof SetupError) return error;
    const code = codeOf(error) ?? '';
    const { place } = this;
    if (code === 'ERR_PROXY_TUNNEL') return this.#proxyFailure(messageOf(error));
    if (NO_TLS.test(messageOf(error))) return new SetupError(this.#otherScheme('http'));
    if (TLS_FAULT.test(code)) {
      const advice = UNKNOWN_SIGNER.test(code)
        ? wording`; if it is the right one, give the certificate that signed it by ${setting(this.#options.caSetting ?? 'influxdbCa')}`
        : '';
      return new SetupError(wording`${place} can't be trusted: ${trustReason(error)} (${code})${advice}`);
    }
    const through = this.#proxy === undefined ? '' : ` through the proxy ${this.#proxy.host}`;
    const hint = NO_HANDSHAKE.test(messageOf(error)) ? '; does it speak TLS, or should it be http://?' : '';
    return new Error(`${place} can't be reached${through}: ${reasonUnreached(error)}${hint}`);
  }

  /** @param message as Node says it, with the status line of the proxy's answer at its end */
  #proxyFailure(message: string): Error {
    const answer = /HTTP\/[\d.]+ (\d{3}.*)$/.exec(message)?.[1] ?? 'nothing that can be understood';
    const text = `${this.place} can't be reached: the proxy ${this.#proxy?.host} answered ${answer}`;
    return answer.startsWith('407')
      ? new SetupError(
          `${text}; its user and password belong into HTTPS_PROXY: http://user:password@host:port`,
        )
      : new Error(text);
  }

  #otherScheme(scheme: 'http' | 'https'): string {
    const other = `${scheme}://${this.#options.url.host}`;
    return scheme === 'http'
      ? `${this.place} does not speak TLS: say ${other}`
      : `${this.place} speaks TLS only: say ${other}`;
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

/** Without Node's advice for programs that are started by hand. */
function trustReason(error: unknown): string {
  return messageOf(error).replace(/; if the root CA is installed locally.*/s, '');
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

/** Whether an answer is a page for people, which no database gives: a proxy's, or another server's. */
export function isPage(answer: Answer): boolean {
  return /^text\/html\b/i.test(answer.header('content-type') ?? '');
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
export function reasonOf(answer: Pick<Answer, 'text'>): string {
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
