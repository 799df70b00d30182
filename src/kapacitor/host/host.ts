import { createConnection, type Socket } from 'node:net';
import { wantOfDescriptors } from '../../descriptors.ts';
import { codeOf, messageOf, OperationError } from '../../errors.ts';
import { body, MESSAGE, readEnvelope } from '../../wire/envelope.ts';
import { FrameReader, type FrameSink } from '../../wire/frames.ts';
import type { InfoResponse, InitRequest } from '../../wire/messages.ts';
import type { Point } from '../../wire/point.ts';
import { setting, wording } from '../../wording.ts';
import {
  decodeErrorResponse,
  decodeInfoResponse,
  decodeInitResponse,
  decodeRestoreResponse,
  decodeSnapshotResponse,
  encodeInfoRequest,
  encodeInitRequest,
  encodeKeepaliveRequest,
  encodeRestoreRequest,
  encodeSnapshotRequest,
  type Verdict,
} from './host-messages.ts';
import { type RequestBegin, RequestEncoder, type RequestEnd } from './request-encoder.ts';

/** Receives what the agent emits. */
export interface HostSink {
  /**
   * A begin, point or end, told by its number in MESSAGE.
   * @param start first byte of its body @param end the byte after its last; the bytes are valid only during the call
   */
  emitted(kind: number, bytes: Uint8Array, start: number, end: number): void;
  /** After those that arrived together; no more is read before a promise returned here is resolved. */
  settled?(): Promise<void> | undefined;
}

export interface HostOptions {
  readonly sink: HostSink;
  /** How long the agent may be silent, or take for an answer. */
  readonly timeoutMs: number;
  /** The connection broke, or the agent misbehaves; also told when nobody waits for anything. */
  readonly onFailure?: (error: Error) => void;
}

/** Points wait in memory until there are so many bytes of them: Kapacitor's own small writes would cost too much. */
const FULL_BYTES = 64 * 1024;
/** How often a silent agent is asked for a sign of life before it is given up. */
const TICKS_PER_TIMEOUT = 4;
/** Kapacitor has no limit of its own; this one keeps nonsense from filling the memory. */
const MAX_FRAME_BYTES = 1024 * 1024 * 1024;

/** Somebody who waits for an answer. */
interface Question {
  /** The number of the answer's message. */
  readonly kind: number;
  readonly sinceMs: number;
  readonly resolve: (bytes: Uint8Array) => void;
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(MESSAGE).map(([name, kind]) => [kind, name]),
);

/**
 * Connects to an agent as Kapacitor does.
 * @throws OperationError if nobody listens there
 */
export async function connectHost(path: string, options: HostOptions): Promise<Host> {
  const socket = createConnection({ path });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', (error) => reject(connectError(path, error)));
  });
  socket.removeAllListeners('error');
  return new Host(socket, options);
}

function connectError(path: string, error: Error): OperationError {
  switch (codeOf(error)) {
    case 'ENOENT':
      return new OperationError(`cannot connect to ${path}: there is no such socket; is the agent running?`);
    case 'ECONNREFUSED':
      return new OperationError(`cannot connect to ${path}: nobody listens there; start the agent again`);
    case 'EACCES':
      return new OperationError(
        wording`cannot connect to ${path}: not allowed; see the agent's ${setting('socketMode')} and ${setting('socketGroup')}`,
      );
    default:
      return new OperationError(`cannot connect to ${path}: ${wantOfDescriptors(error) ?? messageOf(error)}`);
  }
}

/**
 * Kapacitor's half of one connection to an agent. Whatever goes wrong, the agent's own error included, rejects what is
 * being waited for and every later call, as an OperationError.
 */
export class Host implements FrameSink {
  readonly #socket: Socket;
  readonly #sink: HostSink;
  readonly #timeoutMs: number;
  readonly #onFailure: ((error: Error) => void) | undefined;
  readonly #encoder = new RequestEncoder();
  readonly #reader = new FrameReader(MAX_FRAME_BYTES);
  readonly #ticks: NodeJS.Timeout;
  /** In the order asked. */
  #questions: Question[] = [];
  /** What rejects everybody who waits. */
  readonly #rejections = new Set<(error: Error) => void>();
  #failure: Error | undefined;
  #lastHeardMs = performance.now();
  #isSinkBusy = false;
  #isEnding = false;
  #isClosed = false;

