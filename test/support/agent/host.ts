import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import {
  cutFrames,
  decodeResponse,
  encodeRequest,
  frame,
  type Option,
  type Request,
  type Response,
} from '../protocol/protocol.ts';

/** Longer than any agent thinks: one that hangs is to fail a test with a message, not by the test's time running out. */
const SILENCE_MS = 10_000;

/** A begin, point or end that the agent emitted. */
export interface Emitted {
  readonly response: Extract<Response, { readonly kind: 'begin' | 'point' | 'end' }>;
  /** The message, without its length. */
  readonly bytes: Buffer;
}

interface Waiter {
  /** Returns whether this is the answer waited for. */
  readonly accept: (response: Response) => boolean;
  readonly reject: (error: Error) => void;
}

/**
 * Kapacitor's half of a socket, for tests. Requests go out at once, without waiting for answers, so that any sequence
 * can be sent; the promise that a request returns is settled by its answer, or rejected by an ErrorResponse, by another
 * answer or by the agent's end.
 */
export class Host {
  readonly #socket: Socket;
  readonly #closed: Promise<unknown>;
  readonly #waiters: Waiter[] = [];
  /** Apart, since the answer to a keepalive may overtake one that takes its time. */
  readonly #keepaliveWaiters: Waiter[] = [];
  readonly #emitted: Emitted[] = [];
  #received: Buffer = Buffer.alloc(0);
  #failure: Error | undefined;
  #hasEnded = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.#fail(error));
    socket.setTimeout(SILENCE_MS, () => {
      socket.destroy(new Error(`nothing came or went for ${SILENCE_MS / 1000} seconds`));
    });
  }

  /** What the agent emitted so far. */
  get emitted(): readonly Emitted[] {
    return this.#emitted;
  }

  info() {
    return this.#ask({ kind: 'info' }, (response) => (response.kind === 'info' ? response : undefined));
  }

  init(options: readonly Option[], taskId = 'task', nodeId = 'edgeDetect2') {
    return this.#ask({ kind: 'init', options, taskId, nodeId }, (response) =>
      response.kind === 'init' ? response : undefined,
    );
  }

  keepalive(time: bigint) {
    return this.#ask({ kind: 'keepalive', time }, (response) =>
      response.kind === 'keepalive' ? response : undefined,
    );
  }

  snapshot() {
    return this.#ask({ kind: 'snapshot' }, (response) =>
      response.kind === 'snapshot' ? response : undefined,
    );
  }

  restore(snapshot: Buffer) {
    return this.#ask({ kind: 'restore', snapshot }, (response) =>
      response.kind === 'restore' ? response : undefined,
    );
  }

  /** Sends whole messages, without their length: points and batches, or anything else. */
  send(messages: readonly Buffer[]): void {
    this.sendBytes(Buffer.concat(messages.map(frame)));
  }

  /** Sends bytes, which need not be whole frames. */
  sendBytes(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Ends Kapacitor's half. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Ends Kapacitor's half, waits for the agent's end, and returns all that was emitted. Throws as requests do. */
  async finish(): Promise<readonly Emitted[]> {
    this.halfClose();
    await this.#closed;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#received.length > 0) throw new Error('the agent closed the connection within a frame');
    return this.#emitted;
  }

  /** Resolves when the connection is over, whoever ended it. */
  get closed(): Promise<unknown> {
    return this.#closed;
  }

  /** Breaks the connection off, as a Kapacitor that dies does. */
  async destroy(): Promise<void> {
    this.#socket.destroy();
    await this.#closed;
  }

  #ask<Answer>(request: Request, pick: (response: Response) => Answer | undefined): Promise<Answer> {
    const waiters = this.#waitersFor(request);
    const answer = new Promise<Answer>((resolve, reject) => {
      const accept = (response: Response): boolean => {
        const picked = pick(response);
        if (picked !== undefined) resolve(picked);
        return picked !== undefined;
      };
      if (this.#failure !== undefined) reject(this.#failure);
      else if (this.#hasEnded) reject(new Error('the agent has closed the connection'));
      else waiters.push({ accept, reject });
    });
    // Where a test has failed already, nobody is left to take note of a rejection.
    answer.catch(() => undefined);
    this.send([encodeRequest(request)]);
    return answer;
  }

  #onData(chunk: Buffer): void {
    try {
      const { messages, rest } = cutFrames(Buffer.concat([this.#received, chunk]));
      this.#received = rest;
      for (const bytes of messages) this.#onMessage(decodeResponse(bytes), bytes);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #onMessage(response: Response, bytes: Buffer): void {
    if (response.kind === 'begin' || response.kind === 'point' || response.kind === 'end') {
      // A copy in memory of its own: it would keep all of what was read with it, or a pool that others were cut from,
      // for as long as the host lives.
      const copy = Buffer.alloc(bytes.length);
      copy.set(bytes);
      this.#emitted.push({ response, bytes: copy });
    } else if (response.kind === 'error') {
      throw new Error(`the agent answered with an error: ${response.error}`);
    } else {
      const waiters = this.#waitersFor(response);
      if (!waiters[0]?.accept(response)) {
        throw new Error(`the agent sent an answer out of turn: ${response.kind}`);
      }
      waiters.shift();
    }
  }

  #waitersFor({ kind }: Request | Response): Waiter[] {
    return kind === 'keepalive' ? this.#keepaliveWaiters : this.#waiters;
  }

  #onEnd(): void {
    this.#hasEnded = true;
    this.#rejectAll(new Error('the agent closed the connection without an answer'));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#rejectAll(error);
  }

  #rejectAll(error: Error): void {
    const waiters = [...this.#waiters.splice(0), ...this.#keepaliveWaiters.splice(0)];
    for (const { reject } of waiters) reject(error);
  }
}

/** Connects to an agent as Kapacitor does. */
export async function connect(path: string): Promise<Host> {
  const socket = createConnection(path);
  await once(socket, 'connect');
  return new Host(socket);
}
