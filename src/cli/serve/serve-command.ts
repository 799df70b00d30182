import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Logger } from 'pino';
import { accessProblem } from '../../agent/access.ts';
import {
  type Agent,
  type AgentOptions,
  type Place,
  type PlacedSockets,
  serveSockets,
  sessionsHere,
} from '../../agent/agent.ts';
import { WorkerPool } from '../../agent/cluster/worker-pool.ts';
import type { AgentLog } from '../../agent/environment.ts';
import { LiveSessionTable, type SessionWatch } from '../../agent/live-sessions.ts';
import type { SocketOptions } from '../../agent/server.ts';
import { startWatchdog } from '../../agent/watchdog/watchdog.ts';
import { messageOf, UsageError } from '../../errors.ts';
import type { KapacitorApi } from '../../kapacitor/api.ts';
import { SessionKeeper } from '../../revival/session-keeper.ts';
import { parseCount } from '../argument-parsers.ts';
import { durationParser, wholeMs } from '../duration.ts';
import type { Io } from '../io.ts';
import {
  CREDENTIALS_HELP,
  type KapacitorOptions,
  kapacitorApi,
  kapacitorOptions,
} from '../kapacitor-options.ts';
import { type LogOptions, logOptions, makeLog } from '../log.ts';
import { programVersion } from '../program-version.ts';
import type { CommandFactory } from '../run.ts';
import {
  BUILT_IN,
  gidOf,
  kapacitorGidOption,
  type ServedOptions,
  servedOptions,
  servedSockets,
} from '../served-functions.ts';
import { startOwnFunctions } from './own-functions.ts';
import { type StatusFlags, statusOptions, statusPlace } from './status-flags.ts';
import { workerProgram } from './worker.ts';

interface ServeOptions extends ServedOptions, LogOptions, KapacitorOptions, StatusFlags {
  readonly socketMode: number;
  readonly socketGroup?: string;
  readonly kapacitorGid?: string;
  readonly maxFrameBytes: number;
  readonly maxGroups: number;
  readonly workers: number;
  readonly functionWorkers: number;
  /** Bytes. */
  readonly functionMemory: number;
  /** Nanoseconds; 0: off. */
  readonly watchdog: bigint;
  readonly revive?: string;
  readonly reviveTries: number;
}

const MIB = 1024 * 1024;

/** A process without any function takes half of this. */
const MIN_FUNCTION_MEMORY = 96 * MIB;

/** Places in a frame are kept in 32 bits. */
const MAX_FRAME_BYTES = 2 ** 31 - 1;

