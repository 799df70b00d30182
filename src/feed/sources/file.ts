import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { codeOf, InputError, messageOf } from '../../errors.ts';
import { CountedBytes } from '../../kapacitor/recordings/counted-bytes.ts';
import { setting, wording } from '../../wording.ts';
import type { FirstTimes } from '../first-times.ts';
import type { ReaderReading } from '../reading.ts';

/** A file or standard input, opened. */
export interface Input {
  /** For messages. */
  readonly name: string;
  readonly bytes: CountedBytes;
  /** Undefined where it can't be known: a pipe. */
  readonly sizeBytes: number | undefined;
}

/**
 * Opens what is to be fed.
 * @param file a path, or `-` for `stdin`
 * @throws InputError if it is not there, a folder, or can't be read
 */
export async function openInput(file: string, stdin: Readable): Promise<Input> {
  if (file === '-') return { name: 'stdin', bytes: new CountedBytes(stdin, 'stdin'), sizeBytes: undefined };
  try {
    const stats = await stat(file);
    if (stats.isDirectory())
      throw new InputError(
        'FILE_UNREADABLE',
        wording`${setting('file')} ${file} is a folder: name a file in it`,
      );
    const sizeBytes = stats.isFile() ? stats.size : undefined;
    return { name: file, bytes: new CountedBytes(createReadStream(file), file), sizeBytes };
  } catch (error) {
    if (error instanceof InputError) throw error;
    if (codeOf(error) === 'ENOENT')
      throw new InputError('FILE_NOT_FOUND', wording`${setting('file')} ${file} does not exist`);
    throw new InputError(
      'FILE_UNREADABLE',
      wording`${setting('file')} ${file} can't be read: ${messageOf(error)}`,
    );
  }
}

/** What reads bytes, in pieces cut anywhere. */
export interface BytesReader {
  push(bytes: Uint8Array): readonly ReaderReading[];
  settle(): readonly ReaderReading[];
  end(): readonly ReaderReading[];
}

/** After so long without a byte, what is held back for what may follow is given. */
const QUIET_MS = 500;

/**
 * Reads points as they become complete.
 * @param first holds the first ones back until their times are plausible
 * @throws InputError if the input breaks off, its gzip is damaged, or the reader can't read it
 */
export async function* readInput(
  input: Input,
  reader: BytesReader,
  first: FirstTimes<ReaderReading>,
): AsyncGenerator<readonly ReaderReading[]> {
  yield* readBytes(await inflated(input.bytes), reader, first);
}

/** Reads points of bytes as they become complete; otherwise like {@link readInput}. */
export async function* readBytes(
  bytes: AsyncIterable<Uint8Array>,
  reader: BytesReader,
  first: FirstTimes<ReaderReading>,
): AsyncGenerator<readonly ReaderReading[]> {
  const chunks = bytes[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = chunks.next();
      if (await isQuiet(next)) {
        yield first.take(reader.settle());
        yield first.end();
      }
      const { done, value } = await next;
      if (done === true) break;
      yield first.take(reader.push(value));
    }
    yield first.take(reader.end());
    yield first.end();
  } finally {
    await chunks.return?.();
  }
}

/** Whether nothing comes for a while. */
async function isQuiet(next: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const quiet = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), QUIET_MS);
  });
  try {
    // What fails is thrown where it is awaited.
    return await Promise.race([
      next.then(
        () => false,
        () => false,
      ),
      quiet,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** Takes gzip off, known by its first two bytes whatever the file's name. */
async function inflated(bytes: CountedBytes): Promise<AsyncIterable<Uint8Array>> {
  const [first, second] = await bytes.peek(2);
  return first === 0x1f && second === 0x8b ? bytes.gunzip() : bytes;
}
