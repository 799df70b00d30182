import cluster, { type Worker } from 'node:cluster';
import type { Socket } from 'node:net';
import { OperationError } from '../../errors.ts';
import type { AgentEvents } from '../../status/agent-events.ts';
import { LiveEdges } from '../../status/live-edges.ts';
import type {
  LiveEdge,
  NodeTotals,
  SessionReport,
  StatesReport,
  StatesRequest,
} from '../../status/report.ts';
import { TotalsTable } from '../../status/totals.ts';
import type { Place } from '../agent.ts';
import type { SessionLog } from '../environment.ts';
import type { LiveSessions, NodeIds } from '../live-sessions.ts';
import { OpenSet } from '../open-set.ts';
import { lookEveryMs, StallJudge } from '../watchdog/stall-judge.ts';
import { Member, type RemoteSession } from './member.ts';
import { isToPrimary, type ToPrimary } from './worker-messages.ts';

/** A worker that dies sooner than this after its start is started again only after a pause, which grows. */
const SETTLED_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;

/** How often a look is taken at the memory of workers. */
const MEMORY_LOOK_MS = 250;
/** How long one file may take to be loaded. */
const LOAD_MS = 10_000;
/** Connections that wait for a worker, at most: a Kapacitor opens one per node of every task. */
const MAX_WAITING = 4096;

const MIB = 1024 * 1024;

export interface PoolOptions {
  /** How many worker processes, 1 or more. */
  readonly workers: number;
  /** A worker whose event loop stands still for longer than this, in milliseconds, is killed; 0: none is. */
  readonly watchdogMs: number;
  /** A worker that takes more memory than this is killed; undefined: none is. */
  readonly maxMemoryBytes?: number;
  /** What is run as a worker, its arguments, and those of the runtime. */
  readonly program: {
    readonly path: string;
    readonly args: readonly string[];
    readonly execArgv?: readonly string[];
  };
  /** The longest pause before a worker that dies again and again is started again. */
  readonly maxPauseMs?: number;
  readonly log: SessionLog;
  /** Counts what happens to workers. */
  readonly events?: AgentEvents;
}

/** Files that a worker could not load, a line each. */
export class LoadError extends OperationError {
  override readonly name = 'LoadError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/**
 * Worker processes that share the connections of some functions: each goes to the one that has the fewest. One that
 * dies, hangs or takes too much memory is replaced; connections that come meanwhile wait.
 */
export class WorkerPool implements Place {
  readonly #options: PoolOptions;
  readonly #live: LiveSessions;
  readonly #members = new OpenSet<Member>();
  readonly #starting = new Set<Member>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #looks: NodeJS.Timeout[] = [];
  #waiting: { readonly socket: Socket; readonly functionName: string }[] = [];
  #pauseMs = FIRST_PAUSE_MS;
  #isStopping = false;
  #functions: readonly string[] = [];
  readonly #edges = new LiveEdges();
  /** What workers that died had counted. */
  readonly #past = new TotalsTable();

  /** @param live tells live tasks from replays for every place of the agent */
  constructor(options: PoolOptions, live: LiveSessions) {
    this.#options = options;
    this.#live = live;
    if (options.watchdogMs !== 0)
      this.#lookEvery(lookEveryMs(options.watchdogMs), () => this.#lookForStalls());
    if (options.maxMemoryBytes !== undefined) this.#lookEvery(MEMORY_LOOK_MS, () => this.#lookAtMemory());
  }

  /** The functions that the workers have loaded from files. */
  get functions(): readonly string[] {
    return this.#functions;
  }

