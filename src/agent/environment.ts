import type { NodeLimits, NodeLog } from '../function/contract.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { Pacer } from './pacer.ts';

/** The log of one connection. */
export interface SessionLog extends NodeLog {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What every session of an agent shares. */
export interface SessionEnvironment {
  /** Longer frames are refused, and longer snapshots not sent. */
  readonly maxFrameBytes: number;
  readonly limits: NodeLimits;
  readonly live: LiveSessions;
  readonly clockMs: () => number;
  readonly pacer: Pacer;
}
