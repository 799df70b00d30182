import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { codeOf, InputError, messageOf } from '../../errors.ts';

const GUNZIP_CHUNK_BYTES = 256 * 1024;

/** The bytes of a file or pipe, which can be looked at before they are read, and are counted as they are. */
export class CountedBytes implements AsyncIterable<Uint8Array> {
  readonly #source: Readable;
  readonly #name: string;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #peeked: Uint8Array[] = [];
  #count = 0;

  /** @param name what the messages begin with */
  constructor(source: Readable, name: string) {
    this.#source = source;
    this.#name = name;
    this.#chunks = source[Symbol.asyncIterator]();
  }

  get count(): number {
    return this.#count;
  }

  /** The first bytes, fewer if there are no more; they are read all the same. */
  async peek(length: number): Promise<Buffer> {
    let head: Buffer = Buffer.alloc(0);
    while (head.length < length) {
      const chunk = await this.#nextChunk();
      if (chunk === undefined) break;
      this.#peeked.push(chunk);
      head = Buffer.concat(this.#peeked);
    }
    return head.subarray(0, length);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = this.#peeked.shift() ?? (await this.#nextChunk());
        if (chunk === undefined) return;
        this.#count += chunk.length;
        yield chunk;
      }
    } finally {
      this.close();
    }
  }

  /** What the bytes hold gzipped. */
  async *gunzip(): AsyncGenerator<Uint8Array> {
    const gunzip = createGunzip({ chunkSize: GUNZIP_CHUNK_BYTES });
    // The loop below throws what pipeline reports here.
    pipeline(this[Symbol.asyncIterator](), gunzip, () => {});
    try {
      for await (const chunk of gunzip) yield chunk;
    } catch (error) {
      const code = codeOf(error);
      if (code?.startsWith('Z_') !== true) throw error;
      const what =
        code === 'Z_BUF_ERROR'
          ? 'its gzip data is cut off'
          : `its gzip data is damaged (${messageOf(error)})`;
      throw new InputError(
        'BAD_RECORDING',
        `${this.#name}: ${what}, near byte ${this.#count}; copy the file again`,
      );
    }
  }

  close(): void {
    this.#source.destroy();
  }

  async #nextChunk(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.#chunks.next();
      return done === true ? undefined : value;
    } catch (error) {
      throw new InputError('FILE_UNREADABLE', `${this.#name}: ${messageOf(error)}`);
    }
  }
}
