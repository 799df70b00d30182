import type { GroupState, StatesPage } from '../function/contract.ts';
import { isoTime } from '../iso-time.ts';
import type { FieldValue } from '../wire/point.ts';

// What the agent tells of itself, as plain JSON: it crosses from workers to the primary, and from there to whoever asks.

/** One connection of a task, at this moment. */
export interface SessionReport {
  readonly task: string;
  readonly node: string;
  readonly function: string;
  /** A replay comes with the ids of the live task. */
  readonly kind: 'live' | 'replay';
  /** The worker process, where there are several. */
  readonly worker?: number;
  /** When it connected, RFC 3339. */
  readonly since: string;
  readonly points: number;
  readonly edges: number;
  readonly bytes: number;
  /** Of the last minute, or since it connected. */
  readonly pointsPerSecond: number;
  readonly edgesPerSecond: number;
  /** What the function counts: groups, points ignored, groups evicted. */
  readonly counts: Readonly<Record<string, number>>;
  readonly groups: number | null;
  readonly ignored: number | null;
  readonly snapshots: number;
  /** Of the last one; null before there was one. */
  readonly snapshotBytes: number | null;
  readonly snapshotAgeSeconds: number | null;
  readonly restores: number;
  /** Warnings that the log had from it. */
  readonly warnings: number;
  /** For how long output could not go out. */
  readonly backpressureSeconds: number;
}

/** Sums that only grow, of one node of a task, over all of its connections. */
export interface NodeTotals {
  readonly function: string;
  readonly task: string;
  readonly node: string;
  connections: number;
  points: number;
  edges: number;
  ignored: number;
  evicted: number;
  /** Groups whose `ttl` was over. */
  freed: number;
  bytes: number;
  snapshots: number;
  snapshotBytes: number;
  /** Time that snapshots took. */
  snapshotSeconds: number;
  restores: number;
  backpressureSeconds: number;
  /** Connections that ended for what was wrong, by the code. */
  errors: Record<string, number>;
}

/** One group's state. */
export interface StateReport {
  readonly group: string;
  /** The value of the only tracked key; of several an object of them. */
  readonly value: unknown;
  readonly values: Readonly<Record<string, unknown>>;
  /** RFC 3339, to the nanosecond; null where the node does not keep it. */
  readonly since: string | null;
  readonly count: number | null;
  readonly candidate: {
    readonly values: Readonly<Record<string, unknown>>;
    readonly since: string;
    readonly points: number;
  } | null;
  readonly owed: boolean;
  readonly silent: boolean;
}

export interface StatesReport {
  readonly states: readonly StateReport[];
  /** For `after`; null where there is no more. */
  readonly next: string | null;
}

/** Which groups of a node are asked for. */
export interface StatesRequest {
  readonly task: string;
  readonly node: string;
  /** A pattern with `*` and `?`. */
  readonly match?: string;
  readonly after?: string;
  readonly limit: number;
}

/** An edge at the moment of its making. */
export interface LiveEdge {
  readonly task: string;
  readonly node: string;
  readonly function: string;
  readonly time: string;
  readonly name: string;
  readonly group: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Looks into the places where connections are worked off. It changes nothing there. */
export interface Insight {
  sessions(): Promise<readonly SessionReport[]>;
  totals(): Promise<readonly NodeTotals[]>;
  /** Undefined where there is no such session, or its function shows no states. */
  states(request: StatesRequest): Promise<StatesReport | undefined>;
  /** Tells of edges until the function returned is called. */
  watchEdges(listener: (edge: LiveEdge) => void): () => void;
}

/** Several places as one. */
export function joined(insights: readonly Insight[]): Insight {
  return {
    sessions: async () => (await Promise.all(insights.map((each) => each.sessions()))).flat(),
    totals: async () => (await Promise.all(insights.map((each) => each.totals()))).flat(),
    async states(request) {
      for (const each of insights) {
        const report = await each.states(request);
        if (report !== undefined) return report;
      }
      return undefined;
    },
    watchEdges(listener) {
      const stops = insights.map((each) => each.watchEdges(listener));
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}

/** A page of states in plain JSON. */
export function statesReport({ groups, next }: StatesPage): StatesReport {
  return { states: groups.map(stateReport), next: next ?? null };
}

function stateReport(state: GroupState): StateReport {
  const values = plainValues(state.values);
  const own = Object.values(values);
  const { candidate } = state;
  return {
    group: state.group,
    value: own.length === 1 ? own[0] : values,
    values,
    since: state.sinceNs === undefined ? null : isoTime(state.sinceNs),
    count: state.count === undefined ? null : Number(state.count),
    candidate:
      candidate === undefined
        ? null
        : {
            values: plainValues(candidate.values),
            since: isoTime(candidate.sinceNs),
            points: candidate.points,
          },
    owed: state.isOwed === true,
    silent: state.isSilent === true,
  };
}

export function plainValues(
  values: Readonly<Record<string, FieldValue | undefined>> | ReadonlyMap<string, FieldValue>,
): Record<string, unknown> {
  const entries = values instanceof Map ? [...values] : Object.entries(values);
  return Object.fromEntries(entries.map(([name, value]) => [name, plainValue(value)]));
}

/** JSON has neither NaN nor integers beyond 2^53: they are texts. */
function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value ?? null;
}

/** Whether a pattern with `*` and `?` means a text. */
export function globMatcher(pattern: string): (text: string) => boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  const expression = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
  return (text) => expression.test(text);
}
