import { InputError } from '../../errors.ts';
import { LineParser } from '../../line-protocol/parser.ts';
import { setting, wording } from '../../wording.ts';
import { REJECTION_MARK } from '../reading.ts';
import { countOf } from './delimiter.ts';
import { shownValue } from './notes.ts';
import type { Format } from './settings.ts';

/** What files that are no text begin with. */
const SIGNATURES: readonly (readonly [what: string, isIt: (head: Buffer) => boolean, advice: string])[] = [
  [
    'an Excel workbook (xlsx)',
    (head) => isZip(head) && /xl\/|\[Content_Types\]/.test(latin1(head)),
    'save the sheet as CSV',
  ],
  [
    'an OpenDocument file',
    (head) => isZip(head) && latin1(head).includes('opendocument'),
    'save the sheet as CSV',
  ],
  ['a zip archive', isZip, 'unpack it (a batch recording of Kapacitor, .brpl, can be replayed as it is)'],
  ['an old Excel workbook (xls)', begins(0xd0, 0xcf, 0x11, 0xe0), 'save the sheet as CSV'],
  ['gzip within gzip', begins(0x1f, 0x8b), 'unpack it once'],
  ['a bzip2 file', (head) => /^BZh[1-9]1AY/.test(latin1(head)), 'unpack it: bunzip2'],
  ['an xz file', begins(0xfd, 0x37, 0x7a, 0x58, 0x5a), 'unpack it: unxz'],
  ['a zstd file', begins(0x28, 0xb5, 0x2f, 0xfd), 'unpack it: unzstd'],
  ['a 7z archive', begins(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c), 'unpack it'],
  ['a rar archive', starts('Rar!'), 'unpack it'],
  ['an lz4 file', begins(0x04, 0x22, 0x4d, 0x18), 'unpack it: unlz4'],
  ['a tar archive', (head) => head.subarray(257, 262).toString('latin1') === 'ustar', 'unpack it: tar -xf'],
  [
    'an SQLite database',
    starts('SQLite format 3\0'),
    'export its table as CSV: sqlite3 -header -csv FILE "select …"',
  ],
  ['a Parquet file', starts('PAR1'), 'convert it to CSV'],
  ['an Avro file', starts('Obj\u0001'), 'convert it to JSON'],
  ["a file of InfluxDB's storage (tsm)", begins(0x16, 0xd1, 0x16, 0xd1), 'export it: influx_inspect export'],
  ['a PDF', starts('%PDF'), 'export the table that it was made of'],
  [
    'a picture',
    (head) => /^(?:\u0089PNG|GIF8|\u00ff\u00d8\u00ff|RIFF....WEBP)/s.test(latin1(head)),
    'name a file with points',
  ],
  ['a program', (head) => /^(?:\u007fELF|MZ\u0090)/.test(latin1(head)), 'name a file with points'],
];
/** Where control characters are so many of the first bytes, it is no text. */
const MAX_CONTROL_SHARE = 0.1;
/** So many lines tell what a text holds. */
const HEAD_LINES = 20;
/** What line protocol looks like, also where it is not quite right. */
const LIKE_A_LINE =
  /^(?![#[{"])(?:[^\s,=\\]|\\.)+(?:,(?:[^\s,=\\]|\\.)+=(?:[^\s,\\]|\\.)+)*[ \t]+(?:[^\s,=\\]|\\.)+=\S/;
const STATEMENT = /^(?:CREATE|DROP|ALTER)\s+(?:DATABASE|RETENTION)\b/i;

/**
 * Refuses bytes that are no text.
 * @param name what the messages begin with
 * @param isEncodingSaid whether somebody has said how bytes become text
 * @throws InputError that says what they seem to be
 */
export function refuseBinary(head: Buffer, name: string, isEncodingSaid: boolean): void {
  for (const [what, isIt, advice] of SIGNATURES)
    if (isIt(head))
      throw new InputError('UNKNOWN_FORMAT', `${name}: this is ${what}, by its first bytes: ${advice}`);
  if (isEncodingSaid || hasUtf16Mark(head)) return;
  let zeros = 0;
  let controls = 0;
  for (const byte of head) {
    if (byte === 0) zeros++;
    else if (
      byte < 0x20 &&
      byte !== 0x09 &&
      byte !== 0x0a &&
      byte !== 0x0d &&
      byte !== 0x1b &&
      byte !== 0x1e &&
      byte !== 0x08
    )
      controls++;
  }
  if (zeros > head.length * 0.3 && controls < head.length * MAX_CONTROL_SHARE)
    throw new InputError(
      'UNKNOWN_FORMAT',
      wording`${name}: this looks like UTF-16 without a byte order mark, by the zeros in it: say ${setting('encoding')} utf-16${head[0] === 0 ? 'be' : 'le'}`,
    );
  if (zeros > 0 || controls > head.length * MAX_CONTROL_SHARE)
    throw new InputError(
      'UNKNOWN_FORMAT',
      wording`${name}: this is no text, by the control characters in it; if it is, ${setting('encoding')} says how it is written`,
    );
}

/** What a text was taken for. */
export interface Recognition {
  readonly format: Format;
  /** What told it, where that is not what was expected. */
  readonly note: string | undefined;
}

/**
 * Finds out what a text holds, by its beginning and the name of its file.
 * @param head its first lines, whole ones where there are several
 * @param name what the messages begin with
 * @throws InputError that says what it seems to be, if it is none of what can be read
 */
export function recognise(head: string, name: string, file: string | undefined): Recognition {
  const named = file === undefined ? undefined : formatOfName(file);
  const shown = formatOfText(head, true);
  // Lines that were cut off might be names before a point.
  const seen = shown === 'srpl' && named !== undefined ? named : shown;
  const format = seen ?? named;
  if (format === undefined) {
    const first = linesOf(head)[0] ?? '';
    throw new InputError(
      'UNKNOWN_FORMAT',
      wording`${name}: ${oddityOf(head) ?? `this is neither line protocol nor JSON nor CSV, by its first line ${shownValue(first)}`}; ${setting('format')} says what it is`,
    );
  }
  const isAsNamed = seen === undefined || named === undefined || familyOf(seen) === familyOf(named);
  const note = isAsNamed ? undefined : `${name}: read as ${seen}, by what it holds`;
  // CSV has its delimiter found, and what a name says of JSON is no more than what it shows.
  return { format, note };
}

/** The format that a file's name tells, whether gzipped or not. */
export function formatOfName(file: string): Format | undefined {
  const extension = /\.([^.]+)$/.exec(file.replace(/\.gz$/i, ''))?.[1]?.toLowerCase();
  switch (extension) {
    case 'csv':
    case 'tsv':
    case 'json':
    case 'ndjson':
    case 'srpl':
    case 'lp':
      return extension;
    case 'tab':
      return 'tsv';
    case 'jsonl':
      return 'ndjson';
    case 'line':
    case 'influx':
      return 'lp';
    default:
      return undefined;
  }
}

/**
 * The format that a text shows; undefined if it shows none.
 * @param isAll whether there will be no more lines, or so many that they tell nothing new
 */
export function formatOfText(head: string, isAll: boolean): Format | undefined {
  const lines = linesOf(head);
  const [first] = lines;
  if (first === undefined) return isAll && /^\s*#/.test(head) ? 'lp' : undefined;
  const text = head.slice(head.indexOf(first));
  if (/^\s*(?:\{\s*(?:["}]|$)|\[\s*(?:[[\]{]|$))/.test(text)) return 'json';
  if (isTable(lines)) return 'table';
  if (/^#(?:group|datatype|default|constant)\b/.test(first)) return 'csv';
  if (/^"?sep=/i.test(first)) return 'csv';
  if (lines.some((line) => isLine(line)) || STATEMENT.test(first)) return isTriples(lines) ? 'srpl' : 'lp';
  if (oddityOf(head) !== undefined) return undefined;
  // The lines below tell a table from anything else.
  if (!isAll && lines.length < HEAD_LINES && lines.some((line) => /^name: ./.test(line))) return undefined;
  // Line protocol that is wrong in every line, as with times of another unit, has commas as CSV has.
  if (lines.every((line) => LIKE_A_LINE.test(line))) return 'lp';
  if (isCsv(lines)) return 'csv';
  return lines.some((line) => LIKE_A_LINE.test(line)) ? 'lp' : undefined;
}

function familyOf(format: Format): string {
  if (format === 'tsv') return 'csv';
  return format === 'ndjson' ? 'json' : format;
}

/** The first lines that say something. */
function linesOf(head: string): string[] {
  return head
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .filter(
      (line) =>
        line.trim() !== '' &&
        !line.startsWith(REJECTION_MARK) &&
        !/^\s*#(?!group|datatype|default|constant)/.test(line),
    )
    .slice(0, HEAD_LINES);
}

/** Texts that have a name, and that nothing can be made of. */
function oddityOf(head: string): string | undefined {
  const start = head.replace(/^\uFEFF/, '').trimStart();
  if (/^<(?:!doctype html|html|head|body)\b/i.test(start))
    return 'this is a web page (HTML), perhaps one that asks to log in';
  if (/^<\?xml|^<[a-z][\w:-]*[\s>]/i.test(start)) return 'this is XML';
  if (/^Result: .*\n+Table: keys: /.test(start))
    return 'this is a table that Flux prints for people: ask for CSV (influx query --raw)';
  if (/^(?:---\s*\n|%YAML)/.test(start)) return 'this is YAML';
  if (/^-----BEGIN /.test(start)) return 'this is a key or certificate';
  if (/^\{\\rtf/.test(start)) return 'this is rich text (RTF)';
  return undefined;
}

function isTable(lines: readonly string[]): boolean {
  const at = lines.findIndex((line) => /^name: ./.test(line));
  return at >= 0 && lines.slice(at + 1, at + 5).some((line) => /^-+(?: +-+)*\s*$/.test(line));
}

/** Whether a line is line protocol, whatever a parser has against its values. */
function isLine(line: string): boolean {
  try {
    return new LineParser(line, { file: '', line: 1 }, true).next() !== undefined;
  } catch {
    return false;
  }
}

/** Database, retention policy, point, one after another. */
function isTriples(lines: readonly string[]): boolean {
  const [database = '', retentionPolicy = '', point = '', nextDatabase] = lines;
  const areNames = [database, retentionPolicy, nextDatabase].every(
    (name) => name === undefined || !/[=,{"#]/.test(name),
  );
  return areNames && !STATEMENT.test(retentionPolicy) && isLine(point);
}

/** Whether lines have the same number of columns, more than one. */
function isCsv(lines: readonly string[]): boolean {
  const [header = '', ...rows] = lines;
  return [',', ';', '\t', '|'].some((delimiter) => {
    const count = countOf(header, delimiter);
    if (count === 0) return false;
    // Sentences have commas, too; but not as many in each line, and they end.
    const same = rows.filter((row) => countOf(row, delimiter) === count).length;
    return rows.length === 0 ? !/[.!?:]$/.test(header) : same * 2 >= rows.length;
  });
}

function isZip(head: Buffer): boolean {
  return begins(0x50, 0x4b, 0x03, 0x04)(head) || begins(0x50, 0x4b, 0x05, 0x06)(head);
}

function hasUtf16Mark(head: Buffer): boolean {
  return (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff);
}

function begins(...bytes: readonly number[]): (head: Buffer) => boolean {
  return (head) => bytes.every((byte, at) => head[at] === byte);
}

function starts(text: string): (head: Buffer) => boolean {
  return (head) => latin1(head.subarray(0, text.length)) === text;
}

function latin1(bytes: Buffer): string {
  return bytes.toString('latin1');
}
