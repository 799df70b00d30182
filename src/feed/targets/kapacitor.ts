import { setting, wording } from '../../wording.ts';
import { busyError, type Connection, reasonOf } from './connection.ts';
import { SERVER_LINGER_MS } from './influxdb.ts';
import { refusalOf } from './refusal.ts';
import { SetupError, type Target } from './target.ts';

export interface KapacitorOptions {
  readonly database: string;
  readonly retentionPolicy: string;
  /** Called with what answers, once it has. */
  readonly onConnected: (what: string) => void;
}

/** Writes to Kapacitor's own write endpoint, as InfluxDB's subscriptions do: its stream tasks see the points at once. */
export class KapacitorTarget implements Target {
  readonly lingerMs = SERVER_LINGER_MS;
  readonly #connection: Connection;
  readonly #options: KapacitorOptions;
  readonly #path: string;
  #name: string;
  #isConnected = false;

  constructor(connection: Connection, options: KapacitorOptions) {
    this.#connection = connection;
    this.#options = options;
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
    if (status === 400 || status === 413) throw refusalOf(reason, lines);
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
    this.#options.onConnected(this.#name);
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
