import { type Command, InvalidArgumentError, Option } from 'commander';
import iconv from 'iconv-lite';
import { UsageError } from '../errors.ts';
import { FIELD_TYPES, type FieldType } from '../feed/readers/field-type.ts';
import { type ReadSettings, USUAL_NULLS, USUAL_SETTINGS } from '../feed/readers/settings.ts';
import { PRECISIONS, type Precision } from '../feed/readers/times.ts';
import { addArgument, parseCount } from './argument-parsers.ts';

/** How texts with points are to be read, as commander hands it over. */
export interface ReadingFlags {
  readonly time?: string;
  readonly precision?: Precision;
  readonly timeFormat?: string;
  readonly timeZone?: string;
  readonly type: readonly string[];
  readonly rename: readonly string[];
  readonly select: readonly string[];
  readonly null?: readonly string[];
  readonly decimal: '.' | ',';
  readonly delimiter?: string;
  readonly skipLines?: number;
  readonly encoding?: string;
}

/** The flags that may be repeated; a variable holds all of them, with commas between. */
export const REPEATABLE_READING_FLAGS = ['type', 'rename', 'select'] as const;

/** A variable holds all that a flag may be repeated for, with commas between. */
export function splitVariables(command: Command, names: readonly string[]): void {
  for (const name of names) {
    if (command.getOptionValueSource(name) !== 'env') continue;
    const texts: readonly string[] = command.getOptionValue(name);
    const listed = texts.flatMap((text) => text.split(',')).map((text) => text.trim());
    command.setOptionValueWithSource(
      name,
      listed.filter((text) => text !== ''),
      'env',
    );
  }
}

/** How a text is written. */
export function textOptions(): Option[] {
  return [
    new Option(
      '--delimiter <character>',
      "what stands between the columns of CSV, such as ';' or '\\t' (default: what its header shows)",
    ).argParser(parseDelimiter),
    new Option('--skip-lines <n>', 'how many lines stand before the header of CSV').argParser(parseCount),
    new Option('--decimal <character>', 'what stands before the decimals of numbers in a text')
      .choices(['.', ','])
      .default('.'),
    new Option('--encoding <name>', 'how what is read is encoded, such as latin1 (default: UTF-8)').argParser(
      parseEncoding,
    ),
  ];
}

/** What becomes of names, values and times. */
export function mappingOptions(): Option[] {
  return [
    new Option('--select <name>', 'a column or key that becomes a field, no other does (repeatable)')
      .argParser(addArgument)
      .default([], 'all'),
    new Option('--type <name=type>', `${FIELD_TYPES.join(', ')} (default: numbers are floats; repeatable)`)
      .argParser(addArgument)
      .default([], 'none'),
    new Option('--rename <name=new>', 'what a tag or field is to be called (repeatable)')
      .argParser(addArgument)
      .default([], 'as it is'),
    new Option(
      '--null <texts>',
      `what means that there is no value, with commas between (default: ${USUAL_NULLS.filter((text) => text !== '').join(',')})`,
    ).argParser(parseNulls),
    new Option('--time <name>', 'the one that holds the time (default: time, timestamp or @timestamp)'),
    new Option(
      '--precision <unit>',
      'the unit of numeric times, which is believed (default: ns for lp, else by their size)',
    ).choices(PRECISIONS),
    new Option('--time-format <tokens>', "how times are written, as Unicode has it: 'dd.MM.yyyy HH:mm:ss'"),
    new Option(
      '--time-zone <name>',
      'the zone of times that state none, such as Europe/Berlin (default: UTC)',
    ),
  ];
}

/**
 * Reads the flags as settings; what they say of tags and measurements differs from command to command.
 * @throws UsageError if they don't go together
 */
export function readingSettings(flags: ReadingFlags): ReadSettings {
  if (flags.timeFormat !== undefined && flags.precision !== undefined)
    throw new UsageError('--time-format is for dates and --precision for numbers: say one of them');
  return {
    ...USUAL_SETTINGS,
    selected: new Set(flags.select),
    types: typesOf(flags.type),
    newNames: newNamesOf(flags.rename),
    nulls: new Set(flags.null ?? USUAL_NULLS),
    decimal: flags.decimal,
    timeName: flags.time,
    precision: flags.precision,
    timeFormat: flags.timeFormat,
    timeZone: flags.timeZone,
    delimiter: flags.delimiter,
    skippedLines: flags.skipLines ?? 0,
    encoding: flags.encoding,
  };
}

function typesOf(texts: readonly string[]): Map<string, FieldType> {
  const types = new Map<string, FieldType>();
  for (const text of texts) {
    const at = text.lastIndexOf('=');
    const type = FIELD_TYPES.find((known) => known === text.slice(at + 1));
    if (at < 1 || type === undefined)
      throw new UsageError(`--type ${text}: expected a name and one of ${FIELD_TYPES.join(', ')}: snr=float`);
    types.set(text.slice(0, at), type);
  }
  return types;
}

function newNamesOf(texts: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const text of texts) {
    const [, name, newName] = /^(.+)=([^=]+)$/.exec(text) ?? [];
    if (name === undefined || newName === undefined)
      throw new UsageError(`--rename ${text}: expected the old name and the new one: host.name=host`);
    names.set(name, newName);
  }
  return names;
}

function parseDelimiter(text: string): string {
  const character = /^(?:\\t|tab)$/i.test(text) ? '\t' : text;
  if (character.length !== 1 || character === '"' || character === '\n' || character === '\r')
    throw new InvalidArgumentError("It must be one character, such as ';' ('\\t' is a tab).");
  return character;
}

function parseNulls(text: string): readonly string[] {
  return text.split(',').map((each) => each.trim());
}

function parseEncoding(name: string): string {
  if (!iconv.encodingExists(name))
    throw new InvalidArgumentError(
      'It is not known here; there are utf8, utf16, latin1, cp1252, cp850 and many more.',
    );
  return name;
}
