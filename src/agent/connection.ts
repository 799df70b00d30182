import type { Socket } from 'node:net';
import { Outbox } from './outbox.ts';
import type { Overrun, Patience } from './patience.ts';
import { readShared } from './shared-read.ts';

/**
 * Reading stops while more than this waits in memory, in answers that the peer does not read or in frames that come
 * during a snapshot. Up to here keepalives are answered ahead of everything that waits.
 */
export const MAX_WAITING_BYTES = 1024 * 1024;

/** How long a connection that ends with an error may take to read it. */
const LINGER_MS = 1000;

export interface ConnectionEvents {
  /** Bytes came, valid only during the call. */
  bytes(buffer: Buffer, length: number): void;
  /** The peer says no more; it still reads. */
  inputEnd(): void;
  /** The peer has read what had to wait. */
  drain(): void;
  /** It was broken off, before anything more was said: the peer waits no longer. */
  overrun(overrun: Overrun): void;
  /** All is over. */
  close(): void;
}

/** An accepted connection: what comes in, what goes out and may have to wait, and how it ends. */
export class Connection {
  readonly outbox: Outbox;
  readonly #socket: Socket;
  readonly #patience: Patience;
  readonly #events: ConnectionEvents;
  /** Bytes of a snapshot on its way out, which don't count as waiting: they come whatever the peer does. */
  #allowanceBytes = 0;
  #isPaused = false;
  #isInputEnded = false;
  #isStopping = false;
  #isEnding = false;
  #reason = 'the connection broke';
  #linger: NodeJS.Timeout | undefined;
  #bytes = 0;

  /** @param accepted a connection that nobody has read from */
  constructor(accepted: Socket, patience: Patience, events: ConnectionEvents) {
    const socket = readShared(accepted, (buffer, length) => {
      if (this.#isEnding) return;
      this.#bytes += length;
      events.bytes(buffer, length);
    });
    socket.on('end', () => {
      this.#isInputEnded = true;
      events.inputEnd();
    });
    socket.on('error', (error) => {
      if (!this.#isEnding) this.#reason = `the connection broke: ${error.message}`;
    });
    socket.on('close', () => {
      clearTimeout(this.#linger);
      this.#isEnding = true;
      events.close();
    });
    this.#socket = socket;
    this.#patience = patience;
    this.#events = events;
    this.outbox = new Outbox(socket, {
      drain: () => events.drain(),
      beforeSend: () => this.keepsTime(),
      sent: () => patience.answered(),
    });
  }

  /** Bytes that came so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the peer has said all that it will. */
  get isInputEnded(): boolean {
    return this.#isInputEnded;
  }

  /** Whether nothing more is to be read. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Whether nothing more is to be said. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Whether what comes is processed, and what goes out goes out. */
  get isFlowing(): boolean {
    const isOver = this.#isInputEnded || this.#isStopping || this.#isEnding;
    return !isOver && !this.#isPaused && !this.outbox.isBlocked;
  }

  /** Why it ended. */
  get reason(): string {
    return this.#reason;
  }

  /** Whether a snapshot is still on its way to the peer. */
  get isSendingSnapshot(): boolean {
    return this.#allowanceBytes > 0;
  }

  /** @returns whether the peer still waits for answers; else the connection is broken off */
  keepsTime(): boolean {
    const overrun = this.#patience.overrun();
    if (overrun === undefined || this.#socket.destroyed) return true;
    this.#events.overrun(overrun);
    this.abort(`Kapacitor had no answer for ${Math.round(overrun.silentMs)} ms`);
    this.#isEnding = true;
    return false;
  }

  /** Sends one frame in several pieces, which the peer may take its time for. @param size how long it is, about */
  sendSnapshot(pieces: readonly Uint8Array[], size: number): void {
    this.outbox.writePieces(pieces);
    this.outbox.flush();
    if (this.outbox.isBlocked) this.#allowanceBytes = size;
  }

  /** Sends what was gathered. @param waitingBytes what came and waits in memory for something else than the peer */
  flush(waitingBytes: number): void {
    this.outbox.flush();
    this.pauseOrResume(waitingBytes);
  }

  pauseOrResume(waitingBytes: number): void {
    if (!this.outbox.isBlocked) this.#allowanceBytes = 0;
    const isTooMuch = this.outbox.waitingBytes + waitingBytes > MAX_WAITING_BYTES + this.#allowanceBytes;
    if (isTooMuch === this.#isPaused || this.#isStopping || this.#isEnding) return;
    this.#isPaused = isTooMuch;
    if (isTooMuch) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Reads nothing more. */
  stop(): void {
    this.#isStopping = true;
    this.#socket.pause();
  }

  /** Closes it once everything pending has gone out. */
  end(reason: string): void {
    this.#isEnding = true;
    this.#reason = reason;
    this.outbox.end(false);
  }

  /**
   * Closes our half, and takes what still comes until the peer closes its own: a Kapacitor whose next write fails would
   * report that instead of what we say.
   */
  endAndLinger(reason: string): void {
    this.#isEnding = true;
    this.#reason = reason;
    this.outbox.end(true);
    if (this.#socket.destroyed) return;
    this.#linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.#socket.resume();
  }

  /** Breaks it off. */
  abort(reason: string): void {
    if (!this.#isEnding) this.#reason = reason;
    this.#socket.destroy();
  }
}
