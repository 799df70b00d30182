import { messageOf, UsageError } from '../../errors.ts';
import { CsvReader } from '../../feed/readers/csv.ts';
import { FIELD_TYPES, type FieldType } from '../../feed/readers/field-type.ts';
import { JsonReader } from '../../feed/readers/json.ts';
import { LineReader } from '../../feed/readers/lines.ts';
import { Pattern, PatternReader } from '../../feed/readers/pattern.ts';
import { RecordMapper } from '../../feed/readers/record-mapper.ts';
import type { Reader } from '../../feed/reading.ts';
import { parseLine } from '../../line-protocol/parser.ts';
import { formatLine } from '../../line-protocol/writer.ts';
import type { FeedFlags, Format } from './feed-options.ts';

/** What a text holds: a file's format, or text to be taken apart by `--pattern`. */
export type TextFormat = Exclude<Format, 'srpl'> | 'text';

/** The format that a file's name tells, whether gzipped or not. */
export function formatOfName(file: string): Format | undefined {
  const extension = /\.([^.]+)$/.exec(file.replace(/\.gz$/, ''))?.[1]?.toLowerCase();
  switch (extension) {
    case 'csv':
    case 'srpl':
    case 'lp':
      return extension;
    case 'ndjson':
    case 'jsonl':
    case 'json':
      return 'ndjson';
    default:
      return undefined;
  }
}

/** The format that a file's first text tells. */
export function formatOfText(head: string): 'ndjson' | 'lp' {
  return /^\s*[{[]/.test(head) ? 'ndjson' : 'lp';
}

/**
 * Makes readers of texts, all of one format. What one has learned of the types of fields, the next one keeps.
 * @param name where the text comes from, for messages
 * @param isWhole whether each reader gets all of a program's output, which may be one JSON value over many lines
 * @throws UsageError if the flags make no sense for the format
 */
export function readerFactory(
  flags: FeedFlags,
  format: TextFormat,
  name: string,
  isWhole: boolean,
): () => Reader {
  const fixedTags = fixedTagsOf(flags);
  if (format === 'lp') {
    refuseFlags(flags, 'line protocol says itself what is what', flags.onFailure !== undefined);
    return () => new LineReader({ name, precision: flags.precision ?? 'ns', fixedTags });
  }
  const mapper = new RecordMapper({
    measurement: flags.measurement,
    tagNames: new Set(flags.tag.filter((tag) => !tag.includes('='))),
    fixedTags,
    timeName: flags.time,
    precision: flags.precision,
    types: typesOf(flags),
    newNames: newNamesOf(flags),
  });
  if (format === 'ndjson') return () => new JsonReader(mapper, isWhole);
  if (flags.measurement === undefined)
    throw new UsageError(`say --measurement NAME: ${format === 'csv' ? 'CSV' : 'text'} has no measurement`);
  if (format === 'csv') {
    if (flags.delimiter.length !== 1) throw new UsageError('--delimiter must be one character');
    return () => new CsvReader(mapper, flags.delimiter);
  }
  const pattern = new Pattern(flags.pattern ?? '', () => {});
  mapper.checkNames(pattern.groupNames, 'named group in --pattern');
  return () => new PatternReader(mapper, pattern, flags.match === 'lines');
}

/**
 * Refuses the flags that say what names stand for.
 * @param takesMeasurement whether --measurement is of use all the same
 */
export function refuseFlags(flags: FeedFlags, why: string, takesMeasurement: boolean): void {
  const given = [
    flags.measurement !== undefined && !takesMeasurement && '--measurement',
    flags.tag.some((tag) => !tag.includes('=')) && '--tag without a value',
    flags.time !== undefined && '--time',
    flags.type.length > 0 && '--type',
    flags.rename.length > 0 && '--rename',
  ].find((flag) => flag !== false);
  if (given !== undefined) throw new UsageError(`${given} is of no use here: ${why}`);
}

/**
 * The point that stands for a failed run.
 * @param fields as in line protocol: `state="DOWN",code=1i`
 * @returns line protocol without a time
 * @throws UsageError if they are none, or it is not said of which measurement
 */
export function failureText(flags: FeedFlags, fields: string): string {
  const { measurement } = flags;
  if (measurement === undefined) throw new UsageError('--on-failure needs --measurement NAME for its point');
  try {
    const point = parseLine(`x ${fields}`, { file: '', line: 1 });
    if (point.time !== undefined) throw new UsageError('it has a time');
    return formatLine({ ...point, measurement, tags: fixedTagsOf(flags) });
  } catch (error) {
    // Without the place, which is counted in a line that nobody wrote.
    const reason = messageOf(error).replace(/^:\d+:\d+: /, '');
    throw new UsageError(`--on-failure '${fields}': ${reason}`);
  }
}

export function fixedTagsOf(flags: FeedFlags): Map<string, string> {
  const tags = new Map<string, string>();
  for (const tag of flags.tag) {
    const at = tag.indexOf('=');
    if (at === 0) throw new UsageError(`--tag ${tag} has no name`);
    if (at > 0) tags.set(tag.slice(0, at), tag.slice(at + 1));
  }
  return tags;
}

function typesOf(flags: FeedFlags): Map<string, FieldType> {
  const types = new Map<string, FieldType>();
  for (const text of flags.type) {
    const at = text.lastIndexOf('=');
    const type = FIELD_TYPES.find((known) => known === text.slice(at + 1));
    if (at < 1 || type === undefined)
      throw new UsageError(`--type ${text}: expected a name and one of ${FIELD_TYPES.join(', ')}: snr=float`);
    types.set(text.slice(0, at), type);
  }
  return types;
}

function newNamesOf(flags: FeedFlags): Map<string, string> {
  const names = new Map<string, string>();
  for (const text of flags.rename) {
    const [, name, newName] = /^(.+)=([^=]+)$/.exec(text) ?? [];
    if (name === undefined || newName === undefined)
      throw new UsageError(`--rename ${text}: expected the old name and the new one: host.name=host`);
    names.set(name, newName);
  }
  return names;
}
