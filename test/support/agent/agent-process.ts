import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));
/** How long an agent may take to listen or to stop. */
const PATIENCE_MS = 20_000;

export interface AgentProcessOptions {
  /** Arguments for `serve`, besides the folder of the sockets. */
  readonly args?: readonly string[];
  /** Arguments for Node. */
  readonly nodeArgs?: readonly string[];
  /** What the agent is started by, for instance `prlimit --nofile=64`. */
  readonly wrapper?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** A folder of the caller's; else the agent has its own, which goes with it. */
  readonly folder?: string;
  /** Whether the process gets a channel for messages. */
  readonly hasChannel?: boolean;
}

/** A line of the agent's log. */
export type LoggedLine = Readonly<Record<string, unknown>>;

/** An agent as users run it: a process of its own. */
export class AgentProcess {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  readonly #ownsFolder: boolean;
  readonly #workers: number[] = [];
  readonly #watchers = new Set<(line: LoggedLine) => void>();
  /** The last lines of its log, as text: what a person wants to see when it failed. */
  readonly lastLines: string[] = [];

  constructor(options: AgentProcessOptions) {
    this.#ownsFolder = options.folder === undefined;
    this.folder = options.folder ?? mkdtempSync(join(tmpdir(), 'edge-process-'));
    const command = [
      ...(options.wrapper ?? []),
      process.execPath,
      ...(options.nodeArgs ?? []),
      PROGRAM,
      'serve',
      '--socket-dir',
      this.folder,
      '--log-format',
      'json',
      ...(options.args ?? []),
    ];
    this.child = spawn(command[0], command.slice(1), {
      stdio: ['ignore', 'inherit', 'pipe', ...(options.hasChannel === true ? (['ipc'] as const) : [])],
      env: { ...process.env, ...options.env },
    });
    this.exited = once(this.child, 'exit');
    const { stderr } = this.child;
    if (stderr === null) throw new Error('the agent has no standard error');
    createInterface({ input: stderr }).on('line', (text) => {
      this.lastLines.push(text);
      if (this.lastLines.length > 50) this.lastLines.shift();
      const line = parsed(text);
      if (line.msg === 'worker ready') this.#workers.push(Number(line.pid));
      for (const watcher of [...this.#watchers]) watcher(line);
    });
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  get pid(): number {
    const { pid } = this.child;
    if (pid === undefined) throw new Error('the agent did not start');
    return pid;
  }

  /** The process ids of its workers, in the order of their start. */
  get workers(): number[] {
    return [...this.#workers];
  }

  socketOf(functionName: string): string {
    return join(this.folder, `${functionName}.sock`);
  }

  /** Has every line of the log told from now on. */
  onLine(watcher: (line: LoggedLine) => void): void {
    this.#watchers.add(watcher);
  }

  /** Resolves with the next line of the log that fits; rejects when the agent ends before. */
  logged(fits: (line: LoggedLine) => boolean, patienceMs = PATIENCE_MS): Promise<LoggedLine> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(watcher);
        this.child.off('exit', onExit);
      };
      const watcher = (line: LoggedLine): void => {
        if (!fits(line)) return;
        settle();
        resolve(line);
      };
      const fail = (what: string): void => {
        settle();
        reject(new Error(`${what}; it logged last:\n${this.lastLines.slice(-10).join('\n')}`));
      };
      const onExit = (): void => fail('the agent ended');
      const timer = setTimeout(() => fail(`the agent did not log it within ${patienceMs} ms`), patienceMs);
      this.#watchers.add(watcher);
      this.child.once('exit', onExit);
    });
  }

  /** Resident memory in MiB, as the system counts it. */
  residentMib(): number {
    return this.#statusMib('VmRSS');
  }

  /** The most that {@link residentMib} ever was. */
  peakMib(): number {
    return this.#statusMib('VmHWM');
  }

  /** Open file descriptors. */
  descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** Ends it as a crash does, at once. */
  async kill(): Promise<void> {
    if (this.isRunning) this.child.kill('SIGKILL');
    await this.exited;
  }

  /** Stops it as `docker stop` does. @returns its exit code */
  async stop(): Promise<number | null> {
    if (this.isRunning) this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE_MS);
    await this.exited;
    clearTimeout(timer);
    if (this.#ownsFolder) rmSync(this.folder, { recursive: true, force: true });
    return this.child.exitCode;
  }

  #statusMib(name: string): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
    return Number(kib ?? 0) / 1024;
  }
}

function parsed(text: string): LoggedLine {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === 'object' && line !== null ? { ...line } : { text };
  } catch {
    return { text };
  }
}

/** Starts an agent and waits until all of its functions listen. */
export async function startAgentProcess(options: AgentProcessOptions = {}): Promise<AgentProcess> {
  const agent = new AgentProcess(options);
  const functions = (options.args ?? []).filter((arg) => arg === '--function').length || 2;
  let listening = 0;
  try {
    await agent.logged((line) => line.msg === 'listening' && ++listening === functions);
  } catch (error) {
    await agent.stop();
    throw error;
  }
  return agent;
}
