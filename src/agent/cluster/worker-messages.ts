import type {
  LiveEdge,
  NodeTotals,
  SessionReport,
  StatesReport,
  StatesRequest,
} from '../../status/report.ts';
import type { NodeIds } from '../live-sessions.ts';

// What the primary and its workers say to each other. Sessions are numbered by their worker.

export type ToWorker =
  /** A connection to this function's socket comes with the message. */
  | { readonly type: 'connection'; readonly functionName: string }
  /** Answer what was read, close all, and end. */
  | { readonly type: 'stop' }
  /** The answer to a claim. */
  | { readonly type: 'claimed'; readonly session: number; readonly isLive: boolean }
  /** What is there to be seen? */
  | { readonly type: 'look'; readonly question: number; readonly at: LookAt }
  /** Whether anybody listens to edges. */
  | { readonly type: 'listen'; readonly isHeard: boolean }
  /** For how long was nothing heard from a session? */
  | { readonly type: 'ask-silence'; readonly question: number; readonly session: number };

export type ToPrimary =
  /** A file with functions is about to be loaded. */
  | { readonly type: 'loading'; readonly file: string }
  /** Files with functions could not be loaded, a line each. */
  | { readonly type: 'failed'; readonly problems: readonly string[] }
  /** Connections may come, for functions of these names. */
  | { readonly type: 'ready'; readonly functions: readonly string[] }
  | { readonly type: 'claim'; readonly session: number; readonly ids: NodeIds }
  | { readonly type: 'release'; readonly session: number; readonly ids: NodeIds }
  /** A connection is over. */
  | { readonly type: 'closed' }
  /** The event loop came round. */
  | { readonly type: 'beat'; readonly isDebugged: boolean }
  | { readonly type: 'silence'; readonly question: number; readonly silentMs: number }
  /** The answer to a look; undefined where there is nothing. */
  | { readonly type: 'seen'; readonly question: number; readonly seen: Seen }
  /** What it has counted so far: if it dies, that much is known. */
  | { readonly type: 'totals'; readonly totals: readonly NodeTotals[] }
  | { readonly type: 'edge'; readonly edge: LiveEdge };

export type LookAt =
  | { readonly kind: 'sessions' }
  | { readonly kind: 'totals' }
  | { readonly kind: 'states'; readonly request: StatesRequest };

export interface Seen {
  readonly sessions?: readonly SessionReport[];
  readonly totals?: readonly NodeTotals[];
  readonly states?: StatesReport;
}

/** Whether a message of the channel is one of ours: both ends are this program, so its type tells. */
export function isToWorker(message: unknown): message is ToWorker {
  return hasType(message, ['connection', 'stop', 'claimed', 'ask-silence', 'look', 'listen']);
}

export function isToPrimary(message: unknown): message is ToPrimary {
  return hasType(message, [
    'loading',
    'failed',
    'ready',
    'claim',
    'release',
    'closed',
    'beat',
    'silence',
    'seen',
    'totals',
    'edge',
  ]);
}

function hasType(message: unknown, types: readonly string[]): boolean {
  return (
    typeof message === 'object' &&
    message !== null &&
    'type' in message &&
    typeof message.type === 'string' &&
    types.includes(message.type)
  );
}
