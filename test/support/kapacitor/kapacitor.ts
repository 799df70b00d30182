import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, extname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../daemon.ts';
import { type KapacitorCandidate, type RunningKapacitord, startKapacitord } from './kapacitor-host.ts';

const PATIENCE_MS = 30_000;
const POLL_MS = 20;

export interface KapacitorOptions {
  /** The folder of the agent's sockets. */
  readonly socketFolder: string;
  /** After so long without an answer Kapacitor gives an agent up. Its own name for it: `timeout`. */
  readonly udfTimeout?: string;
  readonly snapshotInterval?: string;
  /** A folder with `tasks/`, `templates/` and `handlers/`, loaded at each start. */
  readonly load?: string;
  /** Where tasks query and write. */
  readonly influxDb?: { readonly url: string; readonly user: string; readonly password: string };
  /** Whether InfluxDB passes on to it what is written into databases that are there when it starts. */
  readonly isSubscribed?: boolean;
}

export interface TaskState {
  readonly status: 'enabled' | 'disabled';
  readonly executing: boolean;
  readonly error: string;
  /** What each node has counted, by the node's name. */
  readonly nodes: Readonly<Record<string, { readonly collected?: number; readonly emitted?: number }>>;
}

export interface ReplayOptions {
  readonly task: string;
  readonly recording: string;
  /** By default the points have their recorded times, and nobody waits for them. */
  readonly clock?: 'fast' | 'real';
  readonly hasRecordingTime?: boolean;
}

/** Kapacitor said no. The message is its own. */
export class KapacitorError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * A Kapacitor of a test's own: its port, its configuration, its data.
 *
 *     await using kapacitor = await Kapacitor.start(candidate, { socketFolder });
 *     await kapacitor.define('edges', `stream|from()…@edgeDetect()…`);
 *     await kapacitor.record('monday', 'edges', lines);
 *     await kapacitor.replay({ task: 'edges', recording: 'monday' });
 */
export class Kapacitor implements AsyncDisposable {
  readonly folder: string;
  readonly url: string;
  readonly #candidate: KapacitorCandidate;
  #running: RunningKapacitord | undefined;
  #isRunning = false;
  #replays = 0;

