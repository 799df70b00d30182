import { schemaTypes, type TypeByName } from '../../wire/schema.ts';
import { FLAG, type Layout } from './groups.ts';

// What the writer and the reader of snapshots agree on; proto/snapshot.proto has the rest.

/** What is written. */
export const VERSION = 2;
/** What is read; version 1 is the same without what `silent` needs. */
export const READ_VERSIONS: readonly number[] = [1, VERSION];

/** The field `crc32`: its tag and four bytes. */
export const CRC_TAG = (15 << 3) | 5;
export const CRC_BYTES = 5;
export const GROUPS_TAG = (5 << 3) | 2;

/** The flags that are stored; the others follow from the rest. */
export const STORED_FLAGS = FLAG.emitted | FLAG.hasPrevious | FLAG.hasEmitted | FLAG.owed | FLAG.silent;

/** The message types of a snapshot, by name. */
export const snapshotTypes: TypeByName = schemaTypes('snapshot.proto', 'edgedetect');

/** The columns of int64 and where a record has them. */
export const TIME_COLUMNS = [
  ['newest', 'newest'],
  ['began', 'began'],
  ['lasted', 'lasted'],
  ['counts', 'count'],
  ['made', 'made'],
] as const satisfies readonly (readonly [string, keyof Layout])[];