  constructor(socket: Socket, options: HostOptions) {
    this.#socket = socket;
    this.#sink = options.sink;
    this.#timeoutMs = options.timeoutMs;
    this.#onFailure = options.onFailure;
    this.#ticks = setInterval(this.#onTick, options.timeoutMs / TICKS_PER_TIMEOUT);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  async info(): Promise<InfoResponse> {
    return decodeInfoResponse(await this.#ask(MESSAGE.info, encodeInfoRequest()));
  }

  async init(request: InitRequest): Promise<Verdict> {
    return decodeInitResponse(await this.#ask(MESSAGE.init, encodeInitRequest(request)));
  }

  async restore(snapshot: Uint8Array): Promise<Verdict> {
    return decodeRestoreResponse(await this.#ask(MESSAGE.restore, encodeRestoreRequest(snapshot)));
  }

  /** The agent's state after everything that was sent before; empty if it has none. */
  async snapshot(): Promise<Uint8Array> {
    return decodeSnapshotResponse(await this.#ask(MESSAGE.snapshot, encodeSnapshotRequest()));
  }

  point(point: Point): void {
    this.#encoder.point(point);
  }

  begin(begin: RequestBegin): void {
    this.#encoder.begin(begin);
  }

  end(end: RequestEnd): void {
    this.#encoder.end(end);
  }

  /** Whether so much waits in memory that it is time to {@link flush}. */
  get isFull(): boolean {
    return this.#encoder.length >= FULL_BYTES;
  }

  /** Sends what waits in memory; resolves when the agent has room for more. */
  async flush(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#encoder.length === 0 || this.#socket.write(this.#encoder.take())) return;
    await this.#wait<void>((resolve) => this.#socket.once('drain', resolve));
  }

  /** Ends Kapacitor's half and waits until the agent, having emitted the rest, has closed its own. */
  async finish(): Promise<void> {
    await this.flush();
    this.#isEnding = true;
    this.#lastHeardMs = performance.now();
    this.#socket.end();
    if (!this.#isClosed) await this.#wait<void>((resolve) => this.#socket.once('close', () => resolve()));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Breaks the connection off. */
  destroy(): void {
    this.#fail(new OperationError('the connection was broken off'));
  }

  /** @internal FrameSink */
  frame(bytes: Uint8Array, start: number, end: number): void {
    const kind = readEnvelope(bytes, start, end);
    const [bodyStart, bodyEnd] = body;
    if (kind >= MESSAGE.begin) this.#sink.emitted(kind, bytes, bodyStart, bodyEnd);
    else if (kind === MESSAGE.error)
      throw new OperationError(
        `the agent ended the task: ${decodeErrorResponse(bytes.subarray(bodyStart, bodyEnd))}`,
      );
    else if (kind !== MESSAGE.keepalive) this.#answer(kind, Buffer.from(bytes.subarray(bodyStart, bodyEnd)));
  }

  #answer(kind: number, bytes: Uint8Array): void {
    const at = this.#questions.findIndex((question) => question.kind === kind);
    const [question] = at < 0 ? [] : this.#questions.splice(at, 1);
    if (question === undefined)
      throw new OperationError(`the agent answered a request for ${nameOf(kind)} that nobody made`);
    question.resolve(bytes);
  }

  async #ask(kind: number, request: Buffer): Promise<Uint8Array> {
    await this.flush();
    return this.#wait<Uint8Array>((resolve) => {
      this.#questions.push({ kind, sinceMs: performance.now(), resolve });
      this.#socket.write(request);
    });
  }

  /** Waits for what `start` begins, or for the connection's failure. */
  #wait<T>(start: (resolve: (value: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#rejections.add(reject);
      start((value) => {
        this.#rejections.delete(reject);
        resolve(value);
      });
    });
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#lastHeardMs = performance.now();
    try {
      this.#reader.push(chunk, this);
    } catch (error) {
      this.#fail(
        error instanceof OperationError
          ? error
          : new OperationError(`the agent sent nonsense: ${messageOf(error)}`),
      );
      return;
    }
    const settled = this.#sink.settled?.();
    if (settled === undefined) return;
    this.#isSinkBusy = true;
    this.#socket.pause();
    settled.then(this.#onSettled, this.#onError);
  };

  readonly #onSettled = (): void => {
    this.#isSinkBusy = false;
    this.#lastHeardMs = performance.now();
    this.#socket.resume();
  };

  readonly #onEnd = (): void => {
    if (this.#reader.inFrame)
      this.#fail(new OperationError('the agent closed the connection inside a message'));
    else if (!this.#isEnding) this.#fail(new OperationError('the agent closed the connection'));
  };

  readonly #onError = (error: Error): void => {
    this.#fail(
      error instanceof OperationError
        ? error
        : new OperationError(`the connection to the agent broke: ${messageOf(error)}`),
    );
  };

  readonly #onClose = (): void => {
    this.#isClosed = true;
    clearInterval(this.#ticks);
    if (!this.#isEnding) this.#fail(new OperationError('the agent closed the connection'));
  };

  readonly #onTick = (): void => {
    if (!this.#isEnding) this.#socket.write(encodeKeepaliveRequest(BigInt(Date.now()) * 1_000_000n));
    // What has arrived while this process was busy is read first.
    if (this.#complaint() !== undefined) setImmediate(this.#onSilence);
  };

  readonly #onSilence = (): void => {
    const complaint = this.#complaint();
    if (complaint !== undefined && !this.#isClosed)
      this.#fail(new OperationError(`${complaint} within ${this.#timeoutMs} ms`));
  };

  #complaint(): string | undefined {
    if (this.#isSinkBusy) return undefined;
    const latestMs = performance.now() - this.#timeoutMs;
    const overdue = this.#questions.find(({ sinceMs }) => sinceMs < latestMs);
    if (overdue !== undefined) return `the agent did not answer a request for ${nameOf(overdue.kind)}`;
    // Whoever waits for an answer has its time, and is told of that answer.
    if (this.#questions.length > 0 || this.#lastHeardMs >= latestMs) return undefined;
    return this.#isEnding
      ? 'the agent did not close the connection after Kapacitor had'
      : 'the agent gave no sign of life';
  }

  #fail(error: Error): void {
    this.#isEnding = true;
    this.#socket.destroy();
    if (this.#failure !== undefined) return;
    this.#failure = error;
    for (const reject of this.#rejections) reject(error);
    this.#rejections.clear();
    this.#onFailure?.(error);
  }
}

function nameOf(kind: number): string {
  return NAMES.get(kind) ?? `message ${kind}`;
}
