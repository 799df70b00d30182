import { setting, wording } from '../../wording.ts';
import { pause } from '../pause.ts';
import { type Answer, busyError, type Connection, isPage, reasonOf } from './connection.ts';
import { refusalOf } from './refusal.ts';
import { subscriptionState } from './subscriptions.ts';
import { SetupError, type Target, type TargetEvents } from './target.ts';

export interface InfluxOptions {
  /** InfluxDB 1.x and 3.x: where to write. */
  readonly database: string | undefined;
  /** InfluxDB 1.x and 3.x: undefined is the database's default. */
  readonly retentionPolicy: string | undefined;
  /** InfluxDB 1.x: whether to create the database, if it is not there. */
  readonly createsDatabase: boolean;
  /** InfluxDB 1.x: who writes; for messages. */
  readonly user: string | undefined;
  /** InfluxDB 2.x: where to write; 3.x takes a bucket as well, and an organisation is nothing to it. */
  readonly org: string | undefined;
  readonly bucket: string | undefined;
  /** InfluxDB 1.x: how long to wait until Kapacitor is subscribed to the database; undefined: not at all. */
  readonly subscriptionWaitMs?: number | undefined;
}

/** How long points may wait for company on their way to a server. */
export const SERVER_LINGER_MS = 1_000;
/** How often it is asked whether Kapacitor is subscribed. */
const SUBSCRIPTION_LOOK_MS = 1_000;

/** A version as a server states it, and what can be read from it; without numbers it is one that is not known here. */
interface Version {
  readonly text: string | undefined;
  readonly major: number | undefined;
  readonly minor: number;
}

/** Writes to InfluxDB, after finding out which one it is. One that does not say so is believed to be what is asked for. */
export class InfluxTarget implements Target {
  readonly lingerMs = SERVER_LINGER_MS;
  readonly #connection: Connection;
  readonly #options: InfluxOptions;
  readonly #events: TargetEvents;
  #name: string;
  #version: Version | undefined;
  #path: string | undefined;

  constructor(connection: Connection, options: InfluxOptions, events: TargetEvents) {
    this.#connection = connection;
    this.#options = options;
    this.#events = events;
    this.#name = `InfluxDB at ${connection.place}`;
  }

  get name(): string {
    return this.#name;
  }

  async write(lines: readonly string[], signal: AbortSignal): Promise<void> {
    this.#path ??= await this.#connect(signal);
    const answer = await this.#connection.request('POST', this.#path, lines.join('\n'), signal);
    if (isPage(answer)) throw this.#strange(answer);
    if (answer.status >= 200 && answer.status < 300) return;
    this.#failSetup(answer);
    throw refusalOf(answer, lines);
  }

  close(): void {
    this.#connection.close();
  }

