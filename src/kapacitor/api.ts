import type { Agent as HttpAgent, IncomingMessage } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { wantOfDescriptors } from '../descriptors.ts';
import { messageOf, OperationError } from '../errors.ts';
import { isRecord } from '../is-record.ts';
import { setting, type Wording, wording } from '../wording.ts';

/** Kapacitor's own default for the length of one page of its lists. */
const PAGE_TASKS = 100;
/** Requests at a time. */
const MAX_CONNECTIONS = 4;
/** The longest answer taken: the statistics of some ten thousand tasks. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** What is shown of an answer that is no JSON, in characters. */
const EXCERPT_CHARS = 200;

const BASE_PATH = '/kapacitor/v1';
const TASK_FIELDS = ['status', 'executing', 'error', 'modified', 'last-enabled'];

export interface ApiOptions {
  /** `http:` or `https:`, without credentials; a path is put in front of Kapacitor's own. */
  readonly url: URL;
  /** The header's value; undefined: none is sent. */
  readonly authorization: string | undefined;
  /** PEM certificates that are trusted instead of the system's. */
  readonly ca: string | undefined;
  /** Whether any certificate will do. */
  readonly isInsecure: boolean;
  /** How long one request may take. */
  readonly timeoutMs: number;
}

export type TaskStatus = 'enabled' | 'disabled';

/** What Kapacitor says of a task. */
export interface Task {
  readonly id: string;
  readonly status: TaskStatus;
  readonly isExecuting: boolean;
  /** Why it failed; empty where it did not, or not yet. */
  readonly error: string;
  /** When somebody last changed it, as Kapacitor writes it. */
  readonly modified: string;
  /** When it was last enabled by a request, as Kapacitor writes it; starts of Kapacitor don't count. */
  readonly lastEnabled: string;
}

/** One node of a task that is executing. */
export interface NodeExecution {
  readonly task: string;
  /** Its name within the task, such as `edgeDetect2`. */
  readonly node: string;
  /** What it does; for a UDF, the function's name in Kapacitor's configuration. */
  readonly kind: string;
  /** Made anew each time that the task is started: another one says that it was. */
  readonly id: string;
}

/** A request that Kapacitor refused, or did not answer. */
export class ApiError extends OperationError {
  /** The HTTP status; undefined where there was no answer, so that what was asked may have been done or not. */
  readonly status: number | undefined;

  constructor(message: string | Wording, status: number | undefined, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

// The agent loads this file whether it asks Kapacitor or not; imported as modules these would take 15 MB of it.
const http = () => process.getBuiltinModule('node:http');
const https = () => process.getBuiltinModule('node:https');

/** Kapacitor's HTTP API, as far as tasks are concerned. All methods reject with ApiError. */
export class KapacitorApi {
  /** Where it is, for messages. */
  readonly place: string;
  readonly #options: ApiOptions;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #secrets: readonly string[];

  constructor(options: ApiOptions) {
    const { authorization, ca, isInsecure, url } = options;
    this.#options = options;
    this.place = `${url.origin}${url.pathname.replace(/\/$/, '')}`;
    // No connection is kept: requests are seldom, and one that Kapacitor has just closed would fail.
    this.#agent =
      url.protocol === 'https:'
        ? new (https().Agent)({
            maxSockets: MAX_CONNECTIONS,
            rejectUnauthorized: !isInsecure,
            ...(ca === undefined ? {} : { ca }),
          })
        : new (http().Agent)({ maxSockets: MAX_CONNECTIONS });
    this.#secrets = authorization === undefined ? [] : secretsOf(authorization);
  }

  /** Every task, by its id. */
  async tasks(): Promise<Map<string, Task>> {
    const tasks = new Map<string, Task>();
    for (let offset = 0; ; offset += PAGE_TASKS) {
      const page = await this.#list({ offset: String(offset), limit: String(PAGE_TASKS) });
      for (const task of page) tasks.set(task.id, task);
      if (page.length < PAGE_TASKS) return tasks;
    }
  }

  /** @returns undefined where there is no such task */
  async task(id: string): Promise<Task | undefined> {
    // The list by pattern, unlike the task itself, comes without script, graph and statistics. Ids hold no wildcards.
    return (await this.#list({ pattern: id })).find((task) => task.id === id);
  }

  async #list(query: Readonly<Record<string, string>>): Promise<Task[]> {
    const params = new URLSearchParams(query);
    for (const field of TASK_FIELDS) params.append('fields', field);
    const answer = await this.ask('GET', `/tasks?${params}`);
    if (!isRecord(answer) || !Array.isArray(answer.tasks)) throw this.#strange('/tasks');
    return answer.tasks.map((task) => this.#readTask(task));
  }

  /** @returns the task as it is now */
  async setStatus(id: string, status: TaskStatus): Promise<Task> {
    return this.#readTask(await this.ask('PATCH', `/tasks/${encodeURIComponent(id)}`, { status }));
  }

  /**
   * A moment since which Kapacitor has been running without a break, in milliseconds since the epoch. It does not say
   * when it was started, but when its memory was last cleaned up, some hundred times back.
   * @returns undefined where it does not say that either
   */
  async runningSinceMs(): Promise<number | undefined> {
    const { memstats } = await this.#statistics();
    if (!isRecord(memstats) || !Array.isArray(memstats.PauseEnd)) return undefined;
    const ends: unknown[] = memstats.PauseEnd;
    const times = ends.filter((ns) => typeof ns === 'number').filter((ns) => ns > 0);
    return times.length === 0 ? undefined : Math.min(...times) / 1_000_000;
  }

  /** The nodes of all tasks that are executing. */
  async executions(): Promise<NodeExecution[]> {
    const answer = await this.#statistics();
    const executions: NodeExecution[] = [];
    for (const [id, statistic] of Object.entries(answer.kapacitor)) {
      if (!isRecord(statistic) || statistic.name !== 'nodes' || !isRecord(statistic.tags)) continue;
      const { task, node, kind } = statistic.tags;
      if (typeof task === 'string' && typeof node === 'string' && typeof kind === 'string')
        executions.push({ task, node, kind, id });
    }
    return executions;
  }

  async #statistics(): Promise<Record<string, unknown> & { readonly kapacitor: Record<string, unknown> }> {
    const answer = await this.ask('GET', '/debug/vars');
    if (!isRecord(answer) || !isRecord(answer.kapacitor)) throw this.#strange('/debug/vars');
    return { ...answer, kapacitor: answer.kapacitor };
  }

  #readTask(value: unknown): Task {
    if (
      !isRecord(value) ||
      typeof value.id !== 'string' ||
      (value.status !== 'enabled' && value.status !== 'disabled') ||
      typeof value.executing !== 'boolean' ||
      typeof value.error !== 'string' ||
      typeof value.modified !== 'string' ||
      typeof value['last-enabled'] !== 'string'
    )
      throw this.#strange('/tasks');
    return {
      id: value.id,
      status: value.status,
      isExecuting: value.executing,
      error: value.error,
      modified: value.modified,
      lastEnabled: value['last-enabled'],
    };
  }

  #strange(path: string): ApiError {
    return new ApiError(
      `${this.place}${BASE_PATH}${path} does not answer as Kapacitor does; check the URL`,
      200,
    );
  }

