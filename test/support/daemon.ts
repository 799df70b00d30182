import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { codeOf } from '../../src/errors.ts';

/** How much of what a daemon says is kept, for the report when it does not come up. */
const MAX_LOG_LENGTH = 20_000;
const KILL_AFTER_MS = 15_000;
const FIRST_PORT = 10_000;
const END_OF_PORTS = 32_768;

/** The ports that somebody may be about to listen on, now or again. */
const given = new Set<number>();

export interface DaemonOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Answers once the daemon is up. */
  readonly readyUrl: string;
}

/** A program that runs until it is told to end, and can be started again where it was. */
export class Daemon implements AsyncDisposable {
  readonly #options: DaemonOptions;
  #child: ChildProcess | undefined;
  #log = '';

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  /** The end of what it has said. */
  get log(): string {
    return this.#log;
  }

  /** Starts it and waits until it answers. */
  async start(): Promise<void> {
    const { args, env, program, readyUrl } = this.#options;
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#log = (this.#log + chunk.toString('utf8')).slice(-MAX_LOG_LENGTH);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => keep(Buffer.from(error.message)));
    await answering(readyUrl, () => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
        throw new Error(`${program} has ended:\n${this.#log}`);
    });
  }

  /** Ends it as a service manager would, and waits for its end. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const killer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
    child.kill('SIGTERM');
    await once(child, 'close');
    clearTimeout(killer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/**
 * Waits until something answers HTTP there, whatever it says, short of 500.
 * @param check throws if there is no use in waiting any longer
 */
export async function answering(url: string, check: () => void): Promise<void> {
  for (;;) {
    try {
      const response = await fetch(url);
      await response.arrayBuffer();
      if (response.status < 500) return;
    } catch {
      // Not yet.
    }
    check();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * A port of this machine that nobody listens on. It is below those that the system itself hands out, from 32768 on at
 * the earliest: among these another test's server, or any connection, may have taken it before the daemon listens, or
 * while it is stopped.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, END_OF_PORTS);
    if (given.has(port) || !(await canListen(port))) continue;
    given.add(port);
    return port;
  }
}

function canListen(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.on('error', (error) => {
      if (codeOf(error) === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
