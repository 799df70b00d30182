import { InputError } from '../../errors.ts';
import type { FieldValue } from '../../line-protocol/parser.ts';

export const FIELD_TYPES = ['float', 'int', 'bool', 'string', 'ignore'] as const;
export type FieldType = (typeof FIELD_TYPES)[number];
/** The types that a field can have; `ignore` leaves it out. */
export type ValueType = Exclude<FieldType, 'ignore'>;

const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INTEGER = /^[+-]?\d+$/;
const TRUE = /^(?:true|t|1)$/i;
const FALSE = /^(?:false|f|0)$/i;

/** What a text without a declared type looks like. A whole number is a float, since the next one may not be whole. */
export function inferType(text: string): ValueType {
  if (FLOAT.test(text)) return 'float';
  return /^(?:true|false)$/i.test(text) ? 'bool' : 'string';
}

/**
 * Reads a text as a value of the type.
 * @throws InputError if it is none
 */
export function parseValue(text: string, type: ValueType): FieldValue {
  switch (type) {
    case 'string':
      return text;
    case 'bool':
      if (TRUE.test(text)) return true;
      if (FALSE.test(text)) return false;
      break;
    case 'int':
      if (INTEGER.test(text)) {
        const value = BigInt(text.replace('+', ''));
        if (BigInt.asIntN(64, value) === value) return value;
      }
      break;
    case 'float':
      if (FLOAT.test(text)) {
        const value = Number(text);
        if (Number.isFinite(value)) return value;
      }
      break;
  }
  throw new InputError('BAD_VALUE', `'${text}' is no ${type}`);
}
