import { InputError, messageOf } from '../../errors.ts';
import { isRecord } from '../../is-record.ts';
import type { FieldValue } from '../../wire/point.ts';
import { readJsonObjects } from './json-objects.ts';

/** A point of a batch; its time in nanoseconds since the epoch. */
export interface BatchRecordPoint {
  readonly time: bigint;
  readonly tags: ReadonlyMap<string, string>;
  readonly fields: ReadonlyMap<string, FieldValue>;
}

/** What a query returned for one group; never empty, as Kapacitor leaves empty batches out of a replay. */
export interface BatchRecord {
  readonly name: string;
  readonly byName: boolean;
  /** The group's tags, which are its dimensions, sorted by name. */
  readonly tags: ReadonlyMap<string, string>;
  /** Nanoseconds since the epoch; not before the last point. */
  readonly tmax: bigint;
  readonly points: readonly BatchRecordPoint[];
}

const MAX_TIME = 2n ** 63n - 1n;
const MIN_TIME = -(2n ** 63n);

/**
 * The batches of one query, read as Kapacitor's replay reads them: numbers are floats, a point without tags has the
 * batch's, the group follows from the tags.
 * @param where what the messages begin with
 */
export async function* readBatchRecords(
  chunks: AsyncIterable<Uint8Array>,
  where: string,
): AsyncGenerator<BatchRecord> {
  let number = 0;
  for await (const text of readJsonObjects(chunks, where)) {
    number++;
    const record = batchOf(text, `${where}, batch ${number}`);
    if (record !== undefined) yield record;
  }
}

function batchOf(text: string, where: string): BatchRecord | undefined {
  let batch: unknown;
  try {
    batch = JSON.parse(text);
  } catch (error) {
    throw new InputError('BAD_RECORDING', `${where}: this is no JSON: ${messageOf(error)}`);
  }
  if (!isRecord(batch)) throw new InputError('BAD_RECORDING', `${where}: expected an object`);
  const { name = '', byname: byName = false, tmax, points = [] } = batch;
  if (typeof name !== 'string') throw new InputError('BAD_RECORDING', `${where}: "name" is no string`);
  if (typeof byName !== 'boolean') throw new InputError('BAD_RECORDING', `${where}: "byname" is no boolean`);
  if (!Array.isArray(points)) throw new InputError('BAD_RECORDING', `${where}: "points" is no list`);
  const tags = tagsOf(batch.tags, `${where}: "tags"`);
  if (points.length === 0) return undefined;

  const records = points.map((point: unknown, index) => pointOf(point, tags, `${where}, point ${index + 1}`));
  const last = records.at(-1)?.time ?? MIN_TIME;
  const end = tmax === undefined ? last : timeOf(tmax, `${where}: "tmax"`);
  return { name, byName, tags, tmax: end > last ? end : last, points: records };
}

function pointOf(point: unknown, batchTags: ReadonlyMap<string, string>, where: string): BatchRecordPoint {
  if (!isRecord(point)) throw new InputError('BAD_RECORDING', `${where}: expected an object`);
  if (!isRecord(point.fields)) throw new InputError('BAD_RECORDING', `${where}: "fields" is no object`);
  const fields = new Map<string, FieldValue>();
  for (const [key, value] of Object.entries(point.fields)) fields.set(key, fieldOf(key, value, where));
  const tags = tagsOf(point.tags, `${where}: "tags"`);
  const time = timeOf(point.time, `${where}: "time"`);
  if (time < MIN_TIME || time > MAX_TIME)
    throw new InputError('BAD_RECORDING', `${where}: "time" is outside of the years 1677 to 2262`);
  return { time, tags: tags.size === 0 ? batchTags : tags, fields };
}

function fieldOf(key: string, value: unknown, where: string): FieldValue {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new InputError(
    'BAD_RECORDING',
    `${where}: field ${JSON.stringify(key)} is no number, string or boolean, so Kapacitor cannot hand it to a UDF`,
  );
}

function tagsOf(tags: unknown, where: string): ReadonlyMap<string, string> {
  if (tags === undefined || tags === null) return new Map();
  if (!isRecord(tags)) throw new InputError('BAD_RECORDING', `${where} is no object`);
  const entries: [string, string][] = [];
  for (const [key, value] of Object.entries(tags)) {
    if (typeof value !== 'string')
      throw new InputError('BAD_RECORDING', `${where}: ${JSON.stringify(key)} is no string`);
    entries.push([key, value]);
  }
  return new Map(entries.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
}

/** Nanoseconds since the epoch; those of a time that Go never set lie beyond int64. */
function timeOf(text: unknown, where: string): bigint {
  const match =
    typeof text === 'string'
      ? /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text)
      : null;
  const [, seconds = '', fraction = '', zone = ''] = match ?? [];
  const milliseconds = Date.parse(seconds + zone);
  if (Number.isNaN(milliseconds))
    throw new InputError('BAD_RECORDING', `${where} is no time like 2026-11-22T21:56:32.640917901Z`);
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
