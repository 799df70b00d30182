import type { LinePoint } from '../line-protocol/parser.ts';

/** A point as it was read: line protocol without its timestamp, and the timestamp if it has one. */
export interface PointReading {
  readonly kind: 'point';
  readonly text: string;
  /** Nanoseconds since the epoch; undefined: the point is of the moment at which it was read. */
  readonly timeNs: bigint | undefined;
  /** The record that it was made of; undefined where that is line protocol itself. */
  readonly origin?: Origin | undefined;
  /** Where the text says that it belongs. */
  readonly place?: Place | undefined;
}

/** A point that a reader has taken apart. */
export interface ReadPoint extends PointReading {
  /** The point without its time. */
  readonly point: Omit<LinePoint, 'time'>;
}

/** A record that is no point, and why. */
export interface RefusedReading {
  readonly kind: 'refused';
  readonly record: string;
  readonly reason: string;
  /** As in {@link Origin}. */
  readonly head: string;
}

/** A record that is well, but has no value in any field. */
export interface EmptyReading {
  readonly kind: 'empty';
}

export type Reading = PointReading | RefusedReading | EmptyReading;
/** What readers give. */
export type ReaderReading = ReadPoint | RefusedReading | EmptyReading;

/** A record as it stood in its text. */
export interface Origin {
  readonly record: string;
  /** What must stand before such records for a reader to understand them: the header of CSV. */
  readonly head: string;
}

/** A database and a retention policy of InfluxDB. */
export interface Place {
  readonly database: string;
  readonly retentionPolicy: string;
}

/** Takes the text of a file or of a program's output apart, in pieces cut anywhere. */
export interface Reader {
  /** @returns what has become complete with this piece, in order */
  push(text: string): readonly ReaderReading[];
  /** @returns what is held back although it is complete: more that would tell of its types may not come soon */
  settle?(): readonly ReaderReading[];
  /** @returns what was left; to be called once, at the end */
  end(): readonly ReaderReading[];
}

/** The longest record taken, in characters: a quote never closed must not fill the memory. */
export const MAX_RECORD_LENGTH = 1_048_576;

/** What begins a line that tells why the record below it was refused; every reader passes over it. */
export const REJECTION_MARK = '# rejected: ';

export function refused(record: string, reason: string, head = ''): RefusedReading {
  return { kind: 'refused', record, reason, head };
}
