import type { Socket } from 'node:net';
import type { StatesPage, StatesQuery, UdfFunction } from '../function/contract.ts';
import { failureOf } from '../function/failure.ts';
import type { Node } from '../function/node.ts';
import { OptionsError, valueTypes } from '../function/options.ts';
import { Ticker } from '../function/ticker.ts';
import { checkKeepalive, keepaliveSentMs } from '../wire/batch.ts';
import { body, frameOf, MESSAGE, readEnvelope } from '../wire/envelope.ts';
import { FrameReader } from '../wire/frames.ts';
import {
  decodeInitRequest,
  decodeRestoreRequest,
  encodeEmptySnapshot,
  encodeErrorResponse,
  encodeInfoResponse,
  encodeInitResponse,
  encodeRestoreResponse,
  encodeSnapshotHead,
  type InitRequest,
  sizeOfSnapshotMessage,
} from '../wire/messages.ts';
import { ProtocolError } from '../wire/protocol-error.ts';
import { setting, wording } from '../wording.ts';
import { Connection } from './connection.ts';
import type { SessionEnvironment, SessionLog } from './environment.ts';
import type { LiveSession, NodeIds } from './live-sessions.ts';
import { openNode } from './open-node.ts';
import type { Patience } from './patience.ts';
import { SessionStory } from './session-story.ts';
import { READ_BYTES } from './shared-read.ts';
import { SlowWork } from './slow-work.ts';

/** A TICKscript's options are a few hundred bytes; what is decoded to objects takes many times its length. */
const MAX_INIT_BYTES = 1024 * 1024;

/** The first byte of a message that is a Restore. */
const RESTORE_TAG = (MESSAGE.restore << 3) | 2;

/**
 * One connection: Kapacitor's side of one UDF node. Frames come in, the node gets the points, answers go out; the
 * obligations of a UDF agent are met here and nowhere else.
 */
export class Session implements LiveSession {
  readonly #function: UdfFunction;
  readonly #environment: SessionEnvironment;
  readonly #log: SessionLog;
  readonly #onClosed: () => void;
  readonly #reader: FrameReader;
  readonly #connection: Connection;
  readonly #patience: Patience;
  readonly #work: SlowWork;
  readonly #ticker: Ticker;
  readonly story: SessionStory;
  #lastHeardMs: number;
  #node: Node | undefined;
  #isAsked = false;

