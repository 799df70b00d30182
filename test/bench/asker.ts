import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodeInitRequest } from '../../src/kapacitor/host/host-messages.ts';
import { parseOptions } from '../../src/tickscript/script-options.ts';
import { body, MESSAGE, readEnvelope } from '../../src/wire/envelope.ts';
import { FrameReader } from '../../src/wire/frames.ts';

/** Snapshots of ten million groups are long. */
export const MAX_FRAME_BYTES = 2 ** 30;

const CLOSED = 'the agent closed the connection';

/** A connection that asks and gets answers by their kind. */
export class Asker {
  readonly socket: Socket;
  readonly #reader = new FrameReader(MAX_FRAME_BYTES);
  readonly #waiting: {
    kind: number;
    resolve: (bytes: Buffer) => void;
    reject: (error: Error) => void;
  }[] = [];
  #isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', this.#onData);
    socket.on('close', () => {
      this.#isClosed = true;
      for (const { reject } of this.#waiting) reject(new Error(CLOSED));
    });
  }

  readonly #onData = (chunk: Buffer): void => this.#reader.push(chunk, this);

  /** Stops looking at what comes. */
  leave(): void {
    this.socket.off('data', this.#onData);
  }

  frame(bytes: Uint8Array, start: number, end: number): void {
    const kind = readEnvelope(bytes, start, end);
    const index = this.#waiting.findIndex((each) => each.kind === kind);
    if (index < 0) return;
    const [{ resolve }] = this.#waiting.splice(index, 1);
    resolve(Buffer.from(bytes.subarray(body[0], body[1])));
  }

  ask(kind: number, request: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(new Error(CLOSED));
        return;
      }
      this.#waiting.push({ kind, resolve, reject });
      this.socket.write(request);
    });
  }

  async send(bytes: Uint8Array): Promise<void> {
    if (!this.socket.write(bytes)) await once(this.socket, 'drain');
  }

  async close(): Promise<void> {
    const closed = once(this.socket, 'close');
    this.socket.end();
    await closed;
  }
}

export async function open(path: string, task: string): Promise<Asker> {
  const socket = connect({ path, allowHalfOpen: true });
  await once(socket, 'connect');
  const asker = new Asker(socket);
  await asker.ask(
    MESSAGE.init,
    encodeInitRequest({ options: parseOptions("field('value')"), taskId: task, nodeId: 'edgeDetect2' }),
  );
  return asker;
}
