import type { FieldType } from './field-type.ts';
import type { Precision } from './times.ts';

/**
 * What a text may hold. `csv` has its kinds told apart by their heads (annotated, of the influx shell, any other), `tsv` is
 * CSV with tabs, `json` and `ndjson` are read alike, `table` is what the influx shell prints, `srpl` a stream recording
 * of Kapacitor.
 */
export const FORMATS = ['lp', 'csv', 'tsv', 'json', 'ndjson', 'table', 'srpl'] as const;
export type Format = (typeof FORMATS)[number];

/** What means that there is no value. */
export const USUAL_NULLS = ['', 'null', 'NULL', 'NaN', 'N/A', 'n/a', '-', '--'] as const;

/** How a text is read, and what its names and values stand for. A name is a CSV column, a JSON key or a group of a pattern. */
export interface ReadSettings {
  /** The measurement of points, whatever their text says; of no use for line protocol. */
  readonly measurement: string | undefined;
  /** The measurement of points whose text says none, where they need no other. */
  readonly usualMeasurement: string | undefined;
  /** Names whose values become tags. */
  readonly tagNames: ReadonlySet<string>;
  /** Names that become tags where a text has them and says nothing else of them. */
  readonly likelyTagNames: ReadonlySet<string>;
  /** Tags that every point gets, in place of its own of that name. */
  readonly fixedTags: ReadonlyMap<string, string>;
  /** Names whose values become fields, those below them (`attributes.unit` of `attributes`) too; empty: all others. */
  readonly selected: ReadonlySet<string>;
  readonly types: ReadonlyMap<string, FieldType>;
  /** What tags and fields are called in the points, by what they are called in the text. */
  readonly newNames: ReadonlyMap<string, string>;
  /** Texts that mean that there is no value. */
  readonly nulls: ReadonlySet<string>;
  /** What stands before the decimals of a number. */
  readonly decimal: '.' | ',';

  /** The name that holds the time; undefined: the one that is usual, if there is one. */
  readonly timeName: string | undefined;
  /** The unit of times that are numbers; undefined: nanoseconds in line protocol, else by their size. */
  readonly precision: Precision | undefined;
  /** How times are written, in Unicode's tokens (`dd.MM.yyyy HH:mm`); undefined: in one of the ways that are known. */
  readonly timeFormat: string | undefined;
  /** The IANA zone of times that state none; undefined: UTC. */
  readonly timeZone: string | undefined;
  /** Whether the points have times: a name that looks like one, and isn't said to be another thing, is asked about. */
  readonly isHistory: boolean;

  /** What stands between two columns of CSV; undefined: what its header shows. */
  readonly delimiter: string | undefined;
  /** How many lines stand before the header of CSV. */
  readonly skippedLines: number;
  /** Whether unsigned integers of line protocol (`1u`) are taken: Kapacitor alone has none, others decide themselves. */
  readonly takesUnsigned: boolean;
  /** The encoding of a text without a byte order mark; undefined: UTF-8. */
  readonly encoding: string | undefined;
}

/** What holds where nothing is said. */
export const USUAL_SETTINGS: ReadSettings = {
  measurement: undefined,
  usualMeasurement: undefined,
  tagNames: new Set(),
  likelyTagNames: new Set(),
  fixedTags: new Map(),
  selected: new Set(),
  types: new Map(),
  newNames: new Map(),
  nulls: new Set(USUAL_NULLS),
  decimal: '.',
  timeName: undefined,
  precision: undefined,
  timeFormat: undefined,
  timeZone: undefined,
  isHistory: true,
  delimiter: undefined,
  skippedLines: 0,
  takesUnsigned: false,
  encoding: undefined,
};

/** The settings that say what names stand for, which are of no use where the text says that itself. */
export type NamingSetting = 'measurement' | 'tag' | 'time' | 'type' | 'rename' | 'select' | 'timeFormat';

/** The first of them that is given. */
export function namingSetting(settings: ReadSettings): NamingSetting | undefined {
  const { measurement, newNames, selected, tagNames, timeFormat, timeName, types } = settings;
  if (measurement !== undefined) return 'measurement';
  if (tagNames.size > 0) return 'tag';
  if (timeName !== undefined) return 'time';
  if (types.size > 0) return 'type';
  if (newNames.size > 0) return 'rename';
  if (selected.size > 0) return 'select';
  return timeFormat === undefined ? undefined : 'timeFormat';
}
