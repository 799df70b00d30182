import { messageOf } from '../../errors.ts';
import { Refusal } from '../../feed/targets/target.ts';
import { type LinePoint, parseLine } from '../../line-protocol/parser.ts';
import type {
  CellValue,
  Described,
  FieldType,
  Row,
  Selection,
  StateSource,
  WriteTarget,
} from './state-source.ts';

/** The points of one measurement that have the same tags. */
interface StoredSeries {
  readonly tags: ReadonlyMap<string, string>;
  /** By time. */
  readonly points: StoredPoint[];
}

interface StoredPoint {
  readonly timeNs: bigint;
  readonly fields: Map<string, CellValue>;
}

interface Measurement {
  readonly series: Map<string, StoredSeries>;
  readonly types: Map<string, FieldType>;
}

const PIECE_ROWS = 5_000;
/** States held in memory, with what of InfluxDB's ways a reader would notice: for a demonstration, and for tests. */
export class MemorySource implements StateSource {
  readonly name: string;
  readonly #databases = new Map<string, Map<string, Measurement>>();

  /** @param name what people are told that this is */
  constructor(name: string) {
    this.name = name;
  }

  async describe(database: string | undefined): Promise<readonly Described[]> {
    const described: Described[] = [];
    for (const [databaseName, measurements] of this.#databases) {
      if (database !== undefined && database !== databaseName) continue;
      for (const [measurement, { series, types }] of measurements)
        described.push({
          database: databaseName,
          measurement,
          fields: [...types].map(([name, type]) => ({ name, type })),
          tags: [...new Set([...series.values()].flatMap(({ tags }) => [...tags.keys()]))].sort(),
        });
    }
    return described;
  }

  async *byGroup(selection: Selection, signal: AbortSignal): AsyncGenerator<readonly Row[]> {
    for (const rows of this.#groups(selection).values()) yield* inPieces(rows, signal);
  }

  async *byTime(selection: Selection, signal: AbortSignal): AsyncGenerator<readonly Row[]> {
    const rows = [...this.#groups(selection).values()].flat();
    yield* inPieces(rows.sort(byTime), signal);
  }

  async first(selection: Selection): Promise<readonly Row[]> {
    return [...this.#groups(selection).values()].flatMap((rows) => rows.slice(0, 1));
  }

  async last(selection: Selection): Promise<readonly Row[]> {
    return [...this.#groups(selection).values()].flatMap((rows) => rows.slice(-1));
  }

  async write(target: WriteTarget, lines: readonly string[]): Promise<void> {
    const refused = new Map<string, string>();
    for (const line of lines) {
      try {
        this.add(target.database, parseLine(line, { file: 'points', line: 1 }));
      } catch (error) {
        refused.set(line, messageOf(error));
      }
    }
    if (refused.size > 0) throw new Refusal([...refused.values()].join('; '), refused, 'written');
  }

  /**
   * Adds one point, as InfluxDB does: at the same time and tags its fields take the place of those that are there.
   * @throws Error if it has no time, or a field is of another type than before
   */
  add(database: string, point: LinePoint): void {
    const { fields, measurement, tags, time } = point;
    if (time === undefined) throw new Error('a point without a time');
    const { series, types } = this.#measurement(database, measurement);
    for (const [name, value] of fields) {
      const known = types.get(name);
      const type = typeOf(value);
      if (known !== undefined && known !== type)
        throw new Error(`field type conflict: ${name} is a ${type}, already exists as ${known}`);
    }
    for (const [name, value] of fields) types.set(name, typeOf(value));
    const sorted = [...tags].filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify(sorted);
    const stored = series.get(key) ?? { tags: new Map(sorted), points: [] };
    series.set(key, stored);
    // What InfluxDB answers does not tell an integer from a float either.
    const values = [...fields].map(([name, value]) => [name, readable(value)] as const);
    insert(stored.points, { timeNs: time, fields: new Map(values) });
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}

  #measurement(database: string, name: string): Measurement {
    const measurements = this.#databases.get(database) ?? new Map<string, Measurement>();
    this.#databases.set(database, measurements);
    const measurement = measurements.get(name) ?? { series: new Map(), types: new Map() };
    measurements.set(name, measurement);
    return measurement;
  }

  /** The rows that are meant by group, in the order of the groups' tags. */
  #groups(selection: Selection): Map<string, Row[]> {
    const { database, except, fields, fromNs, group, measurement, toNs, where } = selection;
    const series = this.#databases.get(database)?.get(measurement)?.series.values() ?? [];
    const groups = new Map<string, Row[]>();
    const ofSeveral = new Set<string>();
    for (const { points, tags } of series) {
      if (![...where].every(([tag, values]) => values.includes(tags.get(tag) ?? ''))) continue;
      const groupTags = group.map((tag) => tags.get(tag) ?? '');
      const key = JSON.stringify(groupTags);
      const rows = groups.get(key) ?? [];
      if (rows.length > 0) ofSeveral.add(key);
      for (let at = fromNs === undefined ? 0 : indexOf(points, fromNs); at < points.length; at++) {
        const point = points[at];
        if (point === undefined || (toNs !== undefined && point.timeNs >= toNs)) break;
        const values = fields.map((name) => point.fields.get(name) ?? null);
        const isMeant = except === undefined || (values[0] !== null && values[0] !== except);
        if (isMeant && values.some((value) => value !== null))
          rows.push({ timeNs: point.timeNs, tags: groupTags, values });
      }
      if (rows.length > 0) groups.set(key, rows);
    }
    for (const key of ofSeveral) groups.get(key)?.sort(byTime);
    return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function typeOf(value: CellValue): FieldType {
  switch (typeof value) {
    case 'bigint':
      return 'integer';
    case 'number':
      return 'float';
    case 'boolean':
      return 'boolean';
    default:
      return 'string';
  }
}

function readable(value: CellValue): CellValue {
  const number = typeof value === 'bigint' ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) ? number : value;
}

async function* inPieces(rows: readonly Row[], signal: AbortSignal): AsyncGenerator<readonly Row[]> {
  for (let at = 0; at < rows.length; at += PIECE_ROWS) {
    signal.throwIfAborted();
    yield rows.slice(at, at + PIECE_ROWS);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function byTime(a: Row, b: Row): number {
  return a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0;
}

/** The first point at this time or later. */
function indexOf(points: readonly StoredPoint[], timeNs: bigint): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle]?.timeNs ?? 0n) < timeNs) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(points: StoredPoint[], point: StoredPoint): void {
  const last = points.at(-1);
  if (last === undefined || last.timeNs < point.timeNs) {
    points.push(point);
    return;
  }
  const at = indexOf(points, point.timeNs);
  const there = points[at];
  if (there?.timeNs !== point.timeNs) points.splice(at, 0, point);
  else for (const [name, value] of point.fields) there.fields.set(name, value);
}
