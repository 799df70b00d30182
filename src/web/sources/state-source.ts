/** A field's value as a source gives it: an integer beyond what a number holds exactly is a bigint. */
export type CellValue = string | number | boolean | bigint;

/** Which points are meant. */
export interface Selection {
  readonly database: string;
  /** Undefined: the database's default. */
  readonly policy: string | undefined;
  readonly measurement: string;
  readonly fields: readonly string[];
  /** Points are told apart by these tags. */
  readonly group: readonly string[];
  /** Of one tag any of its values, of several tags all. */
  readonly where: ReadonlyMap<string, readonly string[]>;
  /** The first time that counts, in nanoseconds since the epoch; undefined: from the first point on. */
  readonly fromNs: bigint | undefined;
  /** The first time that no longer counts; undefined: up to the last point. */
  readonly toNs: bigint | undefined;
  /** Only points whose first field has another value than this. */
  readonly except?: CellValue;
}

/** One point; it has at least one of the fields. */
export interface Row {
  readonly timeNs: bigint;
  /** The values of {@link Selection.group}, in its order; empty where the point lacks the tag. */
  readonly tags: readonly string[];
  /** The values of {@link Selection.fields}, in its order; null where the point lacks the field. */
  readonly values: readonly (CellValue | null)[];
}

export type FieldType = 'string' | 'boolean' | 'integer' | 'float';

/** What a measurement has. */
export interface Described {
  readonly database: string;
  readonly measurement: string;
  readonly fields: readonly { readonly name: string; readonly type: FieldType }[];
  readonly tags: readonly string[];
}

/**
 * Where states lie: InfluxDB, or the memory of a demonstration. A signal that aborts ends the query at the source too.
 * All methods throw SourceError.
 */
export interface StateSource {
  /** For people: `InfluxDB 1.8.10 at http://nas:8086`. Holds no credentials. */
  readonly name: string;
  /** @param database undefined: of every database */
  describe(database: string | undefined, signal: AbortSignal): Promise<readonly Described[]>;
  /** Rows group by group, in each group by time, in pieces of some thousand; a piece may hold several groups. */
  byGroup(selection: Selection, signal: AbortSignal): AsyncIterable<readonly Row[]>;
  /** Rows of all groups by time, in pieces of some thousand. */
  byTime(selection: Selection, signal: AbortSignal): AsyncIterable<readonly Row[]>;
  /** The first row of each group. */
  first(selection: Selection, signal: AbortSignal): Promise<readonly Row[]>;
  /** The last row of each group. */
  last(selection: Selection, signal: AbortSignal): Promise<readonly Row[]>;
  /**
   * Writes lines of line protocol, each with its time in nanoseconds; what is there at the same time is replaced.
   * @throws Refusal (feed/targets/target.ts) if some of them are not taken
   */
  write(target: WriteTarget, lines: readonly string[], signal: AbortSignal): Promise<void>;
  /** Whether it answers, for `/readyz`. */
  ping(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface WriteTarget {
  readonly database: string;
  readonly policy: string | undefined;
}

export type SourceFault = 'away' | 'refuses' | 'too-slow' | 'not-found';

/** A source that can't answer; the text is a sentence for people, without credentials. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly fault: SourceFault;

  constructor(fault: SourceFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}
