import type { Node } from '../function/node.ts';
import type { NodeTotals, SessionReport } from '../status/report.ts';
import { SessionFigures } from '../status/session-figures.ts';
import type { InitRequest } from '../wire/messages.ts';
import type { ProtocolErrorCode } from '../wire/protocol-error.ts';
import type { SessionEnvironment, SessionLog } from './environment.ts';
import type { NodeIds } from './live-sessions.ts';
import type { Overrun } from './patience.ts';

/** What is told of one session: its lines in the log, its report, and what it adds to the totals. */
export class SessionStory {
  readonly figures: SessionFigures;
  readonly #functionName: string;
  readonly #environment: SessionEnvironment;
  readonly #log: SessionLog;
  /** Bytes that came so far. */
  readonly #bytes: () => number;
  readonly #startedMs: number;
  #request: InitRequest | undefined;
  #node: Node | undefined;
  #ids: NodeIds | undefined;
  #isReplay = false;

  constructor(functionName: string, environment: SessionEnvironment, log: SessionLog, bytes: () => number) {
    this.#functionName = functionName;
    this.#environment = environment;
    this.#log = log;
    this.#bytes = bytes;
    this.#startedMs = environment.clockMs();
    this.figures = new SessionFigures(this.#startedMs);
  }

  /** Whose it is; undefined before its Init is answered. */
  get ids(): NodeIds | undefined {
    return this.#ids;
  }

  /** Whether another session with the same ids is the live one. */
  get isReplay(): boolean {
    return this.#isReplay;
  }

  /** Its Init came. */
  asked(request: InitRequest): void {
    this.#request = request;
  }

  refused(problems: readonly string[]): void {
    this.#log.warn({ ...this.logIds(), problems }, 'task refused for its options');
  }

  connected(ids: NodeIds, node: Node | undefined, isReplay: boolean): void {
    this.#ids = ids;
    this.#node = node;
    this.#isReplay = isReplay;
    this.#log.info(
      { ...this.logIds(), ...(isReplay ? { replay: true } : {}) },
      isReplay ? 'replay connected' : 'task connected',
    );
  }

  overrun({ isPresumed, silentMs, timeoutMs }: Overrun): void {
    const why = isPresumed ? 'this process stood still' : 'Kapacitor had no answer';
    this.#log.warn(
      { ...this.logIds(), silentMs: Math.round(silentMs), timeoutMs: Math.round(timeoutMs) },
      `the connection is broken off: ${why} for too long, and what is said after its timeout brings Kapacitor down; the task has to be brought back`,
    );
  }

  failed(code: ProtocolErrorCode, offset: number, message: string, cause: unknown): void {
    const { taskId = '', nodeId = '' } = this.#ids ?? {};
    const { errors } = this.#environment.past.of(this.#functionName, taskId, nodeId);
    errors[code] = (errors[code] ?? 0) + 1;
    this.#log.error(
      { ...this.logIds(), code, offset, ...(cause === undefined ? {} : { err: cause }) },
      `connection closed: ${message}`,
    );
  }

  /** It is over; what it did is kept in the totals. */
  disconnected(reason: string): void {
    const bytes = this.#bytes();
    if (this.#ids === undefined) {
      this.#log.debug({ bytes, reason }, 'connection without a task ended');
      return;
    }
    const { functionName, nodeId, taskId } = this.#ids;
    this.addTo(this.#environment.past.of(functionName, taskId, nodeId));
    this.#log.info(
      {
        ...this.logIds(),
        points: this.#points,
        edges: this.#edges,
        ...this.#counts(),
        bytes,
        seconds: Math.round(this.#environment.clockMs() - this.#startedMs) / 1000,
        reason,
      },
      'task disconnected',
    );
  }

  /** Some times a second. @param isFlowing whether the peer reads what goes out */
  look(isFlowing: boolean): void {
    this.figures.look(this.#environment.clockMs(), this.#points, this.#edges, isFlowing);
  }

  /** What it is and has done; undefined before its Init. */
  report(): SessionReport | undefined {
    if (this.#ids === undefined) return undefined;
    const { functionName, nodeId, taskId } = this.#ids;
    const kind = this.#isReplay ? 'replay' : 'live';
    const ids = { task: taskId, node: nodeId, function: functionName, kind } as const;
    return this.figures.report(ids, this.#numbers(), this.#environment.clockMs());
  }

  /** Adds what it has done. */
  addTo(totals: NodeTotals): void {
    this.figures.addTo(totals, this.#numbers(), this.#environment.clockMs());
  }

  /** What its lines in the log begin with. */
  logIds(): { task?: string; node?: string } {
    return this.#request === undefined ? {} : { task: this.#request.taskId, node: this.#request.nodeId };
  }

  #numbers() {
    return {
      points: this.#points,
      edges: this.#edges,
      bytes: this.#bytes(),
      counts: this.#counts() ?? {},
    };
  }

  get #points(): number {
    return this.#node?.points ?? 0;
  }

  get #edges(): number {
    return this.#node?.edges ?? 0;
  }

  #counts(): Readonly<Record<string, number>> | undefined {
    try {
      return this.#node?.counts();
    } catch (error) {
      this.#log.error({ ...this.logIds(), err: error }, 'the function failed at counting what it did');
      return undefined;
    }
  }
}
