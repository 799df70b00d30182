import type { NodeLimits, NodeLog } from '../function/contract.ts';
import { LiveEdges } from '../status/live-edges.ts';
import { TotalsTable } from '../status/totals.ts';
import { Hints } from './hints.ts';
import type { LiveSessions } from './live-sessions.ts';
import { Pacer } from './pacer.ts';

/** The log of one connection. */
export interface SessionLog extends NodeLog {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** The agent's log; `child` is the log of one function's connections. */
export interface AgentLog extends SessionLog {
  child(fields: Readonly<Record<string, unknown>>): SessionLog;
}

/** What every session of a process shares. */
export interface SessionEnvironment {
  /** Longer frames are refused, and longer snapshots not sent. */
  readonly maxFrameBytes: number;
  readonly limits: NodeLimits;
  readonly live: LiveSessions;
  readonly clockMs: () => number;
  readonly pacer: Pacer;
  readonly hints: Hints;
  /** Who listens to edges. */
  readonly edges: LiveEdges;
  /** What sessions that are over have counted. */
  readonly past: TotalsTable;
  /** What a function threw, in words; its message unless more is known of where it happened. */
  readonly explain?: (error: unknown) => string;
}

/** What the sessions of an agent or of a worker are told. */
export interface SessionLimits {
  /** Longer frames are refused, and longer snapshots not sent. */
  readonly maxFrameBytes: number;
  /** Groups that a node may keep unless its TICKscript says otherwise. */
  readonly maxGroups: number;
  /** The machine's monotonic clock in milliseconds, if it is to be another one than the real one. */
  readonly clockMs?: () => number;
  /** What a function threw, in words. */
  readonly explain?: (error: unknown) => string;
}

export function environmentOf(limits: SessionLimits, live: LiveSessions): SessionEnvironment {
  const { maxFrameBytes, maxGroups, clockMs = () => performance.now(), explain } = limits;
  return {
    maxFrameBytes,
    limits: { maxGroups },
    live,
    clockMs,
    pacer: new Pacer(clockMs),
    hints: new Hints(),
    edges: new LiveEdges(),
    past: new TotalsTable(),
    ...(explain === undefined ? {} : { explain }),
  };
}
