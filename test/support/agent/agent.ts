import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentOptions, startAgent } from '../../../src/agent/agent.ts';
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
    status: { path: socketOf('status'), address: undefined, version: 'test' },
    ...(options.clockMs === undefined ? {} : { clockMs: options.clockMs }),
  };
  const agent = await startAgent(agentOptions);
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
