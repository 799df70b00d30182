import type { FieldValue } from '../../line-protocol/parser.ts';

export const FIELD_TYPES = ['float', 'int', 'bool', 'string', 'ignore'] as const;
export type FieldType = (typeof FIELD_TYPES)[number];
/** The types that a field can have; `ignore` leaves it out. */
export type ValueType = Exclude<FieldType, 'ignore'>;

const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INTEGER = /^[+-]?\d+$/;
const TRUE = /^(?:true|t|1)$/i;
const FALSE = /^(?:false|f|0)$/i;
/** A number with a decimal comma, its thousands apart or not. */
const COMMA_NUMBER = /^([+-]?(?:\d{1,3}(?:[.\u00a0\u202f' ]\d{3})+|\d+))(?:,(\d+))?(e[+-]?\d+)?$/i;

/** Whether this looks like a number with a decimal comma. */
export function hasDecimalComma(text: string): boolean {
  return text.includes(',') && COMMA_NUMBER.test(text);
}

/** The text of a number as programs write it; undefined if it is none with such decimals. */
function plainNumber(text: string, decimal: '.' | ','): string | undefined {
  if (decimal === '.') return FLOAT.test(text) ? text : undefined;
  const [match, whole = '', fraction = '', exponent = ''] = COMMA_NUMBER.exec(text) ?? [];
  if (match === undefined) return undefined;
  return `${whole.replace(/[^\d+-]/g, '')}${fraction && `.${fraction}`}${exponent}`;
}

/** What a text without a declared type looks like. A whole number is a float, since the next one may not be whole. */
export function inferType(text: string, decimal: '.' | ',' = '.'): ValueType {
  if (plainNumber(text, decimal) !== undefined) return 'float';
  return /^(?:true|false)$/i.test(text) ? 'bool' : 'string';
}

/**
 * Reads a text as a value of the type.
 * @param decimal what stands before the decimals of numbers
 * @returns undefined if it is none
 */
export function typedValue(text: string, type: ValueType, decimal: '.' | ',' = '.'): FieldValue | undefined {
  if (type === 'string') return text;
  if (type === 'bool') {
    if (TRUE.test(text)) return true;
    return FALSE.test(text) ? false : undefined;
  }
  const number = plainNumber(text, decimal);
  if (number === undefined) return undefined;
  if (type === 'float') {
    const value = Number(number);
    return Number.isFinite(value) ? value : undefined;
  }
  if (!INTEGER.test(number)) return undefined;
  const value = BigInt(number.replace('+', ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
