import type { FieldType } from './field-type.ts';
import type { Precision } from './times.ts';

/** What a text may hold; `srpl` is a stream recording of Kapacitor. */
export const FORMATS = ['lp', 'csv', 'ndjson', 'srpl'] as const;
export type Format = (typeof FORMATS)[number];

/** What the names and values of a text stand for. A name is a CSV column, a JSON key or a group of a pattern. */
export interface ReadSettings {
  /** The measurement of points whose text doesn't say one; line protocol and Telegraf's JSON do. */
  readonly measurement: string | undefined;
  /** Names whose values become tags. */
  readonly tagNames: ReadonlySet<string>;
  /** Tags that every point gets, in place of its own of that name. */
  readonly fixedTags: ReadonlyMap<string, string>;
  /** The name that holds the time; undefined: the one that is usual, if there is one. */
  readonly timeName: string | undefined;
  /** The unit of times that are numbers; undefined: nanoseconds in line protocol, else by their size. */
  readonly precision: Precision | undefined;
  readonly types: ReadonlyMap<string, FieldType>;
  /** What tags and fields are called in the points, by what they are called in the text. */
  readonly newNames: ReadonlyMap<string, string>;
  /** What stands between two columns of CSV. */
  readonly delimiter: string;
  /** Whether unsigned integers of line protocol (`1u`) are taken: Kapacitor alone has none, others decide themselves. */
  readonly takesUnsigned: boolean;
}

/** What holds where nothing is said. */
export const USUAL_SETTINGS: ReadSettings = {
  measurement: undefined,
  tagNames: new Set(),
  fixedTags: new Map(),
  timeName: undefined,
  precision: undefined,
  types: new Map(),
  newNames: new Map(),
  delimiter: ',',
  takesUnsigned: false,
};

/** The settings that say what names stand for, which are of no use where the text says that itself. */
export type NamingSetting = 'measurement' | 'tag' | 'time' | 'type' | 'rename';

/** The first of them that is given. */
export function namingSetting(settings: ReadSettings): NamingSetting | undefined {
  const { measurement, newNames, tagNames, timeName, types } = settings;
  if (measurement !== undefined) return 'measurement';
  if (tagNames.size > 0) return 'tag';
  if (timeName !== undefined) return 'time';
  if (types.size > 0) return 'type';
  return newNames.size > 0 ? 'rename' : undefined;
}
