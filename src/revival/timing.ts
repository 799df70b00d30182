/** All in milliseconds. */
export interface ReviverTiming {
  /** Between two looks at all tasks. */
  readonly lookMs: number;
  /** Between two looks at first, while things settle, and for how long. */
  readonly firstLooksMs: number;
  readonly settledMs: number;
  /** After a session was lost: most of them Kapacitor ended, and says so in a moment. */
  readonly graceMs: number;
  /** After the first try that did not last; each further pause is twice as long, up to the longest. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** A task that has been connected for so long has held; earlier tries no longer count. */
  readonly heldMs: number;
  /** An agent that has run for so long is stable, and tries again what was given up. */
  readonly stableMs: number;
  /** After the last try before a task was given up; each further pause is twice as long, up to the longest. */
  readonly slowPauseMs: number;
  readonly longestSlowPauseMs: number;
  /** How long a task that was enabled may take to connect. */
  readonly connectMs: number;
  /** At the start of a whole stack Kapacitor comes after the agent, and nobody needs a warning of that for so long. */
  readonly coldStartMs: number;
  /** How long bringing back what was begun may hold up the agent's end. */
  readonly stopMs: number;
}

export const REVIVER_TIMING: ReviverTiming = {
  lookMs: 10_000,
  firstLooksMs: 1000,
  settledMs: 15_000,
  graceMs: 3000,
  firstPauseMs: 1000,
  longestPauseMs: 60_000,
  heldMs: 60_000,
  stableMs: 300_000,
  slowPauseMs: 300_000,
  longestSlowPauseMs: 3_600_000,
  connectMs: 10_000,
  coldStartMs: 60_000,
  stopMs: 1000,
};