/** `edge-detect serve`: the agent. */
export const serveCommand: CommandFactory = (io, exit) => {
  const command = new Command('serve').description('serve the functions to Kapacitor, one Unix socket each');
  for (const option of servedOptions()) command.addOption(option);
  command
    .addOption(
      new Option('--socket-mode <octal>', 'permission bits of the sockets')
        .argParser(parseMode)
        .default(0o660, '0660')
        .env('EDGE_DETECT_SOCKET_MODE'),
    )
    .addOption(
      new Option('--socket-group <group>', 'group of the sockets, a name or a number').env(
        'EDGE_DETECT_SOCKET_GROUP',
      ),
    )
    .addOption(
      kapacitorGidOption('--kapacitor-gid', "Kapacitor's group: warn at the start where it cannot connect"),
    )
    .addOption(
      new Option('--max-frame-bytes <bytes>', 'refuse longer messages and send no longer snapshots')
        .argParser(parseFrameBytes)
        .default(256 * MIB, '268435456, 256 MiB')
        .env('EDGE_DETECT_MAX_FRAME_BYTES'),
    )
    .addOption(
      new Option('--max-groups <n>', 'groups that a node keeps unless its TICKscript says otherwise')
        .argParser(parseCount)
        .default(1_000_000)
        .env('EDGE_DETECT_MAX_GROUPS'),
    );
  command.addOption(
    new Option('--workers <n>', 'processes that share the connections; auto: one per core')
      .argParser((text) => (text === 'auto' ? availableParallelism() : parseCount(text)))
      .default(1)
      .env('EDGE_DETECT_WORKERS'),
  );
  command
    .addOption(
      new Option('--function-workers <n>', 'processes that share the connections of your own functions')
        .argParser(parseCount)
        .default(1)
        .env('EDGE_DETECT_FUNCTION_WORKERS'),
    )
    .addOption(
      new Option('--function-memory <size>', 'kill a process of your own functions that takes more than this')
        .argParser(parseMemory)
        .default(256 * MIB, '256MB')
        .env('EDGE_DETECT_FUNCTION_MEMORY'),
    );
  command
    .addOption(
      new Option('--watchdog <duration>', 'kill a process that stands still for longer than this; 0: never')
        .argParser(durationParser(100, 3_600_000, true))
        .default(5_000_000_000n, '5s')
        .env('EDGE_DETECT_WATCHDOG'),
    )
    .addOption(
      new Option(
        '--revive <url>',
        "bring back tasks that lost their UDF: the URL of Kapacitor's HTTP API",
      ).env('EDGE_DETECT_REVIVE'),
    )
    .addOption(
      new Option('--revive-tries <n>', 'give a task up after so many tries in a row')
        .argParser(parseCount)
        .default(10)
        .env('EDGE_DETECT_REVIVE_TRIES'),
    );
  for (const option of statusOptions()) command.addOption(option);
  for (const option of kapacitorOptions()) command.addOption(option);
  for (const option of logOptions()) command.addOption(option);
  command.addHelpText(
    'after',
    `
Examples:
  edge-detect serve
  edge-detect serve --socket-dir /tmp/udf --log-format pretty
  edge-detect serve --function edgeDetect=/run/edge.sock --socket-group kapacitor
  EDGE_DETECT_SOCKET_MODE=0666 edge-detect serve
  edge-detect serve --revive http://kapacitor:9092
  edge-detect serve --functions-dir /etc/edge-detect/functions

${CREDENTIALS_HELP}

Stops at SIGTERM or SIGINT once everything that was read is answered; a second one ends it at once.`,
  );
  return command.action(async (options: ServeOptions) => {
    const source = command.getOptionValueSource('revive');
    const kapacitor = options.revive ? kapacitorApi(options.revive, '--revive', source, options) : undefined;
    exit(await serve(options, kapacitor, io));
  });
};

async function serve(options: ServeOptions, kapacitor: KapacitorApi | undefined, io: Io): Promise<number> {
  // Names that are wrong are said before anything is started.
  if (options.functionsDir === undefined) servedSockets(options, []);
  const groupId = options.socketGroup === undefined ? undefined : groupIdOf(options.socketGroup);
  const kapacitorGid = gidOf(options.kapacitorGid);
  const log = await makeLog(io, options);
  const watchdogMs = wholeMs(options.watchdog);
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let isStopping = false;
  // A signal at the start is heeded as soon as there is something to stop: no socket is left behind.
  const off = io.onSignal((signal) => {
    if (isStopping) log.warn({ signal }, 'ends at once');
    else log.info({ signal }, 'stopping');
    (isStopping ? second : first).resolve();
    isStopping = true;
  });
  const onWatchdogFailure = (error: Error): void =>
    log.error({ error: error.message }, 'the watchdog failed: nobody watches the event loop any more');
  let code = 0;
  const onDisplaced = (): void => {
    code = 1;
    first.resolve();
  };
  // Before the sockets: everything that has waited for them connects at once.
  const stopWatchdog = watchdogMs === 0 ? undefined : startWatchdog(watchdogMs, onWatchdogFailure);
  try {
    const mode = options.socketMode;
    const status = statusPlace(options);
    const socketOptions = { mode, groupId, kapacitorGid, log, onDisplaced, status };
    const { agent, keeper, paths } = await startServing({ ...options, watchdogMs }, socketOptions, kapacitor);
    log.info({ version: programVersion(), node: process.version }, 'serving');
    warnOfAccess(paths, kapacitorGid, log);
    keeper.start();
    await first.promise;
    const stopped = keeper.stop().then(() => agent.stop());
    const isForced = await Promise.race([stopped.then(() => false), second.promise.then(() => true)]);
    keeper.close();
    if (isForced) {
      agent.abort();
      return 1;
    }
  } finally {
    off();
    await stopWatchdog?.();
  }
  log.info({}, 'stopped');
  return code;
}