  /**
   * Resolves when every worker is ready for connections.
   * @throws LoadError where files could not be loaded; no worker is left then
   */
  async start(): Promise<void> {
    try {
      await Promise.all(Array.from({ length: this.#options.workers }, () => this.#fork()));
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  /**
   * Starts as many workers anew, from files that may have changed. Once they are ready the others answer what they have
   * read and end with their connections; if one is not, all stays as it was.
   * @throws LoadError where files could not be loaded, or a function that is served is no longer there
   */
  async renew(): Promise<void> {
    const served = this.#functions;
    const old = [...this.#members];
    const forks = await Promise.allSettled(Array.from({ length: this.#options.workers }, () => this.#fork()));
    const fresh = forks.flatMap((fork) => (fork.status === 'fulfilled' ? (fork.value ?? []) : []));
    const failed = forks.find((fork) => fork.status === 'rejected');
    const gone = served.filter((name) => !this.#functions.includes(name));
    if (failed !== undefined || gone.length > 0) {
      this.#functions = served;
      for (const member of fresh) {
        member.isReplaced = true;
        member.kill('the one before it goes on');
      }
      throw (
        failed?.reason ??
        new LoadError(gone.map((name) => `@${name} is not there any more: the agent has to be started anew`))
      );
    }
    for (const member of old) {
      member.isReplaced = true;
      member.send({ type: 'stop' });
    }
  }

  accept(socket: Socket, functionName: string): void {
    let least: Member | undefined;
    for (const member of this.#members) {
      if (member.isReplaced) continue;
      if (least === undefined || member.connections < least.connections) least = member;
    }
    if (least === undefined) {
      if (this.#isStopping || this.#waiting.length === MAX_WAITING) socket.destroy();
      else this.#waiting.push({ socket, functionName });
      return;
    }
    least.connections++;
    least.send({ type: 'connection', functionName }, socket);
  }

  async sessions(): Promise<SessionReport[]> {
    const looks = [...this.#members].map(async (member) => {
      const seen = await member.look({ kind: 'sessions' });
      return (seen?.sessions ?? []).map((report) => ({ ...report, worker: member.worker.id }));
    });
    return (await Promise.all(looks)).flat();
  }

  async totals(): Promise<NodeTotals[]> {
    const sums = new TotalsTable();
    for (const totals of this.#past.all()) sums.add(totals);
    const looks = [...this.#members].map(async (member) => {
      const seen = await member.look({ kind: 'totals' });
      if (seen?.totals !== undefined) member.totals = seen.totals;
      for (const totals of member.totals) sums.add(totals);
    });
    await Promise.all(looks);
    return sums.all();
  }

  async states(request: StatesRequest): Promise<StatesReport | undefined> {
    for (const member of [...this.#members]) {
      const seen = await member.look({ kind: 'states', request });
      if (seen?.states !== undefined) return seen.states;
    }
    return undefined;
  }

  watchEdges(listener: (edge: LiveEdge) => void): () => void {
    const stop = this.#edges.add(listener);
    this.#tellWhetherHeard();
    return () => {
      stop();
      this.#tellWhetherHeard();
    };
  }

  #tellWhetherHeard(): void {
    for (const member of this.#members) member.send({ type: 'listen', isHeard: this.#edges.isHeard });
  }

  async stop(): Promise<void> {
    this.#endRestarts();
    for (const member of this.#starting) member.kill('the agent stops');
    await this.#members.end((member) => member.send({ type: 'stop' }));
    for (const look of this.#looks) clearInterval(look);
  }

  abort(): void {
    this.#endRestarts();
    for (const look of this.#looks) clearInterval(look);
    for (const member of [...this.#starting, ...this.#members]) member.kill('the agent ends at once');
  }

  #endRestarts(): void {
    this.#isStopping = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    for (const { socket } of this.#waiting) socket.destroy();
    this.#waiting = [];
  }

  #lookEvery(intervalMs: number, look: () => void): void {
    this.#looks.push(setInterval(look, intervalMs).unref());
  }

  /** Resolves when the worker is ready, or with nothing when it has died and will be started again. */
  #fork(): Promise<Member | undefined> {
    const { path, args, execArgv = [] } = this.#options.program;
    cluster.setupPrimary({ exec: path, args: [...args], execArgv: [...execArgv] });
    return new Promise((resolve, reject) => {
      const member = new Member(cluster.fork());
      this.#starting.add(member);
      let loading: NodeJS.Timeout | undefined;
      member.worker.on('message', (message: unknown) => {
        if (!isToPrimary(message)) return;
        switch (message.type) {
          case 'loading':
            clearTimeout(loading);
            loading = setTimeout(
              () => member.kill(`it took longer than ${LOAD_MS / 1000} s to load`),
              LOAD_MS,
            );
            member.loading = message.file;
            break;
          case 'failed':
            member.kill('files could not be loaded');
            reject(new LoadError(message.problems));
            break;
          case 'ready':
            clearTimeout(loading);
            this.#ready(member, message.functions);
            resolve(member);
            break;
          default:
            this.#onMessage(member, message);
        }
      });
      member.worker.once('exit', (code: number | null, signal: string | null) => {
        clearTimeout(loading);
        const { loading: file } = member;
        this.#onExit(member, code, signal);
        if (file === undefined || this.#isStopping) resolve(undefined);
        else {
          const why =
            member.verdict ?? `the process ended while it was loaded (${signal ?? `exit code ${code}`})`;
          reject(new LoadError([`${file}: ${why}`]));
        }
      });
    });
  }

  #ready(member: Member, functions: readonly string[]): void {
    const { worker } = member;
    this.#starting.delete(member);
    this.#members.add(member);
    if (this.#edges.isHeard) member.send({ type: 'listen', isHeard: true });
    member.loading = undefined;
    this.#functions = functions;
    // One that was started again just before the stop would keep this process for ever.
    if (this.#isStopping) member.send({ type: 'stop' });
    member.judge = new StallJudge(this.#options.watchdogMs, performance.now());
    this.#options.log.info({ worker: worker.id, pid: worker.process.pid }, 'worker ready');
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { socket, functionName } of waiting) this.accept(socket, functionName);
  }

  #onMessage(member: Member, message: ToPrimary): void {
    switch (message.type) {
      case 'claim':
        void this.#claim(member, message.session, message.ids);
        break;
      case 'release':
        this.#release(member, message.session);
        break;
      case 'closed':
        member.connections--;
        break;
      case 'beat':
        member.beats++;
        member.isDebugged = message.isDebugged;
        break;
      case 'silence':
        member.answer(message.question, message.silentMs);
        break;
      case 'seen':
        member.seen(message.question, message.seen);
        break;
      case 'totals':
        member.totals = message.totals;
        break;
      case 'edge':
        this.#edges.pass(message.edge);
        break;
    }
  }

  async #claim(member: Member, number: number, ids: NodeIds): Promise<void> {
    const session: RemoteSession = { ids, silentMs: () => member.silentMs(number) };
    const isLive = await this.#live.claim(ids, session);
    if (isLive) member.sessions.set(number, session);
    member.send({ type: 'claimed', session: number, isLive });
  }

  #release(member: Member, number: number): void {
    const session = member.sessions.get(number);
    if (session === undefined) return;
    member.sessions.delete(number);
    this.#live.release(session.ids, session);
  }

  /** Kills the workers that stand still. One that hangs can freeze Kapacitor; one that is gone is started again. */
  #lookForStalls(): void {
    const nowMs = performance.now();
    for (const member of this.#members) {
      const { judge, beats, isDebugged } = member;
      if (judge?.look(nowMs, beats) !== 'stalled' || isDebugged) continue;
      this.#options.log.error(
        {
          ...idsOf(member.worker),
          stalledMs: Math.round(judge.stillMs),
          watchdogMs: this.#options.watchdogMs,
        },
        'the event loop of a worker stands still: the worker is killed, since an agent that hangs can freeze Kapacitor',
      );
      this.#options.events?.note('worker_stalled');
      member.kill('it stood still');
    }
  }

  #lookAtMemory(): void {
    const limit = this.#options.maxMemoryBytes ?? Number.POSITIVE_INFINITY;
    for (const member of this.#members) {
      const resident = member.residentBytes() ?? 0;
      if (resident <= limit || member.verdict !== undefined) continue;
      this.#options.log.error(
        {
          ...idsOf(member.worker),
          memoryMib: Math.round(resident / MIB),
          limitMib: Math.round(limit / MIB),
        },
        'a worker takes more memory than it may: it is killed',
      );
      this.#options.events?.note('worker_too_large');
      member.kill('it took too much memory');
    }
  }

  #onExit(member: Member, code: number | null, signal: string | null): void {
    const { worker } = member;
    const wasReady = !this.#starting.delete(member);
    member.gone();
    for (const totals of member.totals) this.#past.add(totals);
    for (const number of [...member.sessions.keys()]) this.#release(member, number);
    const { loading } = member;
    this.#members.delete(member);
    // One that never was ready is told of by whoever waits for it.
    if (this.#isStopping || member.isReplaced || (!wasReady && loading !== undefined)) return;
    const lived = performance.now() - member.startedMs;
    const pauseMs = lived > SETTLED_MS ? FIRST_PAUSE_MS : this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, this.#options.maxPauseMs ?? MAX_PAUSE_MS);
    this.#options.log.error(
      { ...idsOf(worker), code, signal, restartMs: pauseMs },
      'a worker died with its connections and is started again',
    );
    this.#options.events?.note('worker_restarted');
    this.#restartIn(pauseMs);
  }

  #restartIn(pauseMs: number): void {
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#fork().catch((error: unknown) => {
        if (this.#isStopping) return;
        this.#options.log.error(
          { restartMs: MAX_PAUSE_MS },
          `a worker could not be started again: ${String(error)}`,
        );
        this.#restartIn(MAX_PAUSE_MS);
      });
    }, pauseMs);
    this.#restarts.add(timer);
  }
}

function idsOf(worker: Worker): { worker: number; pid: number | undefined } {
  return { worker: worker.id, pid: worker.process.pid };
}
