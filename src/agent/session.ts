import type { Socket } from 'node:net';
import { messageOf } from '../errors.ts';
import type { Emit, Handler, NodeContext, NodeLimits, NodeLog, UdfFunction } from '../function/contract.ts';
import { GivenOptions, OptionsError, valueTypes } from '../function/options.ts';
import { workInSlices } from '../function/slices.ts';
import type { AddedFields } from '../wire/added-fields.ts';
import { BatchBegin, checkBatchEnd, checkKeepalive } from '../wire/batch.ts';
import { body, frameOf, MESSAGE, readEnvelope, sizeOfFrame, writeFrameHead } from '../wire/envelope.ts';
import { FrameReader, type FrameSink } from '../wire/frames.ts';
import {
  decodeInitRequest,
  decodeRestoreRequest,
  encodeErrorResponse,
  encodeInfoResponse,
  encodeInitResponse,
  encodeRestoreResponse,
  type InitRequest,
} from '../wire/messages.ts';
import type { Point } from '../wire/point.ts';
import { PointView } from '../wire/point-view.ts';
import { encodePoint } from '../wire/point-writer.ts';
import { ProtocolError } from '../wire/protocol-error.ts';
import { sizeOfVarint32, writeVarint32 } from '../wire/varint.ts';
import { Backlog } from './backlog.ts';
import type { LiveSession, LiveSessions, NodeIds } from './live-sessions.ts';
import { Outbox } from './outbox.ts';
import type { Pacer } from './pacer.ts';
import { READ_BYTES, readShared } from './shared-read.ts';

/**
 * Reading stops while more than this waits in memory, in answers that the peer does not read or in frames that come
 * during a snapshot. Up to here keepalives are answered ahead of everything that waits.
 */
export const MAX_WAITING_BYTES = 1024 * 1024;

/** A TICKscript's options are a few hundred bytes; what is decoded to objects takes many times its length. */
const MAX_INIT_BYTES = 1024 * 1024;

/** How long a connection that ends with an error may take to read it. */
const LINGER_MS = 1000;

/** The first byte of a message that is a Restore. */
const RESTORE_TAG = (MESSAGE.restore << 3) | 2;

/** The log of one connection. */
export interface SessionLog extends NodeLog {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What every session of an agent shares. */
export interface SessionEnvironment {
  /** Longer frames are refused, and longer snapshots not sent. */
  readonly maxFrameBytes: number;
  readonly limits: NodeLimits;
  readonly live: LiveSessions;
  readonly clockMs: () => number;
  readonly pacer: Pacer;
}

/**
 * One connection: Kapacitor's side of one UDF node. Frames come in, the handler gets the points, answers go out; the
 * obligations of a UDF agent are met here and nowhere else.
 */
export class Session implements FrameSink, Emit, LiveSession {
  #lastHeardMs: number;
  readonly #socket: Socket;
  readonly #function: UdfFunction;
  readonly #environment: SessionEnvironment;
  readonly #log: SessionLog;
  readonly #reader: FrameReader;
  readonly #outbox: Outbox;
  readonly #startedMs: number;
  #point = new PointView();
  #handler: Handler | undefined;
  #request: InitRequest | undefined;
  #ids: NodeIds | undefined;
  #isReplay = false;
  #hasState = false;
  /** The batch that is open, and whether its begin went out. */
  #batch: BatchBegin | undefined;
  #isBatchEmitted = false;
  /** Stops the work at hand (Init, Snapshot, Restore); meanwhile other frames wait in {@link #backlog}. */
  #stopWork: (() => void) | undefined;
  readonly #backlog = new Backlog();
  /** Where the message at hand lies if it is not the one that was read last. */
  #waitedAt: number | undefined;
  /** Bytes of a snapshot on its way out, which don't count as waiting: they come whatever the peer does. */
  #allowanceBytes = 0;
  #isPaused = false;
  #isInputEnded = false;
  #isStopping = false;
  #isEnding = false;
  #reason = 'the connection broke';
  #linger: NodeJS.Timeout | undefined;
  readonly #onClosed: () => void;
  #points = 0;
  #edges = 0;
  #bytes = 0;

