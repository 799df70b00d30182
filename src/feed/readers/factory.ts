import { setting, wording } from '../../wording.ts';
import type { Reader } from '../reading.ts';
import { CsvReader } from './csv.ts';
import { JsonReader } from './json.ts';
import { LineReader } from './lines.ts';
import { Pattern, PatternReader } from './pattern.ts';
import { RecordMapper } from './record-mapper.ts';
import type { Format, ReadSettings } from './settings.ts';

/** A pattern that takes a text apart. */
export interface TextPattern {
  /** A regular expression with named groups. */
  readonly source: string;
  /** Whether each line may match and give a point; else the first match of the text gives one. */
  readonly isPerLine: boolean;
}

/**
 * Makes readers of texts, all of one format. What one has learned of the types of fields, the next one keeps.
 * @param format what the texts hold, or the pattern that takes them apart
 * @param name where the texts come from, for messages
 * @param isWhole whether each reader gets a whole text, which may be one JSON value over many lines
 * @param note is told what a person should know
 * @throws InputError if the pattern is none, or the settings name a group that the pattern doesn't have
 */
export function readerFactory(
  settings: ReadSettings,
  format: Exclude<Format, 'srpl'> | TextPattern,
  name: string,
  isWhole: boolean,
  note: (message: string) => void,
): () => Reader {
  const { delimiter, fixedTags, precision, takesUnsigned } = settings;
  if (format === 'lp')
    return () => new LineReader({ name, precision: precision ?? 'ns', fixedTags, takesUnsigned });
  const mapper = new RecordMapper(settings);
  if (format === 'ndjson') return () => new JsonReader(mapper, isWhole);
  if (format === 'csv') return () => new CsvReader(mapper, delimiter);
  const pattern = new Pattern(format.source, note);
  mapper.checkNames(pattern.groupNames, wording`named group in ${setting('pattern')}`);
  return () => new PatternReader(mapper, pattern, format.isPerLine);
}

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