/** A Kapacitor that cannot get in hangs for minutes at its start before it says a word. */
function warnOfAccess(sockets: readonly string[], kapacitorGid: number | undefined, log: Logger): void {
  const told = new Set<string>();
  for (const path of sockets) {
    if (told.has(dirname(path))) continue;
    told.add(dirname(path));
    try {
      const problem = accessProblem(path, kapacitorGid);
      if (problem !== undefined) log.warn({ socket: path }, problem);
    } catch (error) {
      log.warn({ socket: path, error: messageOf(error) }, 'nobody can tell who may connect');
    }
  }
}

/** Starts the places of all functions, then the sockets. */
async function startServing(
  options: ServeOptions & { readonly watchdogMs: number },
  socketOptions: SocketOptions & Pick<AgentOptions, 'log' | 'status'>,
  kapacitor: KapacitorApi | undefined,
): Promise<{ readonly agent: Agent; readonly keeper: SessionKeeper; readonly paths: readonly string[] }> {
  const { log } = socketOptions;
  let keeper: SessionKeeper | undefined;
  const watch: SessionWatch = { got: (ids) => keeper?.got(ids), lost: (ids) => keeper?.lost(ids) };
  const live = new LiveSessionTable(watch);
  const { functionsDir, functionMemory: maxMemoryBytes } = options;
  // Kapacitor would wait for a function that is missing: either all of a folder is served, or nothing.
  const own = functionsDir
    ? await startOwnFunctions({ ...options, functionsDir, maxMemoryBytes }, live, log)
    : undefined;
  try {
    const ownNames = own?.functions ?? [];
    const sockets = servedSockets(options, ownNames);
    const paths = sockets.map(({ path }) => path);
    keeper = new SessionKeeper({ sockets: paths, kapacitor, log, maxTries: options.reviveTries });
    const place = await startBuiltIn(options, live, log);
    const placed: PlacedSockets[] = [
      { place, sockets: sockets.filter(({ name }) => !ownNames.includes(name)) },
      ...(own === undefined
        ? []
        : [{ place: own, sockets: sockets.filter(({ name }) => ownNames.includes(name)) }]),
    ];
    return { agent: await serveSockets(placed, socketOptions), keeper, paths };
  } catch (error) {
    await own?.stop();
    throw error;
  }
}

/** The place of the agent's own functions: this process, or workers. */
async function startBuiltIn(
  options: ServeOptions & { readonly watchdogMs: number },
  live: LiveSessionTable,
  log: AgentLog,
): Promise<Place> {
  const { workers, watchdogMs, maxFrameBytes, maxGroups } = options;
  if (workers === 1) return sessionsHere(BUILT_IN, { maxFrameBytes, maxGroups }, live, log);
  const pool = new WorkerPool({ workers, watchdogMs, program: workerProgram(options), log }, live);
  await pool.start();
  return pool;
}

function parseMode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text))
    throw new InvalidArgumentError('It must be three octal digits, or a 0 and three, for instance 0660.');
  return Number.parseInt(text, 8);
}

/** A size with its unit, as `docker --memory` takes it: 256MB. */
function parseMemory(text: string): number {
  const [, number = '', unit = ''] = /^(\d+)\s*([kmg])(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Number(number) * ({ k: 1024, m: MIB, g: 1024 * MIB }[unit.toLowerCase()] ?? 0);
  if (!(bytes >= MIN_FUNCTION_MEMORY))
    throw new InvalidArgumentError('It must be a size of 96MB or more, such as 256MB or 1GB.');
  return bytes;
}

function parseFrameBytes(text: string): number {
  const bytes = parseCount(text);
  if (bytes > MAX_FRAME_BYTES) throw new InvalidArgumentError(`It must be ${MAX_FRAME_BYTES} or less.`);
  return bytes;
}

/** Node has no look-up of groups; where there are more than those of the file, the number works. */
function groupIdOf(group: string): number {
  if (/^[0-9]+$/.test(group)) return Number(group);
  let file: string;
  try {
    file = readFileSync('/etc/group', 'utf8');
  } catch (error) {
    throw new UsageError(`--socket-group ${group}: cannot look it up: ${messageOf(error)}; give its number`);
  }
  for (const line of file.split('\n')) {
    const [name, , id] = line.split(':');
    if (name === group) return Number(id);
  }
  throw new UsageError(`--socket-group ${group}: there is no such group in /etc/group; give its number`);
}
