import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { AgentClient } from './agent-status/agent-client.ts';
import type { AnswerCache } from './answer-cache.ts';
import type { LiveEdges } from './events/live-edges.ts';
import type { WebMetrics } from './metrics.ts';
import type { NoteStore } from './notes/note-store.ts';
import type { StateSource } from './sources/state-source.ts';
import type { StateReader } from './states/state-reader.ts';
import type { TaskDesk } from './tasks/task-desk.ts';

/** The server with the types of its schemas. */
export type WebApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface WebLimits {
  /** The longest range that intervals and summaries are made of, in nanoseconds. */
  readonly maxRangeNs: bigint;
  readonly maxGroups: number;
  /** How long the source may take for one answer. */
  readonly queryTimeoutMs: number;
  readonly maxBodyBytes: number;
  /** Requests of one address within a minute. */
  readonly requestsPerMinute: number;
}

/** What the routes work with. */
export interface WebContext {
  readonly source: StateSource;
  readonly reader: StateReader;
  readonly notes: NoteStore;
  readonly cache: AnswerCache;
  readonly live: LiveEdges;
  /** Undefined where nobody has said where they are. */
  readonly agent: AgentClient | undefined;
  readonly tasks: TaskDesk | undefined;
  readonly metrics: WebMetrics;
  /** What all processes of this server have done, for Prometheus. */
  readonly allMetrics: () => Promise<string>;
  readonly limits: WebLimits;
  readonly version: string;
  readonly nowNs: () => bigint;
}
