import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { runWorker } from '../../agent/cluster/worker.ts';
import { type LogOptions, makeLog } from '../log.ts';
import type { CommandFactory } from '../run.ts';
import { BUILT_IN } from '../served-functions.ts';

/** What a worker needs to know of what `serve` was told. */
export interface WorkerSettings extends LogOptions {
  readonly maxFrameBytes: number;
  readonly maxGroups: number;
  readonly watchdogMs: number;
}

/** How `serve --workers` runs its workers: this program, with the hidden command `worker`. */
export function workerProgram(options: WorkerSettings): { path: string; args: string[] } {
  return workerArguments('worker', options);
}

/** This program with a hidden command for workers. */
export function workerArguments(command: string, options: WorkerSettings): { path: string; args: string[] } {
  const args = [
    command,
    `--max-frame-bytes=${options.maxFrameBytes}`,
    `--max-groups=${options.maxGroups}`,
    `--watchdog-ms=${options.watchdogMs}`,
    `--log-level=${options.logLevel}`,
    ...(options.logFormat === undefined ? [] : [`--log-format=${options.logFormat}`]),
  ];
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  return { path: fileURLToPath(new URL(`../../main${extension}`, import.meta.url)), args };
}

/** The options of a hidden command for workers. */
export function addWorkerOptions(command: Command): Command {
  return command
    .requiredOption('--max-frame-bytes <bytes>', '', Number)
    .requiredOption('--max-groups <n>', '', Number)
    .requiredOption('--watchdog-ms <ms>', '', Number)
    .requiredOption('--log-level <level>')
    .option('--log-format <format>');
}

/** `edge-detect worker`: one process of `serve --workers`, for that command's use only. */
export const workerCommand: CommandFactory = (io) =>
  addWorkerOptions(new Command('worker')).action(async (settings: WorkerSettings) => {
    // The primary decides when to stop; a terminal sends its signals to every process.
    const off = io.onSignal(() => undefined);
    const log = (await makeLog(io, settings)).child({ worker: cluster.worker?.id });
    await runWorker({ functions: BUILT_IN, ...settings, log });
    off();
  });
