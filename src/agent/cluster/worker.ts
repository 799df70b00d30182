import inspector from 'node:inspector';
import { Socket } from 'node:net';
import type { UdfFunction } from '../../function/contract.ts';
import { DescriptorReserve } from '../descriptor-reserve.ts';
import { type AgentLog, environmentOf, type SessionLimits } from '../environment.ts';
import type { LiveSession, LiveSessions, NodeIds } from '../live-sessions.ts';
import { Sessions } from '../sessions.ts';
import { lookEveryMs } from '../watchdog/stall-judge.ts';
import { isToWorker, type LookAt, type Seen, type ToPrimary } from './worker-messages.ts';

/** How often the primary is told what was counted: so much is lost with a worker that dies, at most. */
const COUNTS_MS = 1_000;

export interface WorkerOptions extends SessionLimits {
  readonly functions: readonly UdfFunction[];
  /** For how long the primary lets the event loop stand still, in milliseconds; 0: for ever. */
  readonly watchdogMs: number;
  readonly log: AgentLog;
}

/** Serves the connections that the primary hands over, until it says stop or is gone. */
export function runWorker(options: WorkerOptions): Promise<void> {
  return new Promise((resolve) => {
    const live = new PrimaryLiveSessions();
    const sessions = new Sessions(options.functions, environmentOf(options, live), options.log);
    const reserve = new DescriptorReserve(options.log);
    let stopListening: (() => void) | undefined;
    const onClosed = (): void => send({ type: 'closed' });
    const onMessage = (message: unknown, handle: unknown): void => {
      if (!isToWorker(message)) return;
      switch (message.type) {
        case 'connection': {
          // What comes without its connection found no descriptor here.
          if (!(handle instanceof Socket)) reserve.refuse();
          else if (reserve.admits(handle)) {
            sessions.accept(handle, message.functionName, onClosed);
            break;
          }
          onClosed();
          break;
        }
        case 'claimed':
          live.claimed(message.session, message.isLive);
          break;
        case 'ask-silence':
          void live.silentMs(message.session).then((silentMs) => {
            send({ type: 'silence', question: message.question, silentMs });
          });
          break;
        case 'look':
          void seenIn(sessions, message.at).then((seen) =>
            send({ type: 'seen', question: message.question, seen }),
          );
          break;
        case 'listen':
          stopListening?.();
          stopListening = message.isHeard
            ? sessions.watchEdges((edge) => send({ type: 'edge', edge }))
            : undefined;
          break;
        case 'stop':
          void sessions.stop().then(end);
          break;
      }
    };
    const onDisconnect = (): void => {
      options.log.error({}, 'the primary process is gone: the worker ends');
      sessions.abort();
      end();
    };
    const beat = (): void => send({ type: 'beat', isDebugged: inspector.url() !== undefined });
    const beats = options.watchdogMs === 0 ? undefined : setInterval(beat, lookEveryMs(options.watchdogMs));
    const counts = setInterval(() => {
      void sessions.totals().then((totals) => send({ type: 'totals', totals }));
    }, COUNTS_MS);
    const end = (): void => {
      clearInterval(counts);
      clearInterval(beats);
      process.off('message', onMessage);
      process.off('disconnect', onDisconnect);
      if (process.connected) process.disconnect();
      resolve();
    };
    process.on('message', onMessage);
    process.on('disconnect', onDisconnect);
    send({ type: 'ready', functions: options.functions.map(({ name }) => name) });
  });
}

async function seenIn(sessions: Sessions, at: LookAt): Promise<Seen> {
  switch (at.kind) {
    case 'sessions':
      return { sessions: await sessions.sessions() };
    case 'totals':
      return { totals: await sessions.totals() };
    case 'states': {
      const states = await sessions.states(at.request);
      return states === undefined ? {} : { states };
    }
  }
}

/** Asks the primary, which knows the sessions of all workers. */
class PrimaryLiveSessions implements LiveSessions {
  readonly #numbers = new Map<LiveSession, number>();
  readonly #sessions = new Map<number, LiveSession>();
  readonly #waiting = new Map<number, (isLive: boolean) => void>();
  #last = 0;

  claim(ids: NodeIds, session: LiveSession): Promise<boolean> {
    const number = ++this.#last;
    this.#numbers.set(session, number);
    this.#sessions.set(number, session);
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve);
      send({ type: 'claim', session: number, ids });
    });
  }

  claimed(number: number, isLive: boolean): void {
    this.#waiting.get(number)?.(isLive);
    this.#waiting.delete(number);
    if (!isLive) this.#forget(number);
  }

  release(ids: NodeIds, session: LiveSession): void {
    const number = this.#numbers.get(session);
    if (number === undefined) return;
    this.#forget(number);
    send({ type: 'release', session: number, ids });
  }

  /** A session that is gone was silent for ever. */
  async silentMs(number: number): Promise<number> {
    return (await this.#sessions.get(number)?.silentMs()) ?? Number.MAX_VALUE;
  }

  #forget(number: number): void {
    const session = this.#sessions.get(number);
    if (session !== undefined) this.#numbers.delete(session);
    this.#sessions.delete(number);
  }
}

/** Tells the primary something before the work begins; resolves when it is on its way. */
export function tellPrimary(message: ToPrimary): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(message, undefined, {}, () => resolve());
  });
}

function send(message: ToPrimary): void {
  // Without a channel the primary is gone, and `disconnect` says so.
  if (process.connected) process.send?.(message);
}
