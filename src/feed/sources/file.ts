import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { codeOf, InputError, messageOf } from '../../errors.ts';
import { CountedBytes } from '../../kapacitor/recordings/counted-bytes.ts';
import { readStreamRecords } from '../../kapacitor/recordings/stream-recording.ts';
import { formatLine } from '../../line-protocol/writer.ts';
import { setting, wording } from '../../wording.ts';
import { type Reader, type Reading, refused } from '../reading.ts';
import { Utf8Decoder } from '../utf8-decoder.ts';

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

/**
 * Reads points as they become complete.
 * @param makeReader chooses the reader by the first text there is
 * @throws InputError if the input breaks off or its gzip is damaged
 */
export async function* readInput(
  input: Input,
  makeReader: (head: string) => Reader,
): AsyncGenerator<readonly Reading[]> {
  const decoder = new Utf8Decoder();
  let reader: Reader | undefined;
  for await (const chunk of await inflated(input.bytes)) {
    const text = decoder.push(chunk);
    if (reader === undefined && text.trim() === '') continue;
    reader ??= makeReader(text);
    yield believed(await reader.push(text), decoder);
  }
  if (reader === undefined) return;
  yield believed(await reader.push(decoder.end()), decoder);
  yield believed(await reader.end(), decoder);
}

/**
 * Reads the points of a stream recording of Kapacitor, whatever database it was made of.
 * @param fixedTags tags that every point gets, in place of its own of that name
 * @throws InputError with file and line at the first thing that is wrong
 */
export async function* readRecording(
  input: Input,
  fixedTags: ReadonlyMap<string, string>,
): AsyncGenerator<readonly Reading[]> {
  const chunks = await inflated(input.bytes);
  for await (const records of readStreamRecords(chunks, input.name, 'triples'))
    yield records.map(({ point }) => ({
      kind: 'point',
      text: formatLine({ ...point, tags: new Map([...point.tags, ...fixedTags]), time: undefined }),
      timeNs: point.time,
    }));
}

/** Takes gzip off, known by its first two bytes whatever the file's name. */
async function inflated(bytes: CountedBytes): Promise<AsyncIterable<Uint8Array>> {
  const [first, second] = await bytes.peek(2);
  return first === 0x1f && second === 0x8b ? bytes.gunzip() : bytes;
}

/** One wrong byte makes Kapacitor 1.8 fail the whole task, so what may hold one goes no further. */
function believed(readings: readonly Reading[], decoder: Utf8Decoder): readonly Reading[] {
  if (!decoder.isDamaged) return readings;
  return readings.map((reading) =>
    reading.kind === 'point' && reading.text.includes('\uFFFD')
      ? refused(reading.text, 'it has bytes that are no UTF-8')
      : reading,
  );
}
