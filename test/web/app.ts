import pino from 'pino';
import { edgeDetect } from '../../src/functions/edge-detect/index.ts';
import { parseLine } from '../../src/line-protocol/parser.ts';
import { parseOptions } from '../../src/tickscript/script-options.ts';
import type { Access } from '../../src/web/access/guard.ts';
import type { AgentClient } from '../../src/web/agent-status/agent-client.ts';
import { AnswerCache } from '../../src/web/answer-cache.ts';
import type { WebApp, WebContext } from '../../src/web/context.ts';
import { OwnLiveEdges } from '../../src/web/events/own-live-edges.ts';
import { WebMetrics } from '../../src/web/metrics.ts';
import { NoteStore } from '../../src/web/notes/note-store.ts';
import { makeServer } from '../../src/web/server.ts';
import { MemorySource } from '../../src/web/sources/memory-source.ts';
import type { StateSource } from '../../src/web/sources/state-source.ts';
import { detectionBy } from '../../src/web/states/detection.ts';
import { StateReader } from '../../src/web/states/state-reader.ts';
import type { TaskDesk } from '../../src/web/tasks/task-desk.ts';
import { atEnd } from '../support/at-end.ts';

const NS_PER_S = 1_000_000_000n;

export const OPEN: Access = {
  anonymous: 'admin',
  scopeOf: () => undefined,
  hosts: undefined,
  origins: new Set(),
};

/** The README's router: 17 polls, of which six are edges. */
export const ADSL_POLLS = [
  ...'SHOWTIME TRAINING SHOWTIME SHOWTIME SHOWTIME SHOWTIME SHOWTIME TRAINING TRAINING TRAINING TRAINING'.split(
    ' ',
  ),
  ...'SHOWTIME SHOWTIME TRAINING TRAINING TRAINING TRAINING'.split(' '),
].map(
  (value, at) =>
    `adsl_connection,host=router1 value="${value}" ${1_514_979_051n * NS_PER_S + BigInt(at) * 90n * NS_PER_S}`,
);

export function sourceOf(lines: readonly string[], database = 'telegraf'): MemorySource {
  const source = new MemorySource('memory');
  for (const line of lines) source.add(database, parseLine(line, { file: 'test', line: 1 }));
  return source;
}

export interface AppOptions {
  readonly access?: Access;
  readonly nowNs?: () => bigint;
  readonly freshMs?: number;
  readonly limits?: Partial<WebContext['limits']>;
  readonly maxGroups?: number;
  /** Where the page lies; by default there is none. */
  readonly pageDir?: string;
  readonly agent?: AgentClient;
  readonly tasks?: TaskDesk;
  /** Where tasks write what they emit. */
  readonly outputs?: Pick<TaskDesk, 'outputs'>;
}

/** A server over a source; it is closed with the test. */
export async function appOver(source: StateSource, options: AppOptions = {}): Promise<WebApp> {
  const nowNs = options.nowNs ?? (() => BigInt(Date.now()) * 1_000_000n);
  const maxGroups = options.maxGroups ?? 1_000;
  const reader = new StateReader(source, detectionBy(edgeDetect, parseOptions), maxGroups);
  const { agent, tasks } = options;
  const live = new OwnLiveEdges({ source, reader, agent, tasks: options.outputs, nowNs, report: () => {} });
  atEnd(() => live.close());
  const metrics = new WebMetrics();
  const app = await makeServer({
    context: {
      source,
      reader,
      live,
      agent,
      tasks,
      metrics,
      allMetrics: () => metrics.text(),
      notes: new NoteStore(source, nowNs),
      cache: new AnswerCache(options.freshMs ?? 1_000, () => performance.now()),
      limits: {
        maxRangeNs: 400n * 86_400n * NS_PER_S,
        maxGroups,
        queryTimeoutMs: 10_000,
        maxBodyBytes: 1_000_000,
        requestsPerMinute: 100_000,
        ...options.limits,
      },
      version: '0.0.0',
      nowNs,
    },
    access: options.access ?? OPEN,
    log: pino({ level: 'silent' }),
    pageDir: options.pageDir ?? '/nowhere',
    embedFrom: [],
    trustsProxy: false,
  });
  atEnd(() => app.close());
  return app;
}

export const ADSL = 'database=telegraf&measurement=adsl_connection&field=value&group=host';
