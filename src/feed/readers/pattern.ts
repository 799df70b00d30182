import { UsageError } from '../../errors.ts';
import type { Reader, Reading } from '../reading.ts';
import type { Cell, RecordMapper } from './record-mapper.ts';

/** Takes a text apart by a regular expression with named groups. What does not match gives nothing. */
export class PatternReader implements Reader {
  readonly #mapper: RecordMapper;
  readonly #pattern: RegExp;
  readonly #isPerLine: boolean;
  #text = '';

  /** @param isPerLine whether each line may match and give a point; else the first match of the text gives one */
  constructor(mapper: RecordMapper, pattern: RegExp, isPerLine: boolean) {
    this.#mapper = mapper;
    this.#pattern = pattern;
    this.#isPerLine = isPerLine;
  }

  push(text: string): readonly Reading[] {
    this.#text += text;
    return [];
  }

  end(): readonly Reading[] {
    // Devices asked over telnet or ssh end their lines with both characters, and `$` would stand after the first.
    const text = this.#text.replaceAll('\r\n', '\n').trimEnd();
    const parts = this.#isPerLine ? text.split('\n') : [text];
    return parts.flatMap((part) => this.#read(part));
  }

  #read(text: string): Reading[] {
    const match = this.#pattern.exec(text);
    if (match === null) return [];
    const record = new Map<string, Cell>();
    for (const [name, value] of Object.entries(match.groups ?? {}))
      if (value !== undefined) record.set(name, { kind: 'text', text: value });
    return [this.#mapper.read(record, text)];
  }
}

/**
 * Reads a regular expression; in it `^` and `$` stand for the ends of lines.
 * @throws UsageError if it is none, or has no named group
 */
export function parsePattern(source: string): RegExp {
  let pattern: RegExp;
  try {
    pattern = new RegExp(source, 'mu');
  } catch (error) {
    throw new UsageError(`--pattern: ${error instanceof Error ? error.message : error}`);
  }
  if (groupNames(pattern).length === 0)
    throw new UsageError(
      '--pattern has no named group such as (?<state>\\w+), so nothing would become a field',
    );
  return pattern;
}

/** The names of the groups of a regular expression. */
export function groupNames(pattern: RegExp): string[] {
  // With an empty alternative it matches anything, and then tells its groups.
  return Object.keys(new RegExp(`${pattern.source}|`, pattern.flags).exec('')?.groups ?? {});
}