  /**
   * @param accepted a connection that nobody has read from
   * @param patience that of the peer, since it connected
   * @param onClosed called when it is over
   */
  constructor(
    accepted: Socket,
    fn: UdfFunction,
    environment: SessionEnvironment,
    log: SessionLog,
    patience: Patience,
    onClosed: () => void,
  ) {
    const { clockMs, maxFrameBytes } = environment;
    this.#function = fn;
    this.#environment = environment;
    this.#log = log;
    this.#patience = patience;
    this.#onClosed = onClosed;
    this.#lastHeardMs = clockMs();
    this.story = new SessionStory(fn.name, environment, log, () => this.#connection.bytes);
    this.#reader = new FrameReader(maxFrameBytes);
    this.#work = new SlowWork(clockMs);
    // All that happens to a session.
    this.#connection = new Connection(accepted, patience, {
      bytes: (buffer, length) => this.#onBytes(buffer, length),
      inputEnd: () => this.#onInputEnd(),
      drain: () => this.#connection.pauseOrResume(this.#work.waitingBytes),
      overrun: (overrun) => {
        this.#stopWork();
        this.story.overrun(overrun);
      },
      close: () => this.#onClose(),
    });
    this.#ticker = new Ticker(clockMs, () => this.#onTick());
  }

  silentMs(): number {
    return this.#environment.clockMs() - this.#lastHeardMs;
  }

  /** Breaks the connection off if Kapacitor waits for answers no longer. */
  keepTime(): void {
    this.#connection.keepsTime();
    this.story.look(!this.#connection.outbox.isBlocked);
  }

  /** A page of the states that its node holds; undefined where there is none to show. */
  states(query: StatesQuery): StatesPage | undefined {
    return this.#work.isUnderWay ? undefined : this.#node?.states(query);
  }

  /** Breaks the connection off. */
  abort(): void {
    this.#connection.abort('the agent ends at once');
  }

  /** Answers what was read, then closes. */
  stop(): void {
    if (this.#connection.isEnding) return;
    this.#connection.stop();
    this.#settle();
  }

  #onBytes(buffer: Buffer, length: number): void {
    this.#lastHeardMs = this.#environment.clockMs();
    this.#ticker.noteRead();
    const points = this.#points;
    const edges = this.#edges;
    try {
      this.#reader.push(buffer, this.#frames, length);
    } catch (error) {
      this.#fail(error);
    }
    this.#environment.pacer.read(this.#points - points, this.#edges > edges);
    this.#settle();
  }

  #onInputEnd(): void {
    this.#release();
    this.#settle();
  }

  #onTick(): void {
    if (this.#work.isUnderWay || !this.#connection.isFlowing) return;
    try {
      this.#node?.tick(this.#environment.clockMs());
    } catch (error) {
      this.#fail(error);
    }
    this.#connection.flush(this.#work.waitingBytes);
  }

  #onClose(): void {
    this.#onClosed();
    this.#stopWork();
    this.#release();
    this.story.disconnected(this.#connection.reason);
  }

  #release(): void {
    const { ids, isReplay } = this.story;
    if (ids !== undefined && !isReplay) this.#environment.live.release(ids, this);
  }

  readonly #frames = {
    frame: (bytes: Uint8Array, start: number, end: number): void => this.#onFrame(bytes, start, end),
    oversized: (firstByte: number, length: number): boolean => this.#onOversized(firstByte, length),
  };

  #onFrame(bytes: Uint8Array, start: number, end: number): void {
    if (this.#connection.isEnding) return;
    const kind = readEnvelope(bytes, start, end);
    if (this.#work.isUnderWay) {
      if (kind === MESSAGE.keepalive) this.#keepalive(bytes, body[0], body[1]);
      else this.#work.wait(bytes, start, end, this.#offset);
      return;
    }
    if (kind === MESSAGE.point) this.#nodeFor('a point').point(bytes, body[0], body[1]);
    else this.#control(kind, bytes, body[0], body[1]);
  }

  /** A snapshot that is too large to be restored must not stop the task for ever. */
  #onOversized(firstByte: number, length: number): boolean {
    if (firstByte !== RESTORE_TAG) return false;
    if (this.#connection.isEnding) return true;
    this.#log.warn(
      { bytes: length, maxFrameBytes: this.#environment.maxFrameBytes },
      `${wording`the snapshot to restore is larger than ${setting('maxFrameBytes')} allows: the node starts empty`}`,
    );
    this.#write(encodeRestoreResponse());
    return true;
  }

  #control(kind: number, bytes: Uint8Array, start: number, end: number): void {
    switch (kind) {
      case MESSAGE.keepalive:
        this.#keepalive(bytes, start, end);
        break;
      case MESSAGE.begin:
        this.#nodeFor('a batch').beginBatch(bytes, start, end);
        break;
      case MESSAGE.end:
        this.#nodeFor('the end of a batch').endBatch(bytes, start, end);
        break;
      case MESSAGE.info: {
        const { wants, provides, options } = this.#function;
        this.#write(encodeInfoResponse({ wants, provides, options: valueTypes(options) }));
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
        unexpected('an answer of an agent instead of a request');
    }
  }

  #nodeFor(what: string): Node {
    if (this.#node === undefined) unexpected(`${what} before Init`);
    return this.#node;
  }

  /** The answer to a keepalive is the request: same number, same type. */
  #keepalive(bytes: Uint8Array, start: number, end: number): void {
    checkKeepalive(bytes, start, end);
    this.#patience.keepalive(keepaliveSentMs(bytes, start, end));
    this.#connection.outbox.writeUrgent(frameOf(MESSAGE.keepalive, bytes.subarray(start, end)));
  }

  #init(request: InitRequest): void {
    if (this.#isAsked) {
      this.#refuseInit('this connection is initialised already');
      return;
    }
    this.#isAsked = true;
    this.story.asked(request);
    const { taskId, nodeId } = request;
    try {
      this.#node = this.#openNode(request);
    } catch (error) {
      if (!(error instanceof OptionsError)) throw error;
      this.story.refused(error.problems);
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
    this.#work.begin();
    claimed.then(
      (isLive) => {
        if (!this.#connection.isEnding) this.#finishWork(() => this.#initialised(ids, isLive));
        else if (isLive) this.#environment.live.release(ids, this);
      },
      (error: unknown) => this.#finishWork(() => this.#fail(error, offset)),
    );
  }

  #openNode(request: InitRequest): Node {
    return openNode(this.#function, request, {
      environment: this.#environment,
      log: this.#log,
      outbox: this.#connection.outbox,
      onWarning: () => this.story.figures.warnings++,
    });
  }

  #initialised(ids: NodeIds, isLive: boolean): void {
    this.#write(encodeInitResponse());
    if (this.#node?.wantsTicks === true) this.#ticker.start();
    this.story.connected(ids, this.#node, !isLive);
  }

  #refuseInit(error: string): void {
    this.#write(encodeInitResponse(error));
    this.#endAndLinger(`Init refused: ${error}`);
  }

  #snapshot(): void {
    // Kapacitor asks for one at a time. While the last one is still on its way, another would only fill the memory.
    if (this.#node === undefined || this.story.isReplay || this.#connection.isSendingSnapshot) {
      this.#write(encodeEmptySnapshot());
      return;
    }
    const { clockMs, maxFrameBytes: limit } = this.#environment;
    const startedMs = clockMs();
    const pieces: Uint8Array[] = [];
    let size = 0;
    const keep = (piece: Uint8Array): boolean => {
      pieces.push(piece);
      size += piece.length;
      return size <= limit;
    };
    this.#inSlices(this.#node.snapshot(), keep, () => this.#answerSnapshot(pieces, size, startedMs));
  }

  /** @param size the bytes of all pieces @param startedMs when they were asked for */
  #answerSnapshot(pieces: readonly Uint8Array[], size: number, startedMs: number): void {
    const limit = this.#environment.maxFrameBytes;
    if (sizeOfSnapshotMessage(size) > limit) {
      this.#log.warn(
        { ...this.story.logIds(), maxFrameBytes: limit },
        `${wording`the snapshot is larger than ${setting('maxFrameBytes')} allows: Kapacitor keeps the one before`}`,
      );
    } else if (size > 0) {
      this.#connection.sendSnapshot([encodeSnapshotHead(size), ...pieces], size);
      this.story.figures.snapshot(size, startedMs, this.#environment.clockMs());
      return;
    }
    this.#write(encodeEmptySnapshot());
  }

  #restore(snapshot: Uint8Array): void {
    if (this.#node === undefined) {
      const error = 'Restore before Init: there is no node to restore';
      this.#write(encodeRestoreResponse(error));
      this.#endAndLinger(error);
      return;
    }
    const answer = (): void => this.#write(encodeRestoreResponse());
    if (this.story.isReplay) {
      this.#log.info(
        { ...this.story.logIds() },
        'a replay starts empty: the snapshot is that of the live task',
      );
      answer();
      return;
    }
    this.story.figures.restores++;
    this.#inSlices(this.#node.restore(snapshot), () => true, answer);
  }

  /** Does a work in slices; meanwhile other frames wait. */
  #inSlices<T>(work: Iterable<T>, each: (piece: T) => boolean, answer: () => void): void {
    const offset = this.#offset;
    const isDone = this.#work.slice(work, each, (error) =>
      this.#finishWork(() => (error === undefined ? answer() : this.#fail(error, offset))),
    );
    if (isDone) answer();
  }

  /** Goes on with the frames that waited. */
  #finishWork(answer: () => void): void {
    this.#work.finish(answer, this.#frames.frame, (error) => this.#fail(error));
    this.#settle();
  }

  /** The points that arrived together are done with: what they led to goes out. */
  #settle(): void {
    const connection = this.#connection;
    if (!connection.isInputEnded) this.#settleNode();
    if (!this.#work.isUnderWay && !connection.isEnding) {
      if (connection.isInputEnded) {
        if (this.#reader.inFrame)
          this.#fail(new ProtocolError('TRUNCATED_FRAME', 'the connection ended inside a frame'));
        else this.#end('Kapacitor closed the connection');
      } else if (connection.isStopping) this.#end('the agent stops');
    }
    connection.flush(this.#work.waitingBytes);
  }

  #settleNode(): void {
    if (this.#work.isUnderWay || this.#connection.isEnding) return;
    try {
      this.#node?.settle();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Tells Kapacitor why, after everything that was emitted, and closes. */
  #fail(error: unknown, offset: number = this.#offset): void {
    if (this.#connection.isEnding) return;
    const { code, message, cause } = failureOf(error, this.#environment.explain);
    const text = `${code} at byte ${offset}: ${message}`;
    this.story.failed(code, offset, message, cause);
    this.#write(encodeErrorResponse(text));
    this.#endAndLinger(text);
  }

  /** Closes the connection once everything pending has gone out. */
  #end(reason: string): void {
    this.#stopWork();
    this.#connection.end(reason);
  }

  /** Likewise, but lets the peer read why. */
  #endAndLinger(reason: string): void {
    this.#stopWork();
    this.#connection.endAndLinger(reason);
  }

  #stopWork(): void {
    this.#ticker.stop();
    this.#work.stop();
  }

  #write(frame: Uint8Array): void {
    this.#connection.outbox.write(frame);
  }

  get #points(): number {
    return this.#node?.points ?? 0;
  }

  get #edges(): number {
    return this.#node?.edges ?? 0;
  }

  /** Where in the connection the message at hand lies. */
  get #offset(): number {
    return this.#work.offset ?? this.#reader.offset;
  }
}

function unexpected(what: string): never {
  throw new ProtocolError('UNEXPECTED_MESSAGE', `unexpected message: ${what}`);
}
