import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command } from 'commander';
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
import { AgentEvents } from '../../status/agent-events.ts';
import { wholeMs } from '../duration.ts';
import type { Io } from '../io.ts';
import { CREDENTIALS_HELP, kapacitorApi } from '../kapacitor-options.ts';
import { makeLog } from '../log.ts';
import { programVersion } from '../program-version.ts';
import type { CommandFactory } from '../run.ts';
import { BUILT_IN, gidOf, servedSockets } from '../served-functions.ts';
import { startOwnFunctions } from './own-functions.ts';
import { addServeOptions, type ServeOptions } from './serve-options.ts';
import { statusPlace } from './status-flags.ts';
import { workerProgram } from './worker.ts';

/** `edge-detect serve`: the agent. */
export const serveCommand: CommandFactory = (io, exit) => {
  const command = new Command('serve').description('serve the functions to Kapacitor, one Unix socket each');
  addServeOptions(command);
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
  let stopWatching: (() => void) | undefined;
  try {
    const events = new AgentEvents();
    const mode = options.socketMode;
    const status = { ...statusPlace(options), events };
    const socketOptions = { mode, groupId, kapacitorGid, log, onDisplaced, status };
    const { agent, keeper, own, paths } = await startServing(
      { ...options, watchdogMs, events },
      socketOptions,
      kapacitor,
    );
    log.info({ version: programVersion(), node: process.version }, 'serving');
    warnOfAccess(paths, kapacitorGid, log);
    keeper.start();
    if (options.watch === true && own !== undefined) {
      const { watchFunctions } = await import('./watch-functions.ts');
      stopWatching = watchFunctions(own, options.functionsDir ?? '', log);
    }
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
    stopWatching?.();
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

/** What the places of functions are made with. */
type PlaceSettings = ServeOptions & { readonly watchdogMs: number; readonly events: AgentEvents };

interface Serving {
  readonly agent: Agent;
  readonly keeper: SessionKeeper;
  /** The processes of functions of one's own; undefined where there are none. */
  readonly own: WorkerPool | undefined;
  readonly paths: readonly string[];
}

/** Starts the places of all functions, then the sockets. */
async function startServing(
  options: PlaceSettings,
  socketOptions: SocketOptions & Pick<AgentOptions, 'log' | 'status'>,
  kapacitor: KapacitorApi | undefined,
): Promise<Serving> {
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
    keeper = new SessionKeeper({
      sockets: paths,
      kapacitor,
      log,
      maxTries: options.reviveTries,
      onTried: (isRevived) => options.events.note(isRevived ? 'revived' : 'not_revived'),
    });
    const place = await startBuiltIn(options, live, log);
    const placed: PlacedSockets[] = [
      { place, sockets: sockets.filter(({ name }) => !ownNames.includes(name)) },
      ...(own === undefined
        ? []
        : [{ place: own, sockets: sockets.filter(({ name }) => ownNames.includes(name)) }]),
    ];
    return { agent: await serveSockets(placed, socketOptions), keeper, own, paths };
  } catch (error) {
    await own?.stop();
    throw error;
  }
}

/** The place of the agent's own functions: this process, or workers. */
async function startBuiltIn(options: PlaceSettings, live: LiveSessionTable, log: AgentLog): Promise<Place> {
  const { workers, watchdogMs, maxFrameBytes, maxGroups, events } = options;
  if (workers === 1) return sessionsHere(BUILT_IN, { maxFrameBytes, maxGroups }, live, log);
  const pool = new WorkerPool({ workers, watchdogMs, program: workerProgram(options), log, events }, live);
  await pool.start();
  return pool;
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
