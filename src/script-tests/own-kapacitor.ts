import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { messageOf, OperationError } from '../errors.ts';
import { KapacitorApi } from '../kapacitor/api.ts';
import { type Kapacitord, kapacitordCommand } from './kapacitord.ts';

/** A function at a socket, for Kapacitor's configuration. */
export interface ConfiguredFunction {
  readonly name: string;
  readonly socket: string;
}

export interface OwnKapacitorOptions extends Kapacitord {
  /** A folder of its own, which the caller removes. */
  readonly folder: string;
  readonly functions: readonly ConfiguredFunction[];
  /** Where scripts write and query. */
  readonly influxDbUrl: string;
  /** How often states are stored, as Kapacitor writes durations. */
  readonly snapshotInterval: string;
  /** More of the configuration, for instance further `[udf]` sections. */
  readonly conf: string;
}

/** What Kapacitor logs at its very end of starting: recordings and tasks are there. */
const STARTED = 'listening for signals';
const PATIENCE_MS = 60_000;
const STOP_PATIENCE_MS = 10_000;
/** A port that is free now may be taken a moment later. */
const PORT_TRIES = 5;
const MAX_LOG_LINES = 200;
const API_TIMEOUT_MS = 30_000;

/** The configuration's own timeout; on a busy machine a function may take its time. */
const UDF_TIMEOUT = '30s';

/** A Kapacitor that this process started: its port, its folder, its log. */
export class OwnKapacitor {
  readonly url: URL;
  readonly api: KapacitorApi;
  readonly #process: ChildProcess;
  readonly #sweep: () => void;
  readonly #log: string[];
  /** Why it ended; resolves with its last words once it has. */
  readonly ended: Promise<string>;

  private constructor(
    url: URL,
    process: ChildProcess,
    sweep: () => void,
    log: string[],
    ended: Promise<string>,
  ) {
    this.url = url;
    this.#process = process;
    this.#sweep = sweep;
    this.#log = log;
    this.ended = ended;
    this.api = new KapacitorApi({
      url,
      authorization: undefined,
      ca: undefined,
      isInsecure: false,
      timeoutMs: API_TIMEOUT_MS,
    });
  }

  /**
   * Starts it and waits until it has loaded everything.
   * @throws OperationError with what Kapacitor said where it does not come up
   */
  static async start(options: OwnKapacitorOptions): Promise<OwnKapacitor> {
    mkdirSync(join(options.folder, 'replay'), { recursive: true });
    for (let tries = 1; ; tries++) {
      const port = await freePort();
      const conf = join(options.folder, 'kapacitor.conf');
      writeFileSync(conf, configuration(options, port));
      const kapacitor = await OwnKapacitor.#launch(options, conf, port);
      if (kapacitor instanceof OwnKapacitor) return kapacitor;
      if (tries === PORT_TRIES || !kapacitor.includes('address already in use'))
        throw new OperationError(`${options.image ?? options.kapacitord} does not start: ${kapacitor}`);
    }
  }

  static async #launch(options: Kapacitord, conf: string, port: number): Promise<OwnKapacitor | string> {
    const { args, env, file, sweep } = kapacitordCommand(options, conf);
    const child = spawn(file, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const log: string[] = [];
    const started = Promise.withResolvers<'started'>();
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(messageOf(error)));
      child.once('close', (code, signal) => resolve(lastWords(log, code, signal)));
    });
    const lines = createInterface({ input: child.stderr });
    lines.on('line', (line) => {
      log.push(line);
      if (log.length > MAX_LOG_LINES) log.shift();
      if (line.includes(STARTED)) started.resolve('started');
    });
    const late = AbortSignal.timeout(PATIENCE_MS);
    const verdict = await Promise.race([started.promise, ended, once(late, 'abort')]);
    if (verdict === 'started')
      return new OwnKapacitor(new URL(`http://127.0.0.1:${port}`), child, sweep, log, ended);
    child.kill('SIGKILL');
    sweep();
    return typeof verdict === 'string' ? verdict : `it was not ready within ${PATIENCE_MS / 1000} s`;
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Whether it still answers; one that does not gets the time to end, so that its last words are known. */
  async isAlive(): Promise<boolean> {
    try {
      await this.api.ask('GET', '/ping');
    } catch {
      await Promise.race([this.ended, once(AbortSignal.timeout(STOP_PATIENCE_MS), 'abort')]);
    }
    return this.isRunning;
  }

  /** The last lines of its log that tell of an error. */
  errors(): string[] {
    return this.#log.filter((line) => /lvl=error|panic|fatal/.test(line)).slice(-5);
  }

  /** Ends it; one that does not is killed. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), STOP_PATIENCE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends it at once, where nobody can wait. */
  kill(): void {
    this.#process.kill('SIGKILL');
    this.#sweep();
  }
}

/** What it said last that was no matter of routine. */
function lastWords(log: readonly string[], code: number | null, signal: NodeJS.Signals | null): string {
  const panic = log.findIndex((line) => /^(panic|fatal error): /.test(line));
  const words =
    panic >= 0
      ? log.slice(panic, panic + 2)
      : log.filter((line) => !/lvl=info|Using configuration at/.test(line)).slice(-3);
  const how = signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
  return words.length === 0 ? how : `${how}: ${words.join(' | ')}`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new OperationError('no port is free');
  return address.port;
}

function configuration(options: OwnKapacitorOptions, port: number): string {
  const { conf, folder, functions, influxDbUrl, snapshotInterval } = options;
  const sections = functions.map(
    ({ name, socket }) =>
      `[udf.functions.${name}]\n  socket = ${JSON.stringify(socket)}\n  timeout = "${UDF_TIMEOUT}"\n`,
  );
  const path = (name: string): string => JSON.stringify(join(folder, name));
  return `hostname = "127.0.0.1"
data_dir = ${JSON.stringify(folder)}
skip-config-overrides = true
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[replay]
  dir = ${path('replay')}
[storage]
  boltdb = ${path('kapacitor.db')}
[task]
  dir = ${path('tasks')}
  snapshot-interval = "${snapshotInterval}"
[load]
  enabled = false
  dir = ${path('load')}
[[influxdb]]
  enabled = true
  default = true
  name = "default"
  urls = [${JSON.stringify(influxDbUrl)}]
  disable-subscriptions = true
[logging]
  file = "STDERR"
  level = "INFO"
[reporting]
  enabled = false
[stats]
  enabled = false
${sections.join('')}${conf}`;
}
