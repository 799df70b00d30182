import cluster from 'node:cluster';
import { Command } from 'commander';
import { runWorker, tellPrimary } from '../../agent/cluster/worker.ts';
import { messageOf } from '../../errors.ts';
import { explainIn, loadFolder } from '../../functions/folder.ts';
import { makeLog } from '../log.ts';
import type { CommandFactory } from '../run.ts';
import { RESERVED } from '../served-functions.ts';
import { addWorkerOptions, type WorkerSettings, workerArguments } from './worker.ts';

interface FunctionWorkerSettings extends WorkerSettings {
  readonly functionsDir: string;
}

const MIB = 1024 * 1024;

/** How `serve --functions-dir` runs functions of one's own: this program, with the hidden command `function-worker`. */
export function functionWorkerProgram(
  options: FunctionWorkerSettings & { readonly maxMemoryBytes: number },
): { path: string; args: string[]; execArgv: string[] } {
  const { path, args } = workerArguments('function-worker', options);
  return {
    path,
    args: [...args, `--functions-dir=${options.functionsDir}`],
    // What is looked at from outside is all of its memory; this ends one that is faster than the looks.
    execArgv: [
      `--max-old-space-size=${Math.ceil(options.maxMemoryBytes / MIB)}`,
      '--disable-warning=ExperimentalWarning',
    ],
  };
}

/** `edge-detect function-worker`: one process of functions from a folder, for that command's use only. */
export const functionWorkerCommand: CommandFactory = (io) =>
  addWorkerOptions(new Command('function-worker'))
    .requiredOption('--functions-dir <dir>')
    .action(async (settings: FunctionWorkerSettings) => {
      // The primary decides when to stop; a terminal sends its signals to every process.
      const off = io.onSignal(() => undefined);
      const log = (await makeLog(io, settings)).child({ worker: cluster.worker?.id });
      const { functionsDir } = settings;
      const onUncaught = (error: unknown): void => {
        log.error(
          { err: error },
          `a function failed behind the agent's back: ${explainIn(error, functionsDir)}`,
        );
        process.exit(1);
      };
      process.on('uncaughtException', onUncaught);
      const { functions, problems } = await loadHere(functionsDir);
      if (problems.length > 0) {
        await tellPrimary({ type: 'failed', problems });
        process.disconnect?.();
      } else {
        const explain = (error: unknown): string => explainIn(error, functionsDir);
        await runWorker({ functions, ...settings, log, explain });
      }
      process.off('uncaughtException', onUncaught);
      off();
    });

async function loadHere(functionsDir: string) {
  try {
    const { functions, problems } = await loadFolder(functionsDir, {
      reserved: RESERVED,
      onLoading: (file) => tellPrimary({ type: 'loading', file }),
    });
    return { functions: functions.map(({ function: fn }) => fn), problems };
  } catch (error) {
    return { functions: [], problems: [messageOf(error)] };
  }
}
