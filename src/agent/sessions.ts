import type { Socket } from 'node:net';
import type { UdfFunction } from '../function/contract.ts';
import {
  globMatcher,
  type Insight,
  type LiveEdge,
  type NodeTotals,
  type SessionReport,
  type StatesReport,
  type StatesRequest,
  statesReport,
} from '../status/report.ts';
import { TotalsTable } from '../status/totals.ts';
import type { Place } from './agent.ts';
import type { AgentLog, SessionEnvironment, SessionLog } from './environment.ts';
import { OpenSet } from './open-set.ts';
import { Keepalives } from './patience.ts';
import { Session } from './session.ts';

/** How long connections may take to read the last answers when the agent stops. */
const STOP_MS = 5000;

/** How often every session is looked at: whether Kapacitor still waits for its answers. */
const LOOK_MS = 250;

interface Served {
  readonly function: UdfFunction;
  readonly log: SessionLog;
}

/** The sessions of one process: the place of the functions that it knows. */
export class Sessions implements Place, Insight {
  readonly #environment: SessionEnvironment;
  readonly #served: ReadonlyMap<string, Served>;
  readonly #open = new OpenSet<Session>();
  readonly #keepalives = new Keepalives();
  #looks: NodeJS.Timeout | undefined;

  constructor(functions: readonly UdfFunction[], environment: SessionEnvironment, log: AgentLog) {
    this.#environment = environment;
    this.#served = new Map(
      functions.map((fn) => [fn.name, { function: fn, log: log.child({ function: fn.name }) }]),
    );
  }

  /**
   * Starts a session on a connection.
   * @param onClosed called when it is over
   */
  accept(socket: Socket, functionName: string, onClosed?: () => void): void {
    const served = this.#served.get(functionName);
    if (served === undefined) {
      socket.destroy();
      onClosed?.();
      return;
    }
    if (this.#looks === undefined) {
      this.#keepalives.comeRound();
      this.#looks = setInterval(this.#look, LOOK_MS).unref();
    }
    const patience = this.#keepalives.open(functionName);
    const session = new Session(socket, served.function, this.#environment, served.log, patience, () => {
      this.#open.delete(session);
      onClosed?.();
      if (this.#open.size > 0) return;
      clearInterval(this.#looks);
      this.#looks = undefined;
    });
    this.#open.add(session);
  }

  readonly #look = (): void => {
    for (const session of [...this.#open]) session.keepTime();
    this.#keepalives.comeRound();
  };

  async sessions(): Promise<SessionReport[]> {
    return [...this.#open].flatMap((session) => session.story.report() ?? []);
  }

  async totals(): Promise<NodeTotals[]> {
    const sums = new TotalsTable();
    for (const totals of this.#environment.past.all()) sums.add(totals);
    for (const session of this.#open) {
      const { ids } = session.story;
      if (ids !== undefined) session.story.addTo(sums.of(ids.functionName, ids.taskId, ids.nodeId));
    }
    return sums.all();
  }

  async states({ match, node, task, ...query }: StatesRequest): Promise<StatesReport | undefined> {
    const asked = [...this.#open].filter(({ story: { ids } }) => ids?.taskId === task && ids.nodeId === node);
    // Of a live task and its replays the live one.
    const session = asked.find((each) => !each.story.isReplay) ?? asked[0];
    const page = session?.states({
      ...query,
      ...(match === undefined ? {} : { matches: globMatcher(match) }),
    });
    return page === undefined ? undefined : statesReport(page);
  }

  watchEdges(listener: (edge: LiveEdge) => void): () => void {
    return this.#environment.edges.add(listener);
  }

  /** Breaks all connections off. */
  abort(): void {
    for (const session of [...this.#open]) session.abort();
  }

  /** Answers what was read and closes all connections; one whose peer does not read is cut off after five seconds. */
  async stop(): Promise<void> {
    const deadline = setTimeout(() => this.abort(), STOP_MS);
    await this.#open.end((session) => session.stop());
    clearTimeout(deadline);
  }
}
