import { Wording } from './wording.ts';

/** What a person did wrong, as the command line says it: one line on stderr that says what to do, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What can be wrong with what somebody gave: a setting, or the data that it names. A closed list. */
export const INPUT_ERROR_CODES = [
  /** Text that is no line protocol. */
  'BAD_LINE',
  /** A recording that is damaged, cut off, or none. */
  'BAD_RECORDING',
  /** An option of a function that is none, or not written as a TICKscript has it. */
  'BAD_OPTION',
  /** A regular expression that is none, or of no use. */
  'BAD_PATTERN',
  /** A command to be run that is none. */
  'BAD_COMMAND',
  /** Records (CSV, JSON) that cannot be read on. */
  'BAD_RECORDS',
  /** A text that is no value of the type it should have. */
  'BAD_VALUE',
  /** A time that is none, or outside of what can be held. */
  'BAD_TIME',
  /** Data of a format that can't be read, or can't be told. */
  'UNKNOWN_FORMAT',
  /** A setting that is of no use beside the others, or for the data. */
  'BAD_SETTING',
  /** A name that the data doesn't have. */
  'UNKNOWN_NAME',
  /** Points of which nobody has said what measurement they belong to. */
  'NO_MEASUREMENT',
  'FILE_NOT_FOUND',
  /** A file that is there and cannot be read, a folder among them. */
  'FILE_UNREADABLE',
  /** Text that is not UTF-8. */
  'NOT_UTF8',
] as const;

export type InputErrorCode = (typeof INPUT_ERROR_CODES)[number];

/** An error whose text may name settings. Its message has the words of the process. */
export abstract class WordedError extends Error {
  readonly wording: Wording;

  constructor(text: string | Wording, options?: ErrorOptions) {
    super(String(text), options);
    this.wording = typeof text === 'string' ? new Wording([text]) : text;
  }
}

/** Something that was given is wrong; giving the same again leads to the same. */
export class InputError extends WordedError {
  override readonly name = 'InputError';
  readonly code: InputErrorCode;

  constructor(code: InputErrorCode, text: string | Wording, options?: ErrorOptions) {
    super(text, options);
    this.code = code;
  }
}

/** What the machine or another program refused; another time it may work. */
export class OperationError extends WordedError {
  override readonly name: string = 'OperationError';
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The text of whatever was thrown, for a {@link wording} around it. */
export function wordingOf(error: unknown): string | Wording {
  return error instanceof WordedError ? error.wording : messageOf(error);
}

/** The code of a system error (`ENOENT`), or undefined. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
