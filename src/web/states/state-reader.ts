import { ProblemError } from '../problem.ts';
import type { CellValue, Row, Selection, StateSource } from '../sources/state-source.ts';
import {
  type ChangeFinder,
  GroupReading,
  type GroupStates,
  groupKey,
  PlainFinder,
  readGroups,
} from './group-states.ts';

/** What is asked for: the points of a field, told apart by tags, and through the detector if there are options. */
export interface Series {
  readonly selection: Omit<Selection, 'fromNs' | 'toNs' | 'except'>;
  /** Options of `@edgeDetect()` as a TICKscript writes them. */
  readonly options: readonly string[];
}

export interface OpenRange {
  /** Undefined: from the first point on. */
  readonly fromNs: bigint | undefined;
  readonly toNs: bigint;
}

/**
 * Starts a detector; the command line hands it in, as it knows the functions and their options' notation.
 * @returns makes the finder of one group
 * @throws DetectionRefused
 */
export type OpenDetection = (field: string, options: readonly string[]) => (group: string) => ChangeFinder;

/** The detector refuses its options. */
export class DetectionRefused extends Error {
  override readonly name = 'DetectionRefused';
}

/** Reads what states groups were in. */
export class StateReader {
  readonly #source: StateSource;
  readonly #openDetection: OpenDetection;
  readonly #maxGroups: number;

  constructor(source: StateSource, openDetection: OpenDetection, maxGroups: number) {
    this.#source = source;
    this.#openDetection = openDetection;
    this.#maxGroups = maxGroups;
  }

  /**
   * The states of each group, from the one that began before the range on.
   * @param staleNs after so long without points nobody knows a state
   */
  async *groups(
    series: Series,
    range: OpenRange,
    staleNs: bigint | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<GroupStates> {
    const finderOf = this.finderOf(series);
    // What the detector says depends on all that it has seen.
    const fromNs = series.options.length > 0 ? undefined : range.fromNs;
    const before = this.before(series, fromNs, signal);
    // It is awaited below; until then its failure must not be nobody's.
    before.catch(() => {});
    const pieces = this.#source.byGroup({ ...series.selection, fromNs, toNs: range.toNs }, signal);
    const begin = async (tags: readonly string[]): Promise<GroupReading> => {
      const reading = new GroupReading(tags, finderOf(tags), staleNs);
      const key = groupKey(tags);
      const first = (await before).get(key);
      if (first !== undefined) reading.add(first.timeNs, first.value);
      (await before).delete(key);
      return reading;
    };
    let count = 0;
    const checked = (reading: GroupReading): GroupStates[] => {
      const states = reading.end();
      if (states === undefined) return [];
      if (++count > this.#maxGroups) throw tooManyGroups(this.#maxGroups);
      return [states];
    };
    for await (const reading of readGroups(startedEarly(pieces), begin)) yield* checked(reading);
    // Groups without a point in the range are still in the state from before it.
    for (const { tags } of (await before).values()) yield* checked(await begin(tags));
  }

  /** @throws ProblemError */
  finderOf(series: Series): (tags: readonly string[]) => ChangeFinder {
    if (series.options.length === 0) return () => new PlainFinder();
    try {
      const open = this.#openDetection(series.selection.fields[0] ?? '', series.options);
      return (tags) => open(groupKey(tags));
    } catch (error) {
      if (!(error instanceof DetectionRefused)) throw error;
      throw new ProblemError('OPTIONS_REFUSED', error.message, {
        parameter: 'options',
        value: series.options,
      });
    }
  }

  /** The last point of each group before a time. */
  async before(
    series: Series,
    timeNs: bigint | undefined,
    signal: AbortSignal,
  ): Promise<Map<string, Row & { readonly value: CellValue }>> {
    const found = new Map<string, Row & { readonly value: CellValue }>();
    if (timeNs === undefined) return found;
    const selection = { ...series.selection, fromNs: undefined, toNs: timeNs };
    for (const row of await this.#source.last(selection, signal)) {
      const value = row.values[0];
      if (value !== undefined && value !== null) found.set(groupKey(row.tags), { ...row, value });
    }
    if (found.size > this.#maxGroups) throw tooManyGroups(this.#maxGroups);
    return found;
  }

  /** When the state began that a group was in before a time: what was polled repeats its state. */
  async sinceNs(
    series: Series,
    tags: readonly string[],
    value: CellValue,
    beforeNs: bigint,
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    const where = new Map(series.selection.where);
    series.selection.group.forEach((tag, at) => {
      where.set(tag, [tags[at] ?? '']);
    });
    const selection = { ...series.selection, where, toNs: beforeNs };
    const [other] = await this.#source.last({ ...selection, fromNs: undefined, except: value }, signal);
    const fromNs = other === undefined ? undefined : other.timeNs + 1n;
    const [first] = await this.#source.first({ ...selection, fromNs }, signal);
    return first?.timeNs;
  }
}

function tooManyGroups(maxGroups: number): ProblemError {
  return new ProblemError(
    'TOO_MANY_GROUPS',
    `there are more than ${maxGroups} groups; ask for fewer by where=TAG=VALUE, or group by another tag`,
    { parameter: 'group' },
  );
}

/** Asks for the first piece at once, so that the source works on it while something else is awaited. */
function startedEarly<T>(pieces: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = pieces[Symbol.asyncIterator]();
  let first: Promise<IteratorResult<T>> | undefined = iterator.next();
  first.catch(() => {});
  return {
    [Symbol.asyncIterator]: () => ({
      next() {
        const next = first ?? iterator.next();
        first = undefined;
        return next;
      },
      async return() {
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}
