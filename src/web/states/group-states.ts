import type { CellValue, Row } from '../sources/state-source.ts';

/** A change of state: from `atNs` on the value holds. */
export interface Change {
  readonly atNs: bigint;
  readonly value: CellValue;
}

/** A time without points: nobody knows the state. */
export interface Gap {
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

/** A piece of a group's time in which it is in one state, or in none that is known. */
export interface Segment {
  /** Null where it is unknown. */
  readonly value: CellValue | null;
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

/** What a group's points say, told by its changes. */
export interface GroupStates {
  /** The values of the group's tags. */
  readonly tags: readonly string[];
  /** By time; the first is that of the first point read. */
  readonly changes: readonly Change[];
  readonly gaps: readonly Gap[];
  /** The time of the last point. */
  readonly heardNs: bigint;
}

/** Finds changes among a group's points. */
export interface ChangeFinder {
  /** @returns the changes that this point shows, by time; most often none */
  point(timeNs: bigint, value: CellValue): readonly Change[];
}

const NONE: readonly Change[] = [];

/** The plain way: another value is another state. What the detector does without options. */
export class PlainFinder implements ChangeFinder {
  #last: CellValue | undefined;

  point(atNs: bigint, value: CellValue): readonly Change[] {
    if (value === this.#last) return NONE;
    this.#last = value;
    return [{ atNs, value }];
  }
}

/** Gathers the points of one group. */
export class GroupReading {
  readonly tags: readonly string[];
  readonly #finder: ChangeFinder;
  readonly #staleNs: bigint | undefined;
  readonly #changes: Change[] = [];
  readonly #gaps: Gap[] = [];
  #heardNs: bigint | undefined;

  constructor(tags: readonly string[], finder: ChangeFinder, staleNs: bigint | undefined) {
    this.tags = tags;
    this.#finder = finder;
    this.#staleNs = staleNs;
  }

  add(timeNs: bigint, value: CellValue): void {
    const staleNs = this.#staleNs;
    if (staleNs !== undefined && this.#heardNs !== undefined && timeNs - this.#heardNs > staleNs)
      this.#gaps.push({ fromNs: this.#heardNs + staleNs, toNs: timeNs });
    this.#heardNs = timeNs;
    for (const change of this.#finder.point(timeNs, value)) this.#changes.push(change);
  }

  /** Undefined if the points have said nothing yet. */
  end(): GroupStates | undefined {
    if (this.#heardNs === undefined || this.#changes.length === 0) return undefined;
    return { tags: this.tags, changes: this.#changes, gaps: this.#gaps, heardNs: this.#heardNs };
  }
}

/** Whether two rows are of one group. */
export function isSameGroup(a: readonly string[], b: readonly string[]): boolean {
  return a === b || a.every((value, at) => value === b[at]);
}

export function groupKey(tags: readonly string[]): string {
  return tags.length === 1 ? (tags[0] ?? '') : JSON.stringify(tags);
}

/**
 * Reads groups out of rows that come group by group.
 * @param begin makes the reading of a group, with what is known from before the rows
 */
export async function* readGroups(
  pieces: AsyncIterable<readonly Row[]>,
  begin: (tags: readonly string[]) => Promise<GroupReading>,
): AsyncGenerator<GroupReading> {
  let reading: GroupReading | undefined;
  for await (const rows of pieces) {
    for (const { tags, timeNs, values } of rows) {
      const value = values[0];
      if (value === undefined || value === null) continue;
      if (reading === undefined || !isSameGroup(reading.tags, tags)) {
        if (reading !== undefined) yield reading;
        reading = await begin(tags);
      }
      reading.add(timeNs, value);
    }
  }
  if (reading !== undefined) yield reading;
}
