/** A point as it was read: line protocol without its timestamp, and the timestamp if it has one. */
export interface PointReading {
  readonly kind: 'point';
  readonly text: string;
  /** Nanoseconds since the epoch; undefined: the point is of the moment at which it was read. */
  readonly timeNs: bigint | undefined;
}

/** A record that is no point, and why. */
export interface RefusedReading {
  readonly kind: 'refused';
  readonly record: string;
  readonly reason: string;
}

export type Reading = PointReading | RefusedReading;

/** Takes the text of a file or of a program's output apart, in pieces cut anywhere. */
export interface Reader {
  /** @returns what has become complete with this piece, in order */
  push(text: string): Promise<readonly Reading[]> | readonly Reading[];
  /** @returns what was left; to be called once, at the end */
  end(): Promise<readonly Reading[]> | readonly Reading[];
}

/** The longest record taken, in characters: a quote never closed must not fill the memory. */
export const MAX_RECORD_LENGTH = 1_048_576;

export function refused(record: string, reason: string): RefusedReading {
  return { kind: 'refused', record, reason };
}