  private constructor(candidate: KapacitorCandidate, folder: string, port: number) {
    this.#candidate = candidate;
    this.folder = folder;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts one and waits until it answers. */
  static async start(candidate: KapacitorCandidate, options: KapacitorOptions): Promise<Kapacitor> {
    const kapacitor = await Kapacitor.prepare(candidate, options);
    try {
      await kapacitor.up();
      return kapacitor;
    } catch (error) {
      await kapacitor[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** As {@link start}, but it does not run yet. */
  static async prepare(candidate: KapacitorCandidate, options: KapacitorOptions): Promise<Kapacitor> {
    // In the folder of the sockets, so that a container needs only one mount.
    const folder = mkdtempSync(join(options.socketFolder, 'kapacitor-'));
    const port = await freePort();
    mkdirSync(join(folder, 'replay'));
    writeFileSync(join(folder, 'kapacitor.conf'), configuration(folder, port, options));
    return new Kapacitor(candidate, folder, port);
  }

  /** The log so far, and what Go printed if it fell. */
  get log(): string {
    return [join(this.folder, 'log'), join(this.folder, 'stderr')]
      .map((path) => (existsSync(path) ? readFileSync(path, 'utf8') : ''))
      .join('');
  }

  get hasPanicked(): boolean {
    return /^(panic|fatal error): |goroutine \d+ \[/m.test(this.log);
  }

  /** Starts it, if need be again with what it had, and waits until it answers and has loaded all tasks. */
  async up(): Promise<void> {
    const before = this.#starts();
    const running = await this.launch();
    let code: number | null | undefined;
    running.exited.then((exitCode) => {
      code = exitCode;
    });
    await until('kapacitord has started', () => {
      if (code !== undefined) throw new Error(`kapacitord has ended with ${code}:\n${this.log.slice(-8000)}`);
      // It answers requests before its tasks are loaded; this it says at the very end.
      return this.#starts() === before ? undefined : true;
    });
  }

  /** How often it has started to the end. */
  #starts(): number {
    return this.log.split('listening for signals').length - 1;
  }

  /** Starts it, and does not wait. */
  async launch(): Promise<RunningKapacitord> {
    const conf = join(this.folder, 'kapacitor.conf');
    // The sockets' folder is the one above.
    const running = await startKapacitord(this.#candidate, join(this.folder, '..'), conf);
    this.#running = running;
    this.#isRunning = true;
    void running.exited.then(() => {
      if (this.#running === running) this.#isRunning = false;
    });
    return running;
  }

  /** Whether it runs: it may have fallen by itself. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    await this.#running?.signal('SIGKILL');
    this.#isRunning = false;
  }

  /** Begins its log anew, so that a later fall is not taken for an earlier one. */
  forgetLog(): void {
    for (const name of ['log', 'stderr']) rmSync(join(this.folder, name), { force: true });
  }

  /** Whether it answers. */
  async ping(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/kapacitor/v1/ping`)).ok;
    } catch {
      return false;
    }
  }

  /** Stops it as a service manager would. @returns its exit code */
  async stop(): Promise<number | null> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return null;
    const killer = setTimeout(() => running.signal('SIGKILL'), PATIENCE_MS);
    try {
      await running.signal('SIGTERM');
    } finally {
      clearTimeout(killer);
    }
    return running.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /**
   * Defines a task, or gives it another script, and enables it.
   * @throws KapacitorError with what a user sees, if the script is refused
   */
  async define(id: string, script: string, database = 'telegraf'): Promise<void> {
    await this.defineDisabled(id, script, database);
    await this.enable(id);
  }

  /** Defines a task that does not run: for replays alone. */
  async defineDisabled(id: string, script: string, database = 'telegraf'): Promise<void> {
    const type = /^batch\b|=\s*batch\b/m.test(script) ? 'batch' : 'stream';
    const dbrps = /^dbrp /m.test(script) ? {} : { dbrps: [{ db: database, rp: 'autogen' }] };
    await this.#ask('POST', '/tasks', { id, type, script, status: 'disabled', ...dbrps });
  }

  /** Gives a task another script; one that runs goes on with the old one until it is disabled and enabled. */
  async redefine(id: string, script: string): Promise<void> {
    await this.#ask('PATCH', `/tasks/${id}`, { script });
  }

  /** Enables a task and waits until it executes or has failed. @throws KapacitorError if it can't be started */
  async enable(id: string): Promise<void> {
    await this.#ask('PATCH', `/tasks/${id}`, { status: 'enabled' });
  }

  /** Disables a task; resolves once all of its nodes have ended and written what they had. */
  async disable(id: string): Promise<void> {
    await this.#ask('PATCH', `/tasks/${id}`, { status: 'disabled' });
  }

  /** Disables a task and enables it again, so that it starts from its last snapshot and with its newest script. */
  async reenable(id: string): Promise<void> {
    await this.disable(id);
    await this.enable(id);
  }

  async remove(id: string): Promise<void> {
    await this.#ask('DELETE', `/tasks/${id}`);
  }

  async task(id: string): Promise<TaskState> {
    const { stats, ...task } = await this.#ask<
      Omit<TaskState, 'nodes'> & { readonly stats?: { readonly 'node-stats'?: TaskState['nodes'] } }
    >('GET', `/tasks/${id}`);
    return { ...task, nodes: stats?.['node-stats'] ?? {} };
  }

  async taskIds(): Promise<string[]> {
    const { tasks } = await this.#ask<{ readonly tasks: readonly { readonly id: string }[] }>(
      'GET',
      '/tasks',
    );
    return tasks.map(({ id }) => id);
  }

  /** The handlers of an alert topic. */
  async handlerIds(topic: string): Promise<string[]> {
    const { handlers } = await this.#ask<{ readonly handlers: readonly { readonly id: string }[] }>(
      'GET',
      `/alerts/topics/${topic}/handlers`,
    );
    return handlers.map(({ id }) => id).sort();
  }

  /**
   * Waits until a snapshot with some text in it is stored: a group or state that no older one has. Kapacitor takes them
   * at its interval only and tells nobody; its database shows them.
   */
  async keeps(text: string): Promise<void> {
    const file = join(this.folder, 'kapacitor.db');
    await until(`a snapshot with ${text}`, () => readFileSync(file).includes(text) || undefined);
  }

  /** Sends points to every task that listens to the database. @param lines line protocol, times in ns */
  async feed(lines: readonly string[], database = 'telegraf'): Promise<void> {
    const query = new URLSearchParams({ db: database, rp: 'autogen', precision: 'ns' });
    await this.#fetch('POST', `/write?${query}`, lines.join('\n'));
  }

  /** Records points as they pass, for a task that is there. All times must be before the year 2100. */
  async record(id: string, task: string, lines: readonly string[], database = 'telegraf'): Promise<void> {
    const stop = '2100-01-01T00:00:00Z';
    await this.#ask('POST', '/recordings/stream', { id, task, stop });
    // Kapacitor listens before it makes the file.
    const file = join(this.folder, 'replay', `${id}.srpl`);
    await until('the recording begins', () => (existsSync(file) ? true : undefined));
    await this.feed(lines, database);
    // Only a point after its end ends a recording; the measurement must be one that the task wants.
    const [measurement = ''] = /^(?:\\.|[^, \\])+/.exec(lines[0] ?? '') ?? [];
    await this.feed([`${measurement} end=1 ${Date.parse(stop) + 1}000000`], database);
    await this.#finished('/recordings/', id);
  }

  /** Records what the queries of a batch task would have found. Times as `2026-01-01T00:00:00Z`. */
  async recordBatch(id: string, task: string, start: string, stop: string): Promise<void> {
    await this.#ask('POST', '/recordings/batch', { id, task, start, stop });
    await this.#finished('/recordings/', id);
  }

  /** Takes over a recording made elsewhere; Kapacitor finds it at its next start. @returns the recording's id */
  adopt(file: string): string {
    copyFileSync(file, join(this.folder, 'replay', basename(file)));
    return basename(file, extname(file));
  }

  /** Plays a recording to a task, which may be disabled, and waits until the task has worked through it. */
  async replay({ task, recording, clock = 'fast', hasRecordingTime = true }: ReplayOptions): Promise<void> {
    const id = await this.startReplay({ task, recording, clock, hasRecordingTime });
    await this.#finished('/replays/', id);
  }

  /** As {@link replay}, but does not wait. @returns the replay's id */
  async startReplay({
    task,
    recording,
    clock = 'fast',
    hasRecordingTime = true,
  }: ReplayOptions): Promise<string> {
    const id = `replay-${++this.#replays}`;
    await this.#ask('POST', '/replays', { id, task, recording, clock, 'recording-time': hasRecordingTime });
    return id;
  }

  /** Waits for a replay that was started. */
  replayed(id: string): Promise<void> {
    return this.#finished('/replays/', id);
  }

  async #finished(path: string, id: string): Promise<void> {
    const { error } = await until(`${path}${id} is finished`, async () => {
      const state = await this.#ask<{ readonly status: string; readonly error: string }>(
        'GET',
        `${path}${id}`,
      );
      return state.status === 'running' ? undefined : state;
    });
    if (error !== '') throw new KapacitorError(200, error);
  }

  async #ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const text = await this.#fetch(method, path, body === undefined ? undefined : JSON.stringify(body));
    return JSON.parse(text === '' ? '{}' : text);
  }

  async #fetch(method: string, path: string, body?: string): Promise<string> {
    const response = await fetch(`${this.url}/kapacitor/v1${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await response.text();
    if (response.ok) return text;
    const { error }: { readonly error?: string } = JSON.parse(text);
    throw new KapacitorError(response.status, error ?? text);
  }
}

/** Asks again and again until there is an answer. @throws Error that says what was waited for */
export async function until<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`waited ${patienceMs} ms in vain: ${what}`);
    await pause(POLL_MS);
  }
}

function configuration(folder: string, port: number, options: KapacitorOptions): string {
  const {
    influxDb,
    isSubscribed = false,
    load,
    snapshotInterval = '60s',
    socketFolder,
    udfTimeout = '10s',
  } = options;
  const functions = ['edgeDetect', 'edgeDetectBatch'].map(
    (name) => `
[udf.functions.${name}]
  socket = "${join(socketFolder, `${name}.sock`)}"
  timeout = "${udfTimeout}"
`,
  );
  return `
hostname = "127.0.0.1"
data_dir = "${folder}"
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[replay]
  dir = "${join(folder, 'replay')}"
[storage]
  boltdb = "${join(folder, 'kapacitor.db')}"
[task]
  dir = "${join(folder, 'tasks')}"
  snapshot-interval = "${snapshotInterval}"
[load]
  enabled = ${load !== undefined}
  dir = "${load ?? folder}"
[[influxdb]]
  enabled = ${influxDb !== undefined}
  default = true
  name = "default"
  urls = ["${influxDb?.url ?? 'http://127.0.0.1:8086'}"]
  username = "${influxDb?.user ?? ''}"
  password = "${influxDb?.password ?? ''}"
  disable-subscriptions = ${!isSubscribed}
[logging]
  file = "${join(folder, 'log')}"
  level = "INFO"
[reporting]
  enabled = false
[stats]
  enabled = false
${functions.join('')}`;
}
