import cluster, { type Worker } from 'node:cluster';
import type { Socket } from 'node:net';
import type { Agent, AgentOptions } from '../agent.ts';
import { type LiveSession, LiveSessionTable, type NodeIds } from '../live-sessions.ts';
import type { ServedFunction } from '../server.ts';
import { openSockets } from '../sockets.ts';
import { lookEveryMs, StallJudge } from '../watchdog/stall-judge.ts';
import { isToPrimary, type ToWorker } from './worker-messages.ts';

/** A worker that dies sooner than this after its start is started again only after a pause, which grows. */
const SETTLED_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;

export interface ClusterOptions extends AgentOptions {
  /** How many worker processes, 2 or more. */
  readonly workers: number;
  /** A worker whose event loop stands still for longer than this, in milliseconds, is killed; 0: none is. */
  readonly watchdogMs: number;
  /** What is run as a worker, and its arguments. */
  readonly program: { readonly path: string; readonly args: readonly string[] };
}

/**
 * Serves functions with several worker processes. This process owns the sockets and hands each connection to the
 * worker that has the fewest; it also knows which task is live where.
 * @throws OperationError naming the socket that could not be opened; no process is left then
 */
export async function startCluster(options: ClusterOptions): Promise<Agent> {
  cluster.setupPrimary({ exec: options.program.path, args: [...options.program.args] });
  const pool = new WorkerPool(options);
  await pool.start();
  let close: () => Promise<void>;
  try {
    close = await openSockets(options.functions, options, pool.accept);
  } catch (error) {
    await pool.stop();
    throw error;
  }
  return {
    async stop() {
      const closed = close();
      await pool.stop();
      await closed;
    },
    abort() {
      void close();
      pool.abort();
    },
  };
}

/** A session of a worker, as the table of live sessions sees it. */
interface RemoteSession extends LiveSession {
  readonly ids: NodeIds;
}

/** One worker process and what is known of it. */
class Member {
  readonly worker: Worker;
  readonly startedMs = performance.now();
  connections = 0;
  beats = 0;
  /** Whether a debugger may hold it. */
  isDebugged = false;
  judge: StallJudge | undefined;
  readonly sessions = new Map<number, RemoteSession>();
  readonly #answers = new Map<number, (silentMs: number) => void>();
  #lastQuestion = 0;

  constructor(worker: Worker) {
    this.worker = worker;
  }

  send(message: ToWorker, socket?: Socket): void {
    if (this.worker.isConnected()) this.worker.send(message, socket);
    else socket?.destroy();
  }

  silentMs(session: number): Promise<number> {
    return new Promise((resolve) => {
      const question = ++this.#lastQuestion;
      this.#answers.set(question, resolve);
      this.send({ type: 'ask-silence', question, session });
    });
  }

  answer(question: number, silentMs: number): void {
    this.#answers.get(question)?.(silentMs);
    this.#answers.delete(question);
  }

  /** The process is gone: whoever asked gets the answer that nobody is there. */
  gone(): void {
    for (const resolve of this.#answers.values()) resolve(Number.MAX_VALUE);
  }
}

class WorkerPool {
  readonly #options: ClusterOptions;
  readonly #live: LiveSessionTable;
  readonly #members = new Map<number, Member>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #looks: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #isStopping = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#live = new LiveSessionTable(options.watch);
    if (options.watchdogMs !== 0) {
      this.#looks = setInterval(() => this.#look(), lookEveryMs(options.watchdogMs));
      this.#looks.unref();
    }
  }

  /** Resolves when every worker is ready for connections. */
  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.workers }, () => this.#fork()));
  }

  readonly accept = (socket: Socket, served: ServedFunction): void => {
    let least: Member | undefined;
    for (const member of this.#members.values()) {
      if (least === undefined || member.connections < least.connections) least = member;
    }
    if (least === undefined) {
      socket.destroy();
      return;
    }
    least.connections++;
    least.send({ type: 'connection', functionName: served.function.name }, socket);
  };

  stop(): Promise<void> {
    this.#isStopping = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      if (this.#members.size === 0) resolve();
      for (const member of this.#members.values()) member.send({ type: 'stop' });
    });
  }

  abort(): void {
    this.#isStopping = true;
    for (const { worker } of this.#members.values()) worker.process.kill('SIGKILL');
  }

  #fork(): Promise<void> {
    return new Promise((resolve) => {
      const worker = cluster.fork();
      const member = new Member(worker);
      worker.on('message', (message: unknown) => {
        if (!isToPrimary(message)) return;
        switch (message.type) {
          case 'ready':
            this.#members.set(worker.id, member);
            // One that was started again just before the stop would keep this process for ever.
            if (this.#isStopping) member.send({ type: 'stop' });
            member.judge = new StallJudge(this.#options.watchdogMs, performance.now());
            this.#options.log.info({ worker: worker.id, pid: worker.process.pid }, 'worker ready');
            resolve();
            break;
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
        }
      });
      worker.once('exit', (code: number | null, signal: string | null) => {
        this.#onExit(member, code, signal);
        resolve();
      });
    });
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
  #look(): void {
    const nowMs = performance.now();
    for (const { worker, judge, beats, isDebugged } of this.#members.values()) {
      if (judge?.look(nowMs, beats) !== 'stalled' || isDebugged) continue;
      this.#options.log.error(
        {
          worker: worker.id,
          pid: worker.process.pid,
          stalledMs: Math.round(judge.stillMs),
          watchdogMs: this.#options.watchdogMs,
        },
        'the event loop of a worker stands still: the worker is killed, since an agent that hangs can freeze Kapacitor',
      );
      worker.process.kill('SIGKILL');
    }
  }

  #onExit(member: Member, code: number | null, signal: string | null): void {
    const { worker } = member;
    this.#members.delete(worker.id);
    member.gone();
    for (const number of [...member.sessions.keys()]) this.#release(member, number);
    if (this.#isStopping) {
      if (this.#members.size === 0) {
        clearInterval(this.#looks);
        this.#onEmpty?.();
      }
      return;
    }
    const lived = performance.now() - member.startedMs;
    const pauseMs = lived > SETTLED_MS ? FIRST_PAUSE_MS : this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
    this.#options.log.error(
      { worker: worker.id, pid: worker.process.pid, code, signal, restartMs: pauseMs },
      'a worker died with its connections and is started again',
    );
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      void this.#fork();
    }, pauseMs);
    this.#restarts.add(timer);
  }
}
