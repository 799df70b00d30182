import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import {
  cutFrames,
  decodeResponse,
  encodeRequest,
  frame,
  type Request,
  type Response,
} from '../protocol/protocol.ts';

/** An answer, and its message without the length. */
export interface Answer {
  readonly response: Response;
  readonly message: Buffer;
}

/**
 * The other end of a connection, with no manners of its own: it sends whatever it is told, reads only when it is told,
 * and takes note of what comes. (`Host` behaves as Kapacitor does.)
 */
export class Peer {
  readonly #socket: Socket;
  readonly #answers: Answer[] = [];
  readonly #counts = new Map<Response['kind'], number>();
  readonly #waiting = new Set<() => void>();
  #received: Buffer = Buffer.alloc(0);
  #failure: Error | undefined;
  #hasEnded = false;
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', (error) => {
      this.#failure = error;
    });
    socket.once('end', () => {
      this.#hasEnded = true;
      this.#look();
    });
    socket.once('close', () => {
      this.#isClosed = true;
      this.#look();
    });
  }

  /** Connects, and doesn't read yet. */
  static async silent(path: string): Promise<Peer> {
    const socket = createConnection({ path, allowHalfOpen: true });
    await once(socket, 'connect');
    return new Peer(socket);
  }

  /** Connects, and reads. */
  static async reading(path: string): Promise<Peer> {
    const peer = await Peer.silent(path);
    peer.read();
    return peer;
  }

  /** All that came so far. */
  get answers(): readonly Answer[] {
    return this.#answers;
  }

  /** The kinds of all that came so far. */
  get kinds(): readonly Response['kind'][] {
    return this.#answers.map(({ response }) => response.kind);
  }

  /** Whether the agent has closed its half. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** What broke the connection, if anything did. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Bytes that the agent has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  /** Starts to read. */
  read(): void {
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk));
  }

  /** Sends requests as Kapacitor writes them, in one piece. */
  send(...requests: readonly Request[]): void {
    this.sendBytes(Buffer.concat(requests.map((request) => frame(encodeRequest(request)))));
  }

  sendBytes(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  halfClose(): void {
    this.#socket.end();
  }

  /** Breaks the connection off. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Resolves once this is so; rejects if the connection is closed before. */
  until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (isSo()) resolve();
        else if (this.#isClosed) reject(this.#failure ?? new Error('the connection was closed'));
        else return;
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Resolves once so many answers of a kind are there, to all of that kind. */
  async answered<Kind extends Response['kind']>(
    kind: Kind,
    count = 1,
  ): Promise<readonly Extract<Response, { readonly kind: Kind }>[]> {
    await this.until(() => (this.#counts.get(kind) ?? 0) >= count);
    return this.#answers
      .map(({ response }) => response)
      .filter((response): response is Extract<Response, { readonly kind: Kind }> => response.kind === kind);
  }

  /** Resolves once the agent has closed its half. */
  ended(): Promise<void> {
    return this.until(() => this.#hasEnded);
  }

  /** Resolves once the connection is over in both directions, however it ended. */
  async closed(): Promise<void> {
    if (!this.#isClosed) await once(this.#socket, 'close').catch(() => undefined);
  }

  #onData(chunk: Buffer): void {
    const { messages, rest } = cutFrames(Buffer.concat([this.#received, chunk]));
    this.#received = rest;
    for (const message of messages) {
      const response = decodeResponse(message);
      this.#answers.push({ response, message });
      this.#counts.set(response.kind, (this.#counts.get(response.kind) ?? 0) + 1);
    }
    this.#look();
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** How many turns of the event loop without a change are taken for rest. */
const QUIET_TURNS = 50;

/**
 * Resolves once nothing moves any more: both ends are in this process, and with no timers between them, what has not
 * changed for many turns of the event loop doesn't change.
 */
export async function rest(observe: () => unknown): Promise<void> {
  let last = observe();
  for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = observe();
    if (now !== last) quiet = 0;
    last = now;
  }
}
