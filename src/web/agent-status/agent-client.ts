import { Agent, type Dispatcher, request } from 'undici';
import { codeOf, messageOf } from '../../errors.ts';
import { reasonUnreached } from '../../feed/targets/connection.ts';
import { isRecord } from '../../is-record.ts';
import type { Session, SessionStatesAnswer } from '../api/schemas.ts';
import { ProblemError } from '../problem.ts';

/** An edge as the agent tells of it at the moment of its making. */
export interface AgentEdge {
  readonly task: string;
  readonly node: string;
  /** The measurement of the points that came in. */
  readonly name: string;
  readonly tags: Readonly<Record<string, unknown>>;
  readonly fields: Readonly<Record<string, unknown>>;
  /** RFC 3339. */
  readonly time: string;
}

const TIMEOUT_MS = 5_000;
const MAX_LINE_LENGTH = 1_000_000;

/** The agent's status socket: HTTP over a Unix socket, which changes nothing there. */
export class AgentClient {
  readonly path: string;
  readonly #dispatcher: Agent;

  constructor(path: string) {
    this.path = path;
    this.#dispatcher = new Agent({ connect: { socketPath: path, timeout: TIMEOUT_MS }, bodyTimeout: 0 });
  }

  /** @throws ProblemError AGENT_AWAY */
  async sessions(signal: AbortSignal): Promise<Session[]> {
    const answer = await this.#json('/sessions', signal);
    const sessions: readonly unknown[] =
      isRecord(answer) && Array.isArray(answer.sessions) ? answer.sessions : [];
    return sessions.flatMap((session) =>
      isRecord(session) && typeof session.task === 'string' && typeof session.node === 'string'
        ? [{ ...session, task: session.task, node: session.node }]
        : [],
    );
  }

  /**
   * What states a node holds, as the agent tells it.
   * @throws ProblemError AGENT_AWAY, SESSION_NOT_FOUND
   */
  async states(
    task: string,
    node: string,
    query: URLSearchParams,
    signal: AbortSignal,
  ): Promise<SessionStatesAnswer> {
    const path = `/sessions/${encodeURIComponent(task)}/${encodeURIComponent(node)}/states?${query}`;
    const answer = await this.#json(path, signal);
    const states: readonly unknown[] = isRecord(answer) && Array.isArray(answer.states) ? answer.states : [];
    return {
      ...(isRecord(answer) ? answer : {}),
      states: states.flatMap((state) =>
        isRecord(state) ? [{ ...state, group: String(state.group ?? '') }] : [],
      ),
    };
  }

  /**
   * Edges as they are made, until the signal aborts or the agent ends.
   * @throws ProblemError AGENT_AWAY
   */
  async *edges(signal: AbortSignal): AsyncGenerator<AgentEdge> {
    const body = await this.#ask('/edges', 'application/x-ndjson', signal);
    const decoder = new TextDecoder();
    let rest = '';
    try {
      for await (const chunk of body) {
        rest += decoder.decode(chunk, { stream: true });
        const lines = rest.split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MAX_LINE_LENGTH) rest = '';
        for (const line of lines) {
          const edge = edgeOf(line);
          if (edge !== undefined) yield edge;
        }
      }
    } catch (error) {
      throw this.#away(error, signal);
    } finally {
      body.destroy();
    }
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  async #json(path: string, signal: AbortSignal): Promise<unknown> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const body = await this.#ask(path, 'application/json', limited);
    try {
      return await body.json();
    } catch (error) {
      throw this.#away(error, signal);
    }
  }

  async #ask(path: string, accept: string, signal: AbortSignal): Promise<Dispatcher.ResponseData['body']> {
    let response: Dispatcher.ResponseData;
    try {
      response = await request(`http://agent${path}`, {
        dispatcher: this.#dispatcher,
        headers: { accept },
        signal,
        headersTimeout: TIMEOUT_MS,
      });
    } catch (error) {
      throw this.#away(error, signal);
    }
    const { body, statusCode } = response;
    body.on('error', () => {});
    if (statusCode === 200) return body;
    const text = await body.text();
    if (statusCode === 404)
      throw new ProblemError('SESSION_NOT_FOUND', 'the agent has no such session at this moment');
    throw new ProblemError('AGENT_AWAY', `the agent answers with ${statusCode}: ${text.slice(0, 200)}`);
  }

  #away(error: unknown, signal: AbortSignal): unknown {
    if (error instanceof ProblemError) return error;
    if (signal.aborted && codeOf(signal.reason) === undefined) return signal.reason;
    const why = codeOf(error) === 'ENOENT' ? 'its socket is not there (ENOENT)' : reasonUnreached(error);
    return new ProblemError(
      'AGENT_AWAY',
      `the agent at ${this.path} can't be reached: ${why || messageOf(error)}`,
      {},
      { cause: error },
    );
  }
}

/** Undefined for a line that tells of no edge: what counts what was lost, say. */
function edgeOf(line: string): AgentEdge | undefined {
  if (line.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { fields, name, node, tags, task, time } = value;
  if (typeof time !== 'string' || !isRecord(fields)) return undefined;
  return {
    task: typeof task === 'string' ? task : '',
    node: typeof node === 'string' ? node : '',
    name: typeof name === 'string' ? name : '',
    tags: isRecord(tags) ? tags : {},
    fields,
    time,
  };
}
