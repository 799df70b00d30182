import { messageOf } from '../errors.ts';
import { type FieldValue, type LinePoint, parseLine } from '../line-protocol/parser.ts';
import { parseDuration } from '../tickscript/durations.ts';
import { parseCaseTime } from './times.ts';

/** A point of a case whose time is known. */
export interface TimedPoint extends LinePoint {
  readonly time: bigint;
}

/** A text of a case that can't be meant; the caller knows where in the file it stands. */
export class CaseTextError extends Error {
  override readonly name = 'CaseTextError';
}

/**
 * Reads lines of line protocol whose times may be relative.
 * @throws CaseTextError with the line and what was expected
 */
export function parsePoints(lines: string | readonly string[], startNs: bigint): TimedPoint[] {
  const texts = typeof lines === 'string' ? lines.split('\n') : lines;
  const points: TimedPoint[] = [];
  texts.forEach((line, index) => {
    const text = line.trim();
    if (text !== '' && !text.startsWith('#')) points.push(parsePoint(text, index + 1, startNs));
  });
  return points;
}

function parsePoint(text: string, number: number, startNs: bigint): TimedPoint {
  const [, head, relative] = /^(.*\S)\s+([+-]\d+\D\S*)$/.exec(text) ?? [];
  const time = relative === undefined ? undefined : parseCaseTime(relative, startNs);
  if (relative !== undefined && time === undefined)
    throw new CaseTextError(`line ${number}: '${relative}' is no time such as +90s or +1m30s`);
  let point: LinePoint;
  try {
    point = parseLine(head !== undefined && time !== undefined ? head : text, { file: 'data', line: number });
  } catch (error) {
    throw new CaseTextError(messageOf(error).replace(/^data:/, 'line '));
  }
  const known = time ?? point.time;
  if (known === undefined) throw new CaseTextError(`line ${number}: a point needs a time: ${text} +0s`);
  return { ...point, time: known };
}

/** A field's value as line protocol writes it, or as people write a text without quotes. */
function writtenValue(text: string): FieldValue {
  try {
    const value = parseLine(`m v=${text}`, { file: 'a value', line: 1 }).fields.get('v');
    // Line protocol's t and f are states here.
    if (value !== undefined && !(typeof value === 'boolean' && text.length === 1)) return value;
  } catch {
    // A text.
  }
  return text;
}

const RUN = /^(.+?)(?:\s+x\s?(\d+))?$/;
const TAIL = /\s+every\s+(\S+)(?:\s+from\s+(\S+))?(?:\s+for\s+(\S+))?(?:\s+from\s+(\S+))?\s*$/;
const MAX_GENERATED = 1_000_000;

/**
 * Makes points from a description such as
 * `adsl_connection value: SHOWTIME x5, TRAINING x3 every 90s from +10s for host=router{1..3},site=a`.
 * @throws CaseTextError that says what was expected
 */
export function generatePoints(text: string, startNs: bigint): TimedPoint[] {
  const [, measurement, field, rest] = /^\s*(\S+)\s+(\S+):\s*(.+)$/s.exec(text) ?? [];
  const tail = TAIL.exec(rest ?? '');
  if (measurement === undefined || field === undefined || rest === undefined || tail === null)
    throw new CaseTextError(
      `'${text}': expected MEASUREMENT FIELD: VALUE x5, VALUE x3 every 90s [from +0s] [for host=router{1..3}]`,
    );
  const [, every = '', fromBefore, tags = '', fromBehind] = tail;
  const everyNs = parseDuration(every);
  const firstNs = parseCaseTime(fromBehind ?? fromBefore ?? '+0s', startNs);
  if (everyNs === undefined || firstNs === undefined)
    throw new CaseTextError(
      `'${text}': ${everyNs === undefined ? every : (fromBehind ?? fromBefore)} is no duration`,
    );
  const values: FieldValue[] = [];
  for (const part of rest.slice(0, tail.index).split(',')) {
    const [, value = '', count = '1'] = RUN.exec(part.trim()) ?? [];
    for (let n = 0; n < Number(count); n++) values.push(writtenValue(value));
    if (values.length > MAX_GENERATED)
      throw new CaseTextError(`'${text}': more than ${MAX_GENERATED} points`);
  }
  const groups = tagSets(tags);
  return values.flatMap((value, index) =>
    groups.map((group) => ({
      measurement,
      tags: group,
      fields: new Map([[field, value]]),
      time: firstNs + everyNs * BigInt(index),
    })),
  );
}

/** Every combination of `host=router{1..3},site=a`. */
function tagSets(text: string): ReadonlyMap<string, string>[] {
  let sets: ReadonlyMap<string, string>[] = [new Map()];
  for (const part of text.split(/,(?![^{]*\})/).filter((each) => each !== '')) {
    const at = part.indexOf('=');
    if (at <= 0) throw new CaseTextError(`'${part}': expected TAG=VALUE, for instance host=router{1..3}`);
    const values = expanded(part.slice(at + 1));
    sets = sets.flatMap((set) => values.map((value) => new Map([...set, [part.slice(0, at), value]])));
  }
  return sets;
}

/** `a{1..3}` is a1, a2, a3; `{x,y}` is x, y. */
function expanded(text: string): string[] {
  const [, before = '', inside, behind = ''] = /^([^{]*)\{([^}]*)\}(.*)$/.exec(text) ?? [];
  if (inside === undefined) return [text];
  const [, first, last] = /^(\d+)\.\.(\d+)$/.exec(inside) ?? [];
  const options =
    first === undefined || last === undefined
      ? inside.split(',')
      : Array.from({ length: Math.max(0, Number(last) - Number(first) + 1) }, (_, n) =>
          String(Number(first) + n).padStart(first.startsWith('0') ? first.length : 0, '0'),
        );
  return options.flatMap((option) => expanded(behind).map((tail) => before + option + tail));
}
