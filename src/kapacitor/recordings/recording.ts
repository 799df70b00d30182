import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { codeOf, InputError, messageOf } from '../../errors.ts';
import { type BatchArchive, openBatchArchive } from './batch-archive.ts';
import { CountedBytes } from './counted-bytes.ts';
import { readStreamRecords, type StreamRecord } from './stream-recording.ts';

/** How far a recording has been read, in bytes. */
export interface RecordingProgress {
  readonly readBytes: number;
  /** Undefined where it can't be known: a pipe. */
  readonly totalBytes: number | undefined;
}

/** A recording of points that is open. */
export interface StreamRecording {
  readonly kind: 'stream';
  progress(): RecordingProgress;
  /** The points in the order of the file, some at a time, to be read once; only those are in memory. */
  records(): AsyncGenerator<readonly StreamRecord[]>;
  /** Gives a recording back that isn't read to its end. */
  close(): void;
}

/** Reads the points of a text that is no recording of Kapacitor, some at a time. */
export type TextRecords = (
  chunks: AsyncIterable<Uint8Array>,
  name: string,
) => AsyncGenerator<readonly StreamRecord[]>;

export type Recording = StreamRecording | BatchArchive;

const CHUNK_BYTES = 256 * 1024;
const GZIP_MAGIC = '\u001f\u008b';
const ZIP_MAGIC = 'PK\u0003\u0004';
const EMPTY_ZIP_MAGIC = 'PK\u0005\u0006';

/**
 * Opens a recording of Kapacitor (`.srpl`, `.brpl`) or a file of line protocol, as it is or gzipped. Its content
 * tells what it is.
 * @param file a path, or `-` for `stdin`
 * @param readText reads what is not said to be a recording; without it, that is taken for line protocol or one
 * @throws InputError with file, place and what is wrong; reading throws it as well
 */
export async function openRecording(
  file: string,
  stdin: Readable,
  readText?: TextRecords,
): Promise<Recording> {
  const isStdin = file === '-';
  const name = isStdin ? 'stdin' : file;
  const totalBytes = isStdin ? undefined : await sizeOf(file);
  const source = isStdin ? stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES });
  const bytes = new CountedBytes(source, name);
  const magic = (await bytes.peek(4)).toString('latin1');

  if (magic === ZIP_MAGIC || magic === EMPTY_ZIP_MAGIC) {
    bytes.close();
    if (isStdin)
      throw new InputError(
        'FILE_UNREADABLE',
        'stdin: a batch recording cannot come through a pipe; name the file',
      );
    return openBatchArchive(file);
  }
  if (file.endsWith('.brpl')) {
    bytes.close();
    throw new InputError('BAD_RECORDING', `${file}: this is no zip archive, which a batch recording must be`);
  }
  const chunks = magic.startsWith(GZIP_MAGIC) ? bytes.gunzip() : bytes;
  return {
    kind: 'stream',
    progress: () => ({ readBytes: bytes.count, totalBytes }),
    records: () => {
      if (/\.srpl(?:\.gz)?$/.test(file)) return readStreamRecords(chunks, name, 'triples');
      return readText === undefined ? readStreamRecords(chunks, name, undefined) : readText(chunks, name);
    },
    close: () => bytes.close(),
  };
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    const stats = await stat(file);
    if (stats.isDirectory())
      throw new InputError('FILE_UNREADABLE', `${file}: this is a directory, not a recording`);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new InputError('FILE_NOT_FOUND', `${file}: there is no such file`);
    throw error instanceof InputError
      ? error
      : new InputError('FILE_UNREADABLE', `${file}: ${messageOf(error)}`);
  }
}
