import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { InputError, messageOf } from '../../errors.ts';
import { type BatchRecord, readBatchRecords } from './batch-recording.ts';

/** A batch recording: a zip archive with an entry for each query of the task, in their order. */
export class BatchArchive {
  readonly kind = 'batch';
  readonly #file: string;
  readonly #zip: ZipFile;
  readonly #entries: readonly Entry[];
  #readBytes = 0;

  constructor(file: string, zip: ZipFile, entries: readonly Entry[]) {
    this.#file = file;
    this.#zip = zip;
    this.#entries = entries;
  }

  /** Bytes of the entries as they are unpacked. */
  progress(): { readBytes: number; totalBytes: number } {
    return {
      readBytes: this.#readBytes,
      totalBytes: this.#entries.reduce((sum, entry) => sum + entry.uncompressedSize, 0),
    };
  }

  /** The batches, query after query, to be read once; only the one at hand is in memory. */
  async *records(): AsyncGenerator<BatchRecord> {
    try {
      for (const entry of this.#entries) {
        const where = `${this.#file}, entry ${entry.fileName}`;
        yield* readBatchRecords(this.#bytesOf(entry, where), where);
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#zip.close();
  }

  async *#bytesOf(entry: Entry, where: string): AsyncGenerator<Uint8Array> {
    let checksum = 0;
    try {
      const stream: Readable = await this.#zip.openReadStreamPromise(entry);
      for await (const chunk of stream) {
        this.#readBytes += chunk.length;
        checksum = crc32(chunk, checksum);
        yield chunk;
      }
    } catch (error) {
      throw damaged(where, error);
    }
    if (checksum !== entry.crc32) throw damaged(where, new Error('its checksum is wrong'));
  }
}

/** @throws InputError if this is no zip archive that can be read */
export async function openBatchArchive(file: string): Promise<BatchArchive> {
  let zip: ZipFile | undefined;
  try {
    zip = await yauzl.openPromise(file, { lazyEntries: true, autoClose: false });
    const entries: Entry[] = [];
    for await (const entry of zip.eachEntry()) entries.push(entry);
    refuseForeign(file, entries);
    return new BatchArchive(file, zip, entries);
  } catch (error) {
    zip?.close();
    throw error instanceof InputError ? error : damaged(file, error);
  }
}

/** Kapacitor calls its entries 0, 1, …; what is not called a recording and has others is none. */
function refuseForeign(file: string, entries: readonly Entry[]): void {
  const names = entries.map(({ fileName }) => fileName);
  if (file.endsWith('.brpl') || names.every((name) => /^\d+$/.test(name))) return;
  const isWorkbook = names.includes('[Content_Types].xml');
  throw new InputError(
    'UNKNOWN_FORMAT',
    `${file}: this is ${isWorkbook ? 'an Excel workbook (xlsx): save the sheet as CSV' : `a zip archive and no recording of Kapacitor, by the names in it (${names[0]}): unpack it`}`,
  );
}

function damaged(where: string, error: unknown): InputError {
  return new InputError(
    'BAD_RECORDING',
    `${where}: the zip archive is damaged (${messageOf(error)}); copy the file again`,
  );
}
