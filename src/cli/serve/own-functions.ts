import { LoadError, WorkerPool } from '../../agent/cluster/worker-pool.ts';
import type { AgentLog } from '../../agent/environment.ts';
import type { LiveSessions } from '../../agent/live-sessions.ts';
import { functionFiles } from '../../functions/folder.ts';
import type { AgentEvents } from '../../status/agent-events.ts';
import { folderError } from '../served-functions.ts';
import { functionWorkerProgram } from './function-worker.ts';
import type { WorkerSettings } from './worker.ts';

/** A process of functions that dies again and again is started again after at most this: the others in it want to go on. */
const MAX_PAUSE_MS = 2000;

export interface OwnFunctionsSettings extends WorkerSettings {
  readonly functionsDir: string;
  readonly functionWorkers: number;
  readonly maxMemoryBytes: number;
  readonly events: AgentEvents;
}

/**
 * Starts the processes of functions of one's own, in which nothing that they do can hurt the agent's.
 * @returns undefined where the folder holds none
 * @throws UsageError naming every file that cannot be loaded; no process is left then
 */
export async function startOwnFunctions(
  settings: OwnFunctionsSettings,
  live: LiveSessions,
  log: AgentLog,
): Promise<WorkerPool | undefined> {
  const { events, functionsDir, functionWorkers, maxMemoryBytes, watchdogMs } = settings;
  if (functionFiles(functionsDir).length === 0) {
    log.info({ functionsDir }, 'there are no functions in the folder');
    return undefined;
  }
  const pool = new WorkerPool(
    {
      workers: functionWorkers,
      watchdogMs,
      maxMemoryBytes,
      maxPauseMs: MAX_PAUSE_MS,
      program: functionWorkerProgram(settings),
      log,
      events,
    },
    live,
  );
  try {
    await pool.start();
  } catch (error) {
    if (error instanceof LoadError) throw folderError(functionsDir, error.problems);
    throw error;
  }
  return pool;
}