  /** @returns the path to write to */
  async #connect(signal: AbortSignal): Promise<string> {
    const version = await this.#askVersion(signal);
    this.#version = version;
    const { major, text } = version;
    if (major !== undefined) this.#name = `InfluxDB ${text} at ${this.#connection.place}`;
    const path =
      major === 1
        ? await this.#connectTo1(version.minor, signal)
        : major === 2
          ? this.#connectTo2()
          : await this.#connectToOther(signal);
    const said = text === undefined ? 'does not say its version' : `says that its version is '${text}'`;
    this.#events.connected(
      major === undefined ? `${this.#name}, which ${said} and is taken for what was asked for` : this.#name,
    );
    return path;
  }

  async #askVersion(signal: AbortSignal): Promise<Version> {
    const ping = await this.#connection.request('GET', '/ping', '', signal);
    const header = ping.header('x-influxdb-version') ?? versionIn(ping.text);
    if (header !== undefined && ping.status < 300) return versionOf(header);
    // Early versions of 2.x, and a proxy that lets no foreign headers through.
    const health = await this.#connection.request('GET', '/health', '', signal);
    const stated = versionIn(health.text) ?? header;
    if (stated !== undefined) return versionOf(stated);
    const busy = busyError(ping, this.#name, reasonOf(ping));
    if (busy !== undefined) throw busy;
    return versionOf(undefined);
  }

  async #connectTo1(minor: number, signal: AbortSignal): Promise<string> {
    const { createsDatabase, database, retentionPolicy } = this.#options;
    if (database === undefined)
      throw new SetupError(
        wording`${this.#name} has databases: say ${setting('database')} NAME in place of ${setting('org')} and ${setting('bucket')}`,
      );
    if (createsDatabase) await this.#createDatabase(database, signal);
    await this.#lookForSubscription(database, signal);
    // The endpoint of 2.x that 1.8 has splits what it is given at a slash.
    if (minor < 8 || database.includes('/')) return this.#pathOf1(database);
    const bucket = retentionPolicy === undefined ? database : `${database}/${retentionPolicy}`;
    return `/api/v2/write?${new URLSearchParams({ precision: 'ns', bucket })}`;
  }

  #connectTo2(): string {
    const { bucket, createsDatabase, org } = this.#options;
    this.#refuseSubscription();
    if (createsDatabase)
      throw new SetupError(
        wording`${this.#name} has buckets, which ${setting('createDatabase')} can't create: influx bucket create`,
      );
    if (org === undefined || bucket === undefined)
      throw new SetupError(
        wording`${this.#name} has buckets: say ${setting('org')}, ${setting('bucket')} and ${setting('token')} in place of ${setting('database')}`,
      );
    return this.#pathOf2(bucket);
  }

  /** InfluxDB 3 takes both ways and makes the database itself; of what is not known, the write decides. */
  async #connectToOther(signal: AbortSignal): Promise<string> {
    const { bucket, createsDatabase, database } = this.#options;
    this.#refuseSubscription();
    if (database === undefined) return this.#pathOf2(bucket ?? '');
    if (createsDatabase && this.#version?.major === undefined)
      await this.#createDatabase(database, signal).catch((error: unknown) => {
        if (error instanceof SetupError) this.#events.note(error.message);
        else throw error;
      });
    return this.#pathOf1(database);
  }

  #pathOf1(database: string): string {
    const { retentionPolicy } = this.#options;
    const query = new URLSearchParams({ precision: 'ns', db: database });
    if (retentionPolicy !== undefined) query.set('rp', retentionPolicy);
    return `/write?${query}`;
  }

  #pathOf2(bucket: string): string {
    const { org } = this.#options;
    return `/api/v2/write?${new URLSearchParams({ ...(org === undefined ? {} : { org }), bucket, precision: 'ns' })}`;
  }

  #refuseSubscription(): void {
    if (this.#options.subscriptionWaitMs === undefined) return;
    throw new SetupError(
      wording`${this.#name} has no subscriptions, so ${setting('waitSubscription')} would wait for ever: give Kapacitor its points by ${setting('kapacitor')}`,
    );
  }

  /** A history fed before Kapacitor has noticed a new database never reaches a task. */
  async #lookForSubscription(database: string, signal: AbortSignal): Promise<void> {
    const { retentionPolicy, subscriptionWaitMs } = this.#options;
    const look = () => subscriptionState(this.#connection, database, retentionPolicy, signal);
    let state = await look();
    if (typeof state === 'string') {
      if (subscriptionWaitMs === undefined) return;
      throw new SetupError(
        wording`${this.#name} does not say who is subscribed (${state}), so ${setting('waitSubscription')} can't wait`,
      );
    }
    if (state.isSubscribed) return;
    const where = `"${database}"."${state.retentionPolicy}"`;
    if (subscriptionWaitMs === undefined) {
      this.#events.note(
        String(
          wording`no Kapacitor is subscribed to ${where} yet, so none will see these points: ${setting('waitSubscription')} waits for it (a Kapacitor looks for new databases once a minute)`,
        ),
      );
      return;
    }
    this.#events.note(
      `waiting until Kapacitor is subscribed to ${where}; it looks for new databases once a minute`,
    );
    const startMs = performance.now();
    while (typeof state === 'string' || !state.isSubscribed) {
      if (performance.now() - startMs >= subscriptionWaitMs)
        throw new SetupError(
          `no Kapacitor has subscribed to ${where} within ${subscriptionWaitMs / 1000} s: is one running, and is this InfluxDB in its configuration?`,
        );
      await pause(SUBSCRIPTION_LOOK_MS, signal);
      signal.throwIfAborted();
      state = await look();
    }
    // InfluxDB itself takes a moment to begin with what it has just been told.
    await pause(SUBSCRIPTION_LOOK_MS, signal);
    this.#events.note(
      `Kapacitor is subscribed to ${where} after ${Math.round((performance.now() - startMs) / 1000)} s`,
    );
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

  #failAccess(answer: Answer): void {
    if (answer.status !== 401 && answer.status !== 403) return;
    const { bucket, user } = this.#options;
    const reason = reasonOf(answer);
    if (this.#connection.hasToken)
      throw new SetupError(
        wording`${this.#name} refuses the token (${reason}): check ${setting('token')} and its rights`,
      );
    if (user !== undefined)
      throw new SetupError(
        wording`${this.#name} refuses user ${user} (${reason}): check ${setting('user')}, ${setting('password')} and the user's rights`,
      );
    const major = this.#version?.major;
    const login = wording`${setting('user')} and ${setting('password')}`;
    const token = setting('token');
    const advice =
      bucket !== undefined || major === 3
        ? wording`${token}`
        : major === 1
          ? login
          : wording`${login}, or ${token}`;
    throw new SetupError(wording`${this.#name} wants to know who writes (${reason}): say ${advice}`);
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
    const busy = busyError(answer, this.#name, reason);
    if (busy !== undefined) throw busy;
    if (this.#version?.major === undefined) throw this.#strange(answer);
    if (status === 404)
      throw new SetupError(
        wording`${this.#name}: ${reason}: check ${setting('org')} and ${setting('bucket')}`,
      );
    throw new SetupError(`${this.#name} answered ${status}: ${reason}`);
  }

  #strange({ status }: Answer): SetupError {
    return new SetupError(
      `${this.#connection.place} does not answer as InfluxDB does (${status}): is the URL right?`,
    );
  }
}

function versionOf(text: string | undefined): Version {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(text ?? '') ?? [];
  return { text, major: major === undefined ? undefined : Number(major), minor: Number(minor) };
}

/** The version in a report of a server's health, or in InfluxDB 3's answer to a ping. */
function versionIn(text: string): string | undefined {
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