  /**
   * @param accepted a connection that nobody has read from
   * @param onClosed called when it is over
   */
  constructor(
    accepted: Socket,
    fn: UdfFunction,
    environment: SessionEnvironment,
    log: SessionLog,
    onClosed: () => void,
  ) {
    const socket = readShared(accepted, this.#onBytes);
    this.#socket = socket;
    this.#onClosed = onClosed;
    this.#function = fn;
    this.#environment = environment;
    this.#log = log;
    this.#reader = new FrameReader(environment.maxFrameBytes);
    this.#outbox = new Outbox(socket, this.#onDrain);
    this.#startedMs = environment.clockMs();
    this.#lastHeardMs = this.#startedMs;
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  silentMs(): number {
    return this.#environment.clockMs() - this.#lastHeardMs;
  }

  /** Breaks the connection off. */
  abort(): void {
    if (!this.#isEnding) this.#reason = 'the agent ends at once';
    this.#socket.destroy();
  }

  /** Answers what was read, then closes. */
  stop(): void {
    if (this.#isEnding) return;
    this.#isStopping = true;
    this.#socket.pause();
    this.#settle();
  }

  readonly #onBytes = (buffer: Buffer, length: number): void => {
    if (this.#isEnding) return;
    this.#bytes += length;
    this.#lastHeardMs = this.#environment.clockMs();
    const points = this.#points;
    const edges = this.#edges;
    try {
      this.#reader.push(buffer, this, length);
    } catch (error) {
      this.#fail(error);
    }
    this.#environment.pacer.read(this.#points - points, this.#edges > edges);
    this.#settle();
  };

  readonly #onEnd = (): void => {
    this.#isInputEnded = true;
    if (this.#ids !== undefined && !this.#isReplay) this.#environment.live.release(this.#ids, this);
    this.#settle();
  };

  /** The points that arrived together are done with: what they led to goes out. */
  #settle(): void {
    if (!this.#isInputEnded) this.#settleHandler();
    if (this.#stopWork === undefined && !this.#isEnding) {
      if (this.#isInputEnded) {
        if (this.#reader.inFrame)
          this.#fail(new ProtocolError('TRUNCATED_FRAME', 'the connection ended inside a frame'));
        else this.#end('Kapacitor closed the connection');
      } else if (this.#isStopping) this.#end('the agent stops');
    }
    this.#outbox.flush();
    this.#pauseOrResume();
  }

  #settleHandler(): void {
    if (this.#stopWork !== undefined || this.#isEnding) return;
    try {
      this.#handler?.settle?.();
    } catch (error) {
      this.#fail(error);
    }
  }

  #pauseOrResume(): void {
    if (!this.#outbox.isBlocked) this.#allowanceBytes = 0;
    const waiting = this.#outbox.waitingBytes + this.#backlog.bytes;
    const isTooMuch = waiting > MAX_WAITING_BYTES + this.#allowanceBytes;
    if (isTooMuch === this.#isPaused || this.#isStopping || this.#isEnding) return;
    this.#isPaused = isTooMuch;
    if (isTooMuch) this.#socket.pause();
    else this.#socket.resume();
  }

  readonly #onDrain = (): void => {
    this.#pauseOrResume();
  };

  /** @internal FrameSink */
  frame(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isEnding) return;
    const kind = readEnvelope(bytes, start, end);
    if (this.#stopWork !== undefined) {
      if (kind === MESSAGE.keepalive) this.#keepalive(bytes, body[0], body[1]);
      else this.#backlog.push(bytes, start, end, this.#offset);
      return;
    }
    if (kind === MESSAGE.point) this.#onPoint(bytes, body[0], body[1]);
    else this.#control(kind, bytes, body[0], body[1]);
  }

  /** @internal FrameSink: a snapshot that is too large to be restored must not stop the task for ever. */
  oversized(firstByte: number, length: number): boolean {
    if (firstByte !== RESTORE_TAG) return false;
    if (this.#isEnding) return true;
    this.#log.warn(
      { bytes: length, maxFrameBytes: this.#environment.maxFrameBytes },
      'the snapshot to restore is larger than --max-frame-bytes allows: the node starts empty',
    );
    this.#outbox.write(encodeRestoreResponse());
    return true;
  }

  #onPoint(bytes: Uint8Array, start: number, end: number): void {
    const handler = this.#handler;
    if (handler === undefined) this.#unexpected('a point before Init');
    if (this.#batch === undefined && this.#function.wants === 'BATCH')
      this.#unexpected('a point outside of a batch');
    this.#points++;
    const point = this.#point;
    point.read(bytes, start, end);
    handler.point(point, this);
  }

  #control(kind: number, bytes: Uint8Array, start: number, end: number): void {
    switch (kind) {
      case MESSAGE.keepalive:
        this.#keepalive(bytes, start, end);
        break;
      case MESSAGE.begin:
        this.#beginBatch(bytes, start, end);
        break;
      case MESSAGE.end:
        this.#endBatch(bytes, start, end);
        break;
      case MESSAGE.info: {
        const { wants, provides, options } = this.#function;
        this.#outbox.write(encodeInfoResponse({ wants, provides, options: valueTypes(options) }));
        break;
      }
      case MESSAGE.init:
        if (end - start > MAX_INIT_BYTES)
          throw new ProtocolError(
            'FRAME_TOO_LARGE',
            `an Init of ${end - start} bytes: no TICKscript has as many options`,
          );
        this.#init(decodeInitRequest(bytes.subarray(start, end)));
        break;
      case MESSAGE.snapshot:
        this.#snapshot();
        break;
      case MESSAGE.restore: {
        const snapshot = decodeRestoreRequest(bytes.subarray(start, end));
        // The work lasts longer than the call, after which only a frame longer than one read has memory of its own.
        this.#restore(snapshot.length > READ_BYTES ? snapshot : Buffer.from(snapshot));
        break;
      }
      default:
        this.#unexpected('an answer of an agent instead of a request');
    }
  }

  /** The answer to a keepalive is the request: same number, same type. */
  #keepalive(bytes: Uint8Array, start: number, end: number): void {
    checkKeepalive(bytes, start, end);
    this.#outbox.writeUrgent(frameOf(MESSAGE.keepalive, bytes.subarray(start, end)));
  }

  #init(request: InitRequest): void {
    if (this.#request !== undefined) {
      this.#refuseInit('this connection is initialised already');
      return;
    }
    this.#request = request;
    const { taskId, nodeId } = request;
    try {
      this.#handler = this.#open(request);
    } catch (error) {
      if (!(error instanceof OptionsError)) throw error;
      this.#log.warn(
        { task: taskId, node: nodeId, problems: error.problems },
        'task refused for its options',
      );
      this.#refuseInit(error.message);
      return;
    }
    const ids = { functionName: this.#function.name, taskId, nodeId };
    const offset = this.#offset;
    const claimed = this.#environment.live.claim(ids, this);
    if (typeof claimed === 'boolean') {
      this.#initialised(ids, claimed);
      return;
    }
    this.#stopWork = () => undefined;
    claimed.then(
      (isLive) => {
        if (!this.#isEnding) this.#workDone(() => this.#initialised(ids, isLive));
        else if (isLive) this.#environment.live.release(ids, this);
      },
      (error: unknown) => this.#workDone(() => this.#fail(error, offset)),
    );
  }

  #initialised(ids: NodeIds, isLive: boolean): void {
    this.#ids = ids;
    this.#isReplay = !isLive;
    this.#outbox.write(encodeInitResponse());
    const { taskId: task, nodeId: node } = ids;
    this.#log.info(
      { task, node, ...(isLive ? {} : { replay: true }) },
      isLive ? 'task connected' : 'replay connected',
    );
  }

  #refuseInit(error: string): void {
    this.#outbox.write(encodeInitResponse(error));
    this.#endAndLinger(`Init refused: ${error}`);
  }

  #open(request: InitRequest): Handler {
    const ids = { task: request.taskId, node: request.nodeId };
    const context: NodeContext = {
      options: new GivenOptions(this.#function.options, request),
      limits: this.#environment.limits,
      clockMs: this.#environment.clockMs,
      log: {
        info: (fields, message) => this.#log.info({ ...ids, ...fields }, message),
        warn: (fields, message) => this.#log.warn({ ...ids, ...fields }, message),
      },
    };
    const handler = this.#function.open(context);
    context.options.check();
    this.#point = new PointView(handler.keys);
    return handler;
  }

  #snapshot(): void {
    // Kapacitor asks for one at a time. While the last one is still on its way, another would only fill the memory.
    const isOnItsWay = this.#allowanceBytes > 0;
    if (this.#handler === undefined || this.#isReplay || isOnItsWay) {
      this.#answerSnapshot([], 0);
      return;
    }
    const limit = this.#environment.maxFrameBytes;
    const pieces: Uint8Array[] = [];
    let size = 0;
    this.#work(
      this.#handler.snapshot(),
      (piece) => {
        pieces.push(piece);
        size += piece.length;
        return size <= limit;
      },
      () => {
        const inner = 1 + sizeOfVarint32(size) + size;
        if (1 + sizeOfVarint32(inner) + inner <= limit) this.#answerSnapshot(pieces, size);
        else {
          this.#log.warn(
            { ...this.#logIds(), maxFrameBytes: limit },
            'the snapshot is larger than --max-frame-bytes allows: Kapacitor keeps the one before',
          );
          this.#answerSnapshot([], 0);
        }
      },
    );
  }

