import { dirname } from 'node:path';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import { UsageError } from '../../errors.ts';
import { edgeDetect } from '../../functions/edge-detect/index.ts';
import { parseOptions } from '../../tickscript/script-options.ts';
import { AgentClient } from '../../web/agent-status/agent-client.ts';
import { AnswerCache } from '../../web/answer-cache.ts';
import { systemNowNs } from '../../web/api/times.ts';
import type { WebContext } from '../../web/context.ts';
import { NoteStore } from '../../web/notes/note-store.ts';
import type { StateSource } from '../../web/sources/state-source.ts';
import { detectionBy } from '../../web/states/detection.ts';
import { StateReader } from '../../web/states/state-reader.ts';
import { TaskDesk } from '../../web/tasks/task-desk.ts';
import { wholeMs } from '../duration.ts';
import { kapacitorApi } from '../kapacitor-options.ts';
import { programVersion } from '../program-version.ts';
import { BUILT_IN, servedSockets } from '../served-functions.ts';
import { influxConnection } from './influx-connection.ts';
import type { WebFlags } from './web-options.ts';

/** What a process of the server works with, whether it answers itself or looks after workers. */
export interface WebParts {
  readonly source: StateSource;
  readonly reader: StateReader;
  readonly agent: AgentClient | undefined;
  readonly tasks: TaskDesk | undefined;
  readonly nowNs: () => bigint;
  close(): Promise<void>;
}

/** @throws UsageError where flags don't go together */
export async function openParts(flags: WebFlags, command: Command, log: Logger): Promise<WebParts> {
  const { close, source } = await openSource(flags, command);
  const agent = flags.agent ? new AgentClient(flags.agent) : undefined;
  const from = command.getOptionValueSource('kapacitor');
  const api = flags.kapacitor ? kapacitorApi(flags.kapacitor, '--kapacitor', from, flags) : undefined;
  return {
    source,
    reader: new StateReader(source, detectionBy(edgeDetect, parseOptions), flags.maxGroups),
    agent,
    tasks:
      api &&
      new TaskDesk({
        api,
        functions: BUILT_IN.map(({ name }) => name),
        sockets: socketsBeside(flags.agent),
        agent,
        onProblem: (message) => log.warn({}, message),
      }),
    nowNs: systemNowNs,
    async close() {
      await close();
      await agent?.close();
    },
  };
}

/** What the routes of one process need. */
export function contextOf(
  flags: WebFlags,
  parts: WebParts,
  shared: Pick<WebContext, 'live' | 'metrics' | 'allMetrics'>,
): WebContext {
  const { agent, nowNs, reader, source, tasks } = parts;
  return {
    ...shared,
    source,
    reader,
    agent,
    tasks,
    nowNs,
    notes: new NoteStore(source, nowNs),
    cache: new AnswerCache(wholeMs(flags.cache), () => performance.now()),
    limits: {
      maxRangeNs: flags.maxRange,
      maxGroups: flags.maxGroups,
      queryTimeoutMs: wholeMs(flags.queryTimeout),
      maxBodyBytes: flags.maxBody,
      requestsPerMinute: flags.rateLimit,
    },
    version: programVersion(),
  };
}

/** The agent's sockets lie beside the one that tells its status. */
function socketsBeside(status: string | undefined): string[] {
  if (!status) return [];
  return servedSockets({ socketDir: dirname(status), function: [] }, []).map(({ path }) => path);
}

interface OpenSource {
  readonly source: StateSource;
  close(): Promise<void>;
}

async function openSource(flags: WebFlags, command: Command): Promise<OpenSource> {
  if (flags.demo === true) {
    const { SimulatedRouters } = await import('./simulated-routers.ts');
    const routers = new SimulatedRouters(systemNowNs);
    routers.start();
    return {
      source: routers.source,
      async close() {
        routers[Symbol.dispose]();
      },
    };
  }
  if (flags.influxdb === undefined)
    throw new UsageError('say where states come from: --influxdb URL, or --demo to have a look');
  const { InfluxSource } = await import('../../web/sources/influx-source.ts');
  const from = command.getOptionValueSource('influxdb');
  const source = new InfluxSource(
    influxConnection(flags.influxdb, from, flags.user, wholeMs(flags.queryTimeout)),
  );
  return { source, close: () => source.close() };
}
