import { LoadError, type WorkerPool } from '../../agent/cluster/worker-pool.ts';
import type { AgentLog } from '../../agent/environment.ts';
import { messageOf } from '../../errors.ts';
import { FolderWatch } from '../../folder-watch.ts';

/** What lies beside functions and is none of them. */
const NO_FUNCTION = /\.(?:test\.\w+|tick|md)$/;

/**
 * Loads functions of one's own anew when a file of their folder changes. What cannot be loaded leaves those serving that
 * there are.
 * @returns ends the watch
 */
export function watchFunctions(pool: WorkerPool, functionsDir: string, log: AgentLog): () => void {
  const watch = new FolderWatch([functionsDir], true);
  const abort = new AbortController();
  const renew = async (files: readonly string[]): Promise<void> => {
    const before = new Set(pool.functions);
    try {
      await pool.renew();
    } catch (error) {
      const problems = error instanceof LoadError ? error.problems : [messageOf(error)];
      for (const problem of problems) log.error({ files }, `${problem}; the functions of before go on`);
      return;
    }
    log.info({ files }, 'functions are loaded anew; connections of those before end');
    const added = pool.functions.filter((name) => !before.has(name));
    if (added.length > 0)
      log.warn(
        { functions: added },
        'functions are new: they get their sockets when the agent is started anew, and Kapacitor needs their lines in its configuration (edge-detect conf)',
      );
  };
  const run = async (): Promise<void> => {
    while (!abort.signal.aborted) {
      const files = (await watch.next(abort.signal)).filter((file) => !NO_FUNCTION.test(file));
      if (files.length > 0) await renew(files);
    }
  };
  void run();
  log.info({ functionsDir }, 'watches the folder of functions');
  return () => {
    abort.abort();
    watch.close();
  };
}