  /** SnapshotResponse := 1 snapshot. @param size the bytes of all pieces */
  #answerSnapshot(pieces: readonly Uint8Array[], size: number): void {
    if (size === 0) {
      this.#outbox.write(frameOf(MESSAGE.snapshot, Buffer.alloc(0)));
      return;
    }
    const inner = 1 + sizeOfVarint32(size) + size;
    const head = Buffer.alloc(24);
    let p = writeFrameHead(head, 0, MESSAGE.snapshot, inner);
    head[p] = 0x0a;
    p = writeVarint32(head, p + 1, size);
    this.#outbox.writePieces([head.subarray(0, p), ...pieces]);
    this.#outbox.flush();
    if (this.#outbox.isBlocked) this.#allowanceBytes = inner;
  }

  #restore(snapshot: Uint8Array): void {
    const request = this.#request;
    if (request === undefined || this.#handler === undefined) {
      const error = 'Restore before Init: there is no node to restore';
      this.#outbox.write(encodeRestoreResponse(error));
      this.#endAndLinger(error);
      return;
    }
    if (this.#isReplay) {
      this.#log.info({ ...this.#logIds() }, 'a replay starts empty: the snapshot is that of the live task');
      this.#outbox.write(encodeRestoreResponse());
      return;
    }
    // A handler is restored once, before its first point.
    if (this.#hasState || this.#points > 0) this.#handler = this.#open(request);
    this.#hasState = true;
    this.#work(
      this.#handler.restore(snapshot),
      () => true,
      () => this.#outbox.write(encodeRestoreResponse()),
    );
  }

  /** Does a work in slices; meanwhile other frames wait. */
  #work<T>(work: Iterable<T>, each: (piece: T) => boolean, done: () => void): void {
    let isSync = true;
    let isDone = false;
    const offset = this.#offset;
    const stop = workInSlices(work, this.#environment.clockMs, each, (error) => {
      isDone = true;
      if (isSync) {
        if (error !== undefined) throw failure(error);
        done();
      } else this.#workDone(() => (error === undefined ? done() : this.#fail(error, offset)));
    });
    isSync = false;
    if (!isDone) this.#stopWork = stop;
  }

  /** Goes on with the frames that waited. */
  #workDone(answer: () => void): void {
    this.#stopWork = undefined;
    answer();
    try {
      for (const { bytes, offset } of this.#backlog.take()) {
        this.#waitedAt = offset;
        this.frame(bytes, 0, bytes.length);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#waitedAt = undefined;
    this.#settle();
  }

  #beginBatch(bytes: Uint8Array, start: number, end: number): void {
    if (this.#handler === undefined) this.#unexpected('a batch before Init');
    if (this.#function.wants === 'STREAM') this.#unexpected('a batch for a function that wants a stream');
    if (this.#batch !== undefined) this.#unexpected('a batch inside a batch');
    this.#batch = new BatchBegin(bytes, start, end);
    // A function that provides a stream has no use for a begin.
    this.#isBatchEmitted = this.#function.provides === 'STREAM';
    this.#handler.beginBatch?.(this.#batch);
  }

  #endBatch(bytes: Uint8Array, start: number, end: number): void {
    if (this.#batch === undefined || this.#handler === undefined)
      this.#unexpected('the end of a batch without its begin');
    checkBatchEnd(bytes, start, end);
    this.#handler.endBatch?.(this);
    if (this.#isBatchEmitted && this.#function.provides === 'BATCH')
      this.#writeFrame(MESSAGE.end, bytes, start, end);
    this.#batch = undefined;
  }

  /** @internal Emit */
  forward(point: PointView, added?: AddedFields): void {
    point.validate();
    if (this.#batch !== undefined && !this.#isBatchEmitted) this.#emitBegin(this.#batch.bytes);
    this.#edges++;
    if (added === undefined) this.#writeFrame(MESSAGE.point, point.bytes, point.start, point.end);
    else {
      // The lengths in front depend on what is left out, so the body is written first, behind the most that they take.
      const most = added.sizeWith(point.end - point.start);
      const piece = this.#outbox.reserve(sizeOfFrame(MESSAGE.point, most));
      const at = this.#outbox.position;
      const room = sizeOfFrame(MESSAGE.point, most) - most;
      const length = added.write(point, piece, at + room) - at - room;
      const bodyAt = writeFrameHead(piece, at, MESSAGE.point, length);
      if (bodyAt !== at + room) piece.copyWithin(bodyAt, at + room, at + room + length);
      this.#outbox.advance(bodyAt + length);
    }
  }

  /** @internal Emit */
  send(point: Point): void {
    const frame = encodePoint(point);
    if (this.#batch !== undefined && !this.#isBatchEmitted) this.#emitBegin(this.#batch.bytes);
    this.#edges++;
    this.#outbox.write(frame);
  }

  #emitBegin(bytes: Uint8Array): void {
    this.#isBatchEmitted = true;
    this.#writeFrame(MESSAGE.begin, bytes, 0, bytes.length);
  }

  #writeFrame(kind: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    const piece = this.#outbox.reserve(sizeOfFrame(kind, length));
    const at = writeFrameHead(piece, this.#outbox.position, kind, length);
    piece.set(bytes.subarray(start, end), at);
    this.#outbox.advance(at + length);
  }

  /** Where in the connection the message at hand lies. */
  get #offset(): number {
    return this.#waitedAt ?? this.#reader.offset;
  }

  #unexpected(what: string): never {
    throw new ProtocolError('UNEXPECTED_MESSAGE', `unexpected message: ${what}`);
  }

  /** Tells Kapacitor why, after everything that was emitted, and closes. */
  #fail(error: unknown, offset: number = this.#offset): void {
    if (this.#isEnding) return;
    const { code, message, cause } = failure(error);
    const text = `${code} at byte ${offset}: ${message}`;
    this.#log.error(
      {
        ...this.#logIds(),
        code,
        offset,
        ...(cause === undefined ? {} : { err: cause }),
      },
      `connection closed: ${message}`,
    );
    this.#outbox.write(encodeErrorResponse(text));
    this.#endAndLinger(text);
  }

  /** Closes the connection once everything pending has gone out. */
  #end(reason: string, lingers = false): void {
    this.#isEnding = true;
    this.#reason = reason;
    this.#stopWork?.();
    this.#stopWork = undefined;
    this.#outbox.end(lingers);
  }

  /**
   * Closes our half, and takes what still comes until the peer closes its own: a Kapacitor whose next write fails would
   * report that instead of what we say.
   */
  #endAndLinger(reason: string): void {
    this.#end(reason, true);
    if (this.#socket.destroyed) return;
    this.#linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.#socket.resume();
  }

  readonly #onError = (error: Error): void => {
    if (!this.#isEnding) this.#reason = `the connection broke: ${error.message}`;
  };

  readonly #onClose = (): void => {
    this.#onClosed();
    clearTimeout(this.#linger);
    this.#isEnding = true;
    this.#stopWork?.();
    this.#stopWork = undefined;
    if (this.#ids === undefined) {
      this.#log.debug({ bytes: this.#bytes, reason: this.#reason }, 'connection without a task ended');
      return;
    }
    if (!this.#isReplay) this.#environment.live.release(this.#ids, this);
    this.#log.info(
      {
        ...this.#logIds(),
        points: this.#points,
        edges: this.#edges,
        ...this.#counts(),
        bytes: this.#bytes,
        seconds: Math.round(this.#environment.clockMs() - this.#startedMs) / 1000,
        reason: this.#reason,
      },
      'task disconnected',
    );
  };

  #counts(): Readonly<Record<string, number>> | undefined {
    try {
      return this.#handler?.counts?.();
    } catch (error) {
      this.#log.error({ ...this.#logIds(), err: error }, 'the function failed at counting what it did');
      return undefined;
    }
  }

  #logIds(): { task?: string; node?: string } {
    return this.#request === undefined ? {} : { task: this.#request.taskId, node: this.#request.nodeId };
  }
}

function failure(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  return new ProtocolError('FUNCTION_FAILED', `the function failed: ${messageOf(error)}`, { cause: error });
}
