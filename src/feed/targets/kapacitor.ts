import { setting, wording } from '../../wording.ts';
import { busyError, type Connection, reasonOf } from './connection.ts';
import { SERVER_LINGER_MS } from './influxdb.ts';
import { refusalOf } from './refusal.ts';
import { SetupError, type Target, type TargetEvents } from './target.ts';

export interface KapacitorOptions {
  readonly database: string;
  readonly retentionPolicy: string;
}

/** What is looked at of a task. */
interface ListedTask {
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly dbrps: readonly { readonly db: string; readonly rp: string }[];
}

/** Kapacitor's own default for the length of one page of its lists. */
const PAGE_TASKS = 100;
/** How many places a note names. */
const MAX_TOLD = 5;

/** Writes to Kapacitor's own write endpoint, as InfluxDB's subscriptions do: its stream tasks see the points at once. */
export class KapacitorTarget implements Target {
  readonly lingerMs = SERVER_LINGER_MS;
  readonly #connection: Connection;
  readonly #options: KapacitorOptions;
  readonly #events: TargetEvents;
  readonly #path: string;
  #name: string;
  #isConnected = false;

  constructor(connection: Connection, options: KapacitorOptions, events: TargetEvents) {
    this.#connection = connection;
    this.#options = options;
    this.#events = events;
    this.#name = `Kapacitor at ${connection.place}`;
    const query = new URLSearchParams({ db: options.database, rp: options.retentionPolicy, precision: 'ns' });
    this.#path = `/kapacitor/v1/write?${query}`;
  }

  get name(): string {
    return this.#name;
  }

  async write(lines: readonly string[], signal: AbortSignal): Promise<void> {
    if (!this.#isConnected) await this.#connect(signal);
    const answer = await this.#connection.request('POST', this.#path, lines.join('\n'), signal);
    const { status } = answer;
    if (status >= 200 && status < 300) return;
    const reason = reasonOf(answer);
    if (status === 400 || status === 413) throw refusalOf(answer, lines);
    this.#fail(status, reason, busyError(answer, this.#name, reason));
  }

  close(): void {
    this.#connection.close();
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const answer = await this.#connection.request('GET', '/kapacitor/v1/ping', '', signal);
    const version = answer.header('x-kapacitor-version');
    if (version === undefined)
      this.#fail(answer.status, reasonOf(answer), busyError(answer, this.#name, reasonOf(answer)));
    this.#name = `Kapacitor ${version} at ${this.#connection.place}`;
    this.#isConnected = true;
    this.#events.connected(this.#name);
    await this.#lookForTasks(signal);
  }

  /** Points that no task reads vanish without a word. */
  async #lookForTasks(signal: AbortSignal): Promise<void> {
    const { database, retentionPolicy } = this.#options;
    const readers = await this.#readers(signal);
    const wanted = `"${database}"."${retentionPolicy}"`;
    if (readers === undefined || readers.has(wanted)) return;
    const others = [...readers].slice(0, MAX_TOLD).map(([place, task]) => `${place} (${task})`);
    const more = readers.size > MAX_TOLD ? ` and ${readers.size - MAX_TOLD} more` : '';
    this.#events.note(
      `no enabled stream task of ${this.#name} reads ${wanted}, so nobody sees these points; ` +
        (others.length === 0 ? 'it has none enabled' : `what is read: ${others.join(', ')}${more}`),
    );
  }

  /** Where enabled stream tasks read from, each with the first task that does; undefined where it can't be known. */
  async #readers(signal: AbortSignal): Promise<Map<string, string> | undefined> {
    const readers = new Map<string, string>();
    for (let offset = 0; ; offset += PAGE_TASKS) {
      const query = new URLSearchParams({ offset: String(offset), limit: String(PAGE_TASKS) });
      for (const field of ['type', 'status', 'dbrps']) query.append('fields', field);
      const answer = await this.#connection.request('GET', `/kapacitor/v1/tasks?${query}`, '', signal);
      const tasks = answer.status === 200 ? tasksIn(answer.text) : undefined;
      if (tasks === undefined) return undefined;
      for (const { dbrps, id, status, type } of tasks) {
        if (status !== 'enabled' || type !== 'stream') continue;
        for (const { db, rp } of dbrps) {
          const place = `"${db}"."${rp}"`;
          if (!readers.has(place)) readers.set(place, id);
        }
      }
      if (tasks.length < PAGE_TASKS) return readers;
    }
  }

  #fail(status: number, reason: string, busy: Error | undefined): never {
    if (busy !== undefined) throw busy;
    if (status === 401 || status === 403)
      throw new SetupError(
        wording`${this.#name} refuses the user (${reason}): check ${setting('user')} and ${setting('password')}`,
      );
    throw new SetupError(
      `${this.#connection.place} does not answer as Kapacitor does (${status}): is the URL right?`,
    );
  }
}

function tasksIn(text: string): ListedTask[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('tasks' in value) || !Array.isArray(value.tasks))
      return undefined;
    return value.tasks.every(isListedTask) ? value.tasks : undefined;
  } catch {
    return undefined;
  }
}

function isListedTask(value: unknown): value is ListedTask {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    'type' in value &&
    'status' in value &&
    'dbrps' in value &&
    Array.isArray(value.dbrps)
  );
}
