import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, type AgentOptions, startAgent } from '../../../src/agent/agent.ts';
import { LiveSessionTable } from '../../../src/agent/live-sessions.ts';
import { Pacer } from '../../../src/agent/pacer.ts';
import { Sessions } from '../../../src/agent/sessions.ts';
import { openSockets } from '../../../src/agent/sockets.ts';
import type { UdfFunction } from '../../../src/function/contract.ts';
import { FUNCTIONS } from '../../../src/functions/catalogue.ts';

/** A line that the agent logged. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface TestAgent {
  readonly folder: string;
  readonly log: readonly LogLine[];
  socketOf(functionName: string): string;
  stop(): Promise<void>;
  /** Ends it at once. */
  abort(): void;
  /** Resolves with the first line, from now or before, that fits. */
  logged(fits: (line: LogLine) => boolean): Promise<LogLine>;
}

export interface TestAgentOptions {
  readonly functions?: readonly UdfFunction[];
  readonly maxFrameBytes?: number;
  readonly maxGroups?: number;
  /** The machine's clock, if it is to be another one than the real one. */
  readonly clockMs?: () => number;
}

/** As the program starts an agent, but by another clock. */
async function startByClock(options: AgentOptions, clockMs: () => number): Promise<Agent> {
  const { maxFrameBytes, maxGroups } = options;
  const sessions = new Sessions({
    maxFrameBytes,
    limits: { maxGroups },
    live: new LiveSessionTable(),
    clockMs,
    pacer: new Pacer(clockMs),
  });
  const close = await openSockets(options.functions, options, (socket, { function: fn }) =>
    sessions.accept(socket, fn, options.log.child({ function: fn.name })),
  );
  return {
    stop: async () => {
      await Promise.all([close(), sessions.stop()]);
    },
    abort: () => {
      void close();
      sessions.abort();
    },
  };
}

/** An agent in this process, on sockets in a folder of its own that goes with it. */
export async function startTestAgent(options: TestAgentOptions = {}): Promise<TestAgent> {
  const folder = mkdtempSync(join(tmpdir(), 'edge-'));
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  const logger = (bound: Readonly<Record<string, unknown>>) => {
    const at = (level: LogLine['level']) => (fields: Readonly<Record<string, unknown>>, message: string) => {
      lines.push({ level, fields: { ...bound, ...fields }, message });
      for (const look of waiting) look();
    };
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  };
  const functions = options.functions ?? FUNCTIONS;
  const socketOf = (name: string): string => join(folder, `${name}.sock`);
  const agentOptions: AgentOptions = {
    functions: functions.map((fn) => ({ function: fn, path: socketOf(fn.name) })),
    mode: 0o600,
    groupId: undefined,
    maxFrameBytes: options.maxFrameBytes ?? 256 * 1024 * 1024,
    maxGroups: options.maxGroups ?? 1_000_000,
    log: { ...logger({}), child: logger },
  };
  const agent = await (options.clockMs === undefined
    ? startAgent(agentOptions)
    : startByClock(agentOptions, options.clockMs));
  return {
    folder,
    log: lines,
    socketOf,
    async stop() {
      await agent.stop();
      rmSync(folder, { recursive: true, force: true });
    },
    abort: () => agent.abort(),
    logged(fits) {
      return new Promise((resolve) => {
        const look = (): void => {
          const line = lines.find(fits);
          if (line === undefined) return;
          waiting.delete(look);
          resolve(line);
        };
        waiting.add(look);
        look();
      });
    },
  };
}

/** Runs with an agent, and stops it whatever happens. */
export async function withAgent<T>(
  use: (agent: TestAgent) => Promise<T>,
  options?: TestAgentOptions,
): Promise<T> {
  const agent = await startTestAgent(options);
  try {
    return await use(agent);
  } finally {
    await agent.stop();
  }
}
