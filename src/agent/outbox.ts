import type { Socket } from 'node:net';
import { sizeOfFrame, writeFrameHead } from '../wire/envelope.ts';

/** Answers are gathered in pieces of this size: one write per chunk read, not one per edge. */
const PIECE_BYTES = 64 * 1024;
/** A connection that says little keeps a piece of this size. */
const FIRST_PIECE_BYTES = 1024;

interface Waiting {
  readonly bytes: Uint8Array;
  /** The frame goes on in the next piece, so nothing may come between. */
  readonly continues: boolean;
}

export interface OutboxEvents {
  /** The peer has read what had to wait, and more may be flushed. */
  drain(): void;
  /** Something is about to go out. @returns whether it may; the connection is over otherwise */
  beforeSend(): boolean;
  /** The system has taken all that was sent. */
  sent(): void;
}

/**
 * What goes out of one connection. While the peer reads, everything gathered goes out at each {@link flush} in one
 * write. While it does not, it waits here, and what is urgent overtakes it between two frames.
 */
export class Outbox {
  readonly #socket: Socket;
  readonly #events: OutboxEvents;
  /** Gathers whole frames. */
  #piece: Buffer = Buffer.allocUnsafe(FIRST_PIECE_BYTES);
  #length = 0;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #urgent: Uint8Array[] = [];
  #urgentBytes = 0;
  #isInFrame = false;
  #isBlocked = false;
  #isEnding = false;
  #lingers = false;

  constructor(socket: Socket, events: OutboxEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  /** Bytes that wait here, not counting what the socket has taken. */
  get waitingBytes(): number {
    return this.#waitingBytes + this.#urgentBytes + this.#length;
  }

  /** Whether the peer leaves bytes unread. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** Appends a frame. */
  write(frame: Uint8Array): void {
    this.#reserve(frame.length);
    this.#piece.set(frame, this.#length);
    this.#length += frame.length;
  }

  /** Appends a frame of a message of this kind with this body. */
  writeMessage(kind: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#reserve(sizeOfFrame(kind, length));
    const at = writeFrameHead(this.#piece, this.#length, kind, length);
    this.#piece.set(bytes.subarray(start, end), at);
    this.#length = at + length;
  }

  /** Appends one frame that lies in several pieces; they are kept, not copied, and must not change any more. */
  writePieces(pieces: readonly Uint8Array[]): void {
    this.#setPieceAside();
    pieces.forEach((bytes, index) => {
      this.#waiting.push({ bytes, continues: index < pieces.length - 1 });
      this.#waitingBytes += bytes.length;
    });
  }

  /** Sends a copy of a frame ahead of everything that waits here. */
  writeUrgent(frame: Uint8Array): void {
    if (!this.#isBlocked) {
      this.write(frame);
      return;
    }
    this.#urgent.push(Buffer.from(frame));
    this.#urgentBytes += frame.length;
  }

  /** Hands over to the socket what it takes. */
  flush(): void {
    if (this.#socket.destroyed) return;
    if (!this.#isBlocked && this.waitingBytes > 0 && !this.#events.beforeSend()) return;
    while (!this.#isBlocked) {
      const urgent = this.#isInFrame ? undefined : this.#urgent.shift();
      if (urgent !== undefined) {
        this.#urgentBytes -= urgent.length;
        this.#send(urgent);
        continue;
      }
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#waitingBytes -= next.bytes.length;
      this.#isInFrame = next.continues;
      this.#send(next.bytes);
    }
    if (!this.#isBlocked && this.#length > 0) {
      this.#send(this.#piece.subarray(0, this.#length));
      this.#length = 0;
      // What the socket could not pass on at once lies in the piece itself: it must not be written over. One that was
      // made for a large frame is not kept for the small ones.
      if (this.#isBlocked || this.#piece.length > PIECE_BYTES)
        this.#piece = Buffer.allocUnsafe(FIRST_PIECE_BYTES);
    }
    if (!this.#isEnding || this.#isBlocked) return;
    if (this.#lingers) this.#socket.end();
    else this.#socket.destroySoon();
  }

  /** Closes the connection, or if it `lingers` only our half of it, once everything has gone out. */
  end(lingers: boolean): void {
    this.#isEnding = true;
    this.#lingers = lingers;
    this.flush();
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes > this.#piece.length) this.#makeRoom(bytes);
  }

  #send(bytes: Uint8Array): void {
    this.#socket.write(bytes, this.#onWritten);
    // The system takes bytes at once as long as the peer keeps up; nothing is left in the stream then.
    this.#isBlocked = this.#socket.writableLength > 0;
    if (!this.#isBlocked) this.#events.sent();
  }

  readonly #onWritten = (): void => {
    if (!this.#isBlocked || this.#socket.writableLength > 0) return;
    if (!this.#events.beforeSend()) return;
    this.#events.sent();
    this.#isBlocked = false;
    this.flush();
    if (!this.#isBlocked) this.#events.drain();
  };

  #makeRoom(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed > PIECE_BYTES) {
      this.#setPieceAside();
      this.#piece = Buffer.allocUnsafe(Math.max(PIECE_BYTES, bytes));
      return;
    }
    const size = Math.min(PIECE_BYTES, Math.max(FIRST_PIECE_BYTES, needed, 4 * this.#piece.length));
    const grown = Buffer.allocUnsafe(size);
    grown.set(this.#piece.subarray(0, this.#length));
    this.#piece = grown;
  }

  #setPieceAside(): void {
    if (this.#length === 0) return;
    this.#waiting.push({ bytes: this.#piece.subarray(0, this.#length), continues: false });
    this.#waitingBytes += this.#length;
    this.#piece = Buffer.alloc(0);
    this.#length = 0;
  }
}
