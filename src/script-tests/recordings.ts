import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { ZipFile } from 'yazl';
import { isoTime } from '../iso-time.ts';
import type { FieldValue } from '../line-protocol/parser.ts';
import { formatLine } from '../line-protocol/writer.ts';
import { groupId, sortedNames } from '../wire/group-id.ts';
import type { TimedPoint } from './points.ts';

/** What a query found for one group at one time. */
export interface QueriedBatch {
  readonly name: string;
  readonly tags: ReadonlyMap<string, string>;
  /** The end of its window. */
  readonly tmaxNs: bigint;
  readonly points: readonly TimedPoint[];
}

const gzipped = promisify(gzip);

/** Writes a stream recording as Kapacitor keeps it: database, policy and line, a line each. */
export async function writeStreamRecording(
  file: string,
  points: readonly TimedPoint[],
  database: string,
  policy: string,
): Promise<void> {
  const text = points.map((point) => `${database}\n${policy}\n${formatLine(point)}\n`).join('');
  await writeFile(file, await gzipped(text));
}

/** Writes a batch recording as Kapacitor keeps it: an archive with an entry for each query. */
export async function writeBatchRecording(
  file: string,
  queries: readonly (readonly QueriedBatch[])[],
): Promise<void> {
  const zip = new ZipFile();
  queries.forEach((batches, index) => {
    const text = batches.map((batch) => `${JSON.stringify(batchJson(batch))}\n`).join('');
    zip.addBuffer(Buffer.from(text), String(index));
  });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(file));
}

function batchJson({ name, points, tags, tmaxNs }: QueriedBatch): object {
  return {
    name,
    tmax: isoTime(tmaxNs),
    group: groupId(name, tags, sortedNames(tags.keys()), false),
    byname: false,
    ...(tags.size === 0 ? {} : { tags: Object.fromEntries(tags) }),
    points: points.map((point) => ({
      fields: Object.fromEntries([...point.fields].map(([key, value]) => [key, jsonValue(value)])),
      tags: Object.fromEntries(point.tags),
      time: isoTime(point.time),
    })),
  };
}

/** Numbers of a query come as floats. */
function jsonValue(value: FieldValue): number | string | boolean {
  return typeof value === 'bigint' ? Number(value) : value;
}
