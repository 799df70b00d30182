// A Point as Kapacitor's Go writes it: fields in the order of their numbers, map entries in any order.
//
//   1 time  2 name  3 database  4 retentionPolicy  5 group  6 dimensions*  7 tags*
//   8 fieldsDouble*  9 fieldsInt*  10 fieldsString*  11 byName  12 fieldsBool*
//
//   map entry := tag length ( 0x0a length key ) ( value )     either may be missing: it is the default then
//
// Another writer may order all of it differently.

/** The numbers of a point's fields. */
export const NAME = 2;
export const DATABASE = 3;
export const RETENTION_POLICY = 4;
export const GROUP = 5;
export const DIMENSIONS = 6;
export const TAGS = 7;
export const DOUBLES = 8;
export const INTS = 9;
export const STRINGS = 10;
export const BY_NAME = 11;
export const BOOLS = 12;

/** What is found of a key: nothing, or a value of one of Kapacitor's four types. A tag is a string. */
export const KIND = { none: 0, int: 1, float: 2, string: 3, bool: 4 } as const;

/** A field's value: an int64 is a bigint, a double a number. */
export type FieldValue = bigint | number | string | boolean;

/** A decoded copy of a point. */
export interface Point {
  readonly time: bigint;
  readonly name: string;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly group: string;
  readonly dimensions: readonly string[];
  readonly byName: boolean;
  readonly tags: ReadonlyMap<string, string>;
  readonly fields: ReadonlyMap<string, FieldValue>;
}
