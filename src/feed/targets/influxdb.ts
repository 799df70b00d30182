import { setting, wording } from '../../wording.ts';
import { type Answer, busyError, type Connection, reasonOf } from './connection.ts';
import { refusalOf } from './refusal.ts';
import { SetupError, type Target } from './target.ts';

export interface InfluxOptions {
  /** InfluxDB 1.x: where to write. */
  readonly database: string | undefined;
  /** InfluxDB 1.x: undefined is the database's default. */
  readonly retentionPolicy: string | undefined;
  /** InfluxDB 1.x: whether to create the database, if it is not there. */
  readonly createsDatabase: boolean;
  /** InfluxDB 1.x: who writes; for messages. */
  readonly user: string | undefined;
  /** InfluxDB 2.x: where to write. */
  readonly org: string | undefined;
  readonly bucket: string | undefined;
}

/** How long points may wait for company on their way to a server. */
export const SERVER_LINGER_MS = 1_000;

/** Writes to InfluxDB, after finding out which one it is. */
export class InfluxTarget implements Target {
  readonly lingerMs = SERVER_LINGER_MS;
  readonly #connection: Connection;
  readonly #options: InfluxOptions;
  readonly #onConnected: (what: string) => void;
  #name: string;
  #path: string | undefined;

  /** @param onConnected is told what answers, once it has */
  constructor(connection: Connection, options: InfluxOptions, onConnected: (what: string) => void) {
    this.#connection = connection;
    this.#options = options;
    this.#onConnected = onConnected;
    this.#name = `InfluxDB at ${connection.place}`;
  }

  get name(): string {
    return this.#name;
  }

  async write(lines: readonly string[], signal: AbortSignal): Promise<void> {
    this.#path ??= await this.#connect(signal);
    const answer = await this.#connection.request('POST', this.#path, lines.join('\n'), signal);
    if (answer.status >= 200 && answer.status < 300) return;
    this.#failSetup(answer);
    throw refusalOf(reasonOf(answer), lines);
  }

  close(): void {
    this.#connection.close();
  }

  /** @returns the path to write to */
  async #connect(signal: AbortSignal): Promise<string> {
    const version = await this.#version(signal);
    this.#name = `InfluxDB ${version} at ${this.#connection.place}`;
    const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
    const path = major === '1' ? await this.#connectTo1(Number(minor), signal) : this.#connectTo2();
    this.#onConnected(this.#name);
    return path;
  }

  async #version(signal: AbortSignal): Promise<string> {
    const ping = await this.#connection.request('GET', '/ping', '', signal);
    const version = ping.header('x-influxdb-version');
    if (version !== undefined && ping.status < 300) return version;
    // Early versions of 2.x, and a proxy that lets no foreign headers through.
    const health = await this.#connection.request('GET', '/health', '', signal);
    const stated = versionOf(health.text) ?? version;
    if (stated !== undefined) return stated;
    this.#failAccess(ping);
    const busy = busyError(ping, this.#name, reasonOf(ping));
    if (busy !== undefined) throw busy;
    throw new SetupError(
      `${this.#connection.place} does not answer as InfluxDB does (${ping.status}): is the URL right?`,
    );
  }

  async #connectTo1(minor: number, signal: AbortSignal): Promise<string> {
    const { createsDatabase, database, retentionPolicy } = this.#options;
    if (database === undefined)
      throw new SetupError(
        wording`${this.#name} has databases: say ${setting('database')} NAME in place of ${setting('org')} and ${setting('bucket')}`,
      );
    if (createsDatabase) await this.#createDatabase(database, signal);
    const query = new URLSearchParams({ precision: 'ns' });
    // The endpoint of 2.x that 1.8 has splits what it is given at a slash.
    if (minor >= 8 && !database.includes('/')) {
      query.set('bucket', retentionPolicy === undefined ? database : `${database}/${retentionPolicy}`);
      return `/api/v2/write?${query}`;
    }
    query.set('db', database);
    if (retentionPolicy !== undefined) query.set('rp', retentionPolicy);
    return `/write?${query}`;
  }

  #connectTo2(): string {
    const { bucket, createsDatabase, org } = this.#options;
    if (createsDatabase)
      throw new SetupError(
        wording`${this.#name} has buckets, which ${setting('createDatabase')} can't create: influx bucket create`,
      );
    if (org === undefined || bucket === undefined)
      throw new SetupError(
        wording`${this.#name} has buckets: say ${setting('org')}, ${setting('bucket')} and ${setting('token')} in place of ${setting('database')}`,
      );
    return `/api/v2/write?${new URLSearchParams({ org, bucket, precision: 'ns' })}`;
  }

  async #createDatabase(database: string, signal: AbortSignal): Promise<void> {
    const statement = `CREATE DATABASE "${database.replace(/["\\]/g, '\\$&')}"`;
    const path = `/query?${new URLSearchParams({ q: statement })}`;
    const answer = await this.#connection.request('POST', path, '', signal);
    this.#failSetup(answer);
    const error = answer.status === 200 ? statementError(answer.text) : reasonOf(answer);
    if (error !== undefined)
      throw new SetupError(`${this.#name} won't create the database '${database}': ${error}`);
  }

  #failAccess({ status, ...rest }: Answer): void {
    if (status !== 401 && status !== 403) return;
    const { bucket, user } = this.#options;
    const reason = reasonOf({ status, ...rest });
    if (bucket !== undefined)
      throw new SetupError(
        wording`${this.#name} refuses the token (${reason}): check ${setting('token')} and its rights`,
      );
    if (user === undefined)
      throw new SetupError(
        wording`${this.#name} wants to know who writes (${reason}): say ${setting('user')} and ${setting('password')}`,
      );
    throw new SetupError(
      wording`${this.#name} refuses user ${user} (${reason}): check ${setting('user')}, ${setting('password')} and the user's rights`,
    );
  }

  #failSetup(answer: Answer): void {
    const { status } = answer;
    if (status < 300 || status === 400 || status === 413 || status === 422) return;
    this.#failAccess(answer);
    const { database, retentionPolicy } = this.#options;
    const reason = reasonOf(answer);
    if (/retention policy not found/.test(reason))
      throw new SetupError(
        `${this.#name}: database '${database}' has no retention policy '${retentionPolicy}': create it first`,
      );
    if (status === 404 && /database not found/.test(reason))
      throw new SetupError(
        wording`${this.#name} has no database '${database}': create it, or say ${setting('createDatabase')}`,
      );
    if (status === 404)
      throw new SetupError(
        wording`${this.#name}: ${reason}: check ${setting('org')} and ${setting('bucket')}`,
      );
    throw (
      busyError(answer, this.#name, reason) ?? new SetupError(`${this.#name} answered ${status}: ${reason}`)
    );
  }
}

function versionOf(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (
      typeof value === 'object' &&
      value !== null &&
      'version' in value &&
      typeof value.version === 'string'
    )
      return value.version;
  } catch {
    // No health report then.
  }
  return undefined;
}

function statementError(text: string): string | undefined {
  return /"error":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
}