  /**
   * Any request of its API.
   * @param path what comes behind `/kapacitor/v1`
   * @returns the answer's JSON; undefined where there is none
   */
  async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const { status, text } = await this.#send(method, path, body);
    if (status >= 200 && status < 300) {
      if (text === '') return undefined;
      try {
        return JSON.parse(text);
      } catch {
        throw this.#strange(path.replace(/\?.*/, ''));
      }
    }
    const what = `Kapacitor at ${this.place} refuses ${method} ${path.replace(/\?.*/, '')} (${status}): ${this.#hideSecrets(reasonOf(text))}`;
    if (status === 401 || status === 403)
      throw new ApiError(
        `${what}; set EDGE_DETECT_KAPACITOR_USER and EDGE_DETECT_KAPACITOR_PASSWORD, or EDGE_DETECT_KAPACITOR_TOKEN`,
        status,
      );
    throw new ApiError(what, status);
  }

  async #send(method: string, path: string, body: unknown): Promise<{ status: number; text: string }> {
    const { authorization, timeoutMs, url } = this.#options;
    const content = body === undefined ? undefined : JSON.stringify(body);
    const signal = AbortSignal.timeout(timeoutMs);
    const options = {
      method,
      agent: this.#agent,
      signal,
      headers: {
        accept: 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
        ...(content === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }),
      },
    };
    const target = `${this.place}${BASE_PATH}${path}`;
    try {
      return await new Promise((resolve, reject) => {
        const onResponse = (response: IncomingMessage): void => {
          readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
        };
        const { request: open } = url.protocol === 'https:' ? https() : http();
        const request = open(target, options, onResponse);
        request.once('error', reject);
        request.end(content);
      });
    } catch (error) {
      const reason = signal.aborted ? `nothing came within ${timeoutMs / 1000} s` : messageOf(error);
      const want = wantOfDescriptors(error);
      if (want !== undefined)
        throw new ApiError(`Kapacitor at ${this.place} cannot be asked: ${want}`, undefined);
      const advice = /certificate|CERT_|self.signed/i.test(reason)
        ? wording`if the certificate is right, give who signed it by ${setting('kapacitorCa')}`
        : 'is it running, and is the URL right?';
      throw new ApiError(
        wording`Kapacitor at ${this.place} does not answer: ${this.#hideSecrets(reason)}; ${advice}`,
        undefined,
      );
    }
  }

  /** A server, or whatever stands in front of it, may repeat what it was sent. */
  #hideSecrets(text: string): string {
    let hidden = text;
    for (const secret of this.#secrets) hidden = hidden.replaceAll(secret, '***');
    return hidden;
  }
}

/** The header of basic authentication. */
export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** The header of a JSON web token. */
export function tokenAuthorization(token: string): string {
  return `Bearer ${token}`;
}

function secretsOf(authorization: string): string[] {
  const [scheme, value] = authorization.split(' ');
  if (value === undefined) return [];
  if (scheme !== 'Basic') return [value];
  const plain = Buffer.from(value, 'base64').toString();
  const password = plain.slice(plain.indexOf(':') + 1);
  return password === '' ? [value] : [value, password];
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
  }
  return Buffer.concat(chunks).toString();
}

/** The text of Kapacitor's error, or the beginning of whatever else answered. */
function reasonOf(text: string): string {
  try {
    const answer: unknown = JSON.parse(text);
    if (isRecord(answer) && typeof answer.error === 'string') return answer.error;
  } catch {
    // A proxy's page, say.
  }
  const line = text.trim().replaceAll(/\s+/g, ' ');
  return line === '' ? 'no reason given' : line.slice(0, EXCERPT_CHARS);
}
