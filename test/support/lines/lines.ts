import { LineFilter, type LineFilterOptions } from '../../../src/doors/lines/line-filter.ts';
import { edgeDetect } from '../../../src/functions/edge-detect/index.ts';
import { parseLine } from '../../../src/line-protocol/parser.ts';
import { formatLine } from '../../../src/line-protocol/writer.ts';
import type { FieldValue } from '../../../src/wire/point.ts';
import { namedOptions } from '../agent/node.ts';
import {
  decodeRequest,
  encodeRequest,
  type Option,
  type Point,
  type Request,
  type Value,
} from '../protocol/protocol.ts';
import { Oracle } from '../scenarios/oracle.ts';
import type { Scenario } from '../scenarios/scenario.ts';

/** The tag that the lines of a test are grouped by. */
export const GROUP_TAG = 'test_group';

/** The machine's clocks, which stand still. */
const WALL_MS = 1_700_000_000_000;
const CLOCK = { wallNs: BigInt(WALL_MS) * 1_000_000n, monotonicNs: 0n };

/** A point of a stream as a line, and what the oracle takes it for. */
export interface SentLine {
  readonly text: string;
  readonly point: Point;
}

/** A line of output, as what it says; the order of fields says nothing. */
export interface ReadLine {
  readonly time: bigint | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

export function readLine(text: string): ReadLine {
  const { time, tags, fields } = parseLine(text, { file: 'output', line: 1 });
  return { time, tags: Object.fromEntries(tags), fields: Object.fromEntries(fields) };
}

/** The points as lines, each with its group as a tag; those that no line can hold are left out. */
export function sentLines(points: readonly Pick<Point, 'group' | 'time' | 'tags' | 'fields'>[]): SentLine[] {
  const groups: string[] = [];
  return points.flatMap(({ group, time, tags, fields }) => {
    if (!groups.includes(group)) groups.push(group);
    const tag = `g${groups.indexOf(group)}`;
    try {
      const formatted = formatLine({
        measurement: 'm',
        tags: new Map([...Object.entries(tags), [GROUP_TAG, tag]]),
        fields: new Map(Object.entries(fields).map(([key, { v }]) => [key, v])),
        time,
      });
      // As it is read: an empty tag is none, and half a surrogate is no text.
      const text = Buffer.from(formatted).toString('utf8');
      const read = readLine(text);
      return [{ text, point: pointOf(tag, read) }];
    } catch {
      return [];
    }
  });
}

function pointOf(group: string, { time, tags, fields }: ReadLine): Point {
  const values = Object.entries(fields).map(([key, v]): [string, Value] => [key, typedValue(v)]);
  return {
    time: time ?? 0n,
    name: 'm',
    database: '',
    retentionPolicy: '',
    group: `${GROUP_TAG}=${group}`,
    dimensions: [GROUP_TAG],
    byName: false,
    tags,
    fields: Object.fromEntries(values),
    unknown: [],
  };
}

function typedValue(v: FieldValue): Value {
  switch (typeof v) {
    case 'bigint':
      return { type: 'int', v };
    case 'number':
      return { type: 'float', v };
    case 'string':
      return { type: 'string', v };
    case 'boolean':
      return { type: 'bool', v };
  }
}

/** The points of a stream's scenario. */
export function pointsOf(scenario: Scenario): Pick<Point, 'group' | 'time' | 'tags' | 'fields'>[] {
  return scenario.arrivals.flatMap(({ group, points }) => points.map((point) => ({ ...point, group })));
}

/** The points among what a real Kapacitor wrote. */
export function pointsAmong(requests: readonly Request[]): Point[] {
  return requests.flatMap((request) => (request.kind === 'point' ? [request.point] : []));
}

/** What the oracle emits of the lines: which, and with what added. */
export function expectedOf(lines: readonly SentLine[], options: readonly Option[]): ReadLine[] {
  const oracle = new Oracle(options, 'stream');
  for (const [frame, { point }] of lines.entries()) {
    // As the node has it: with the kinds and the order of a message.
    const request = decodeRequest(encodeRequest({ kind: 'point', point }));
    if (request.kind === 'point') oracle.point(frame, request.point, CLOCK);
  }
  // A tag's silence, without a field that is added, is a point that no line can hold.
  const emissions = oracle.emissions.filter(
    ({ made }) => made === undefined || Object.keys(made.fields).length > 0,
  );
  return emissions.map(({ frame, add, made }) => {
    if (made !== undefined) return { time: made.time, tags: made.tags, fields: valuesOf(made.fields) };
    const line = lines[frame];
    if (line === undefined) throw new Error(`the oracle emits line ${frame}, which there is not`);
    const { time, tags, fields } = line.point;
    return { time, tags, fields: valuesOf({ ...fields, ...add }) };
  });
}

function valuesOf(fields: Readonly<Record<string, Value>>): Record<string, FieldValue> {
  return Object.fromEntries(Object.entries(fields).map(([key, { v }]) => [key, v]));
}

export interface TestFilter {
  readonly filter: LineFilter;
  readonly complaints: string[];
  /** What has come out so far, line by line. */
  lines(): string[];
  feed(...pieces: readonly (string | Uint8Array)[]): void;
}

/** A filter without streams, which notes what goes out. */
export function testFilter(options: readonly Option[], others: Partial<LineFilterOptions> = {}): TestFilter {
  const complaints: string[] = [];
  const filter = new LineFilter({
    function: edgeDetect,
    options: namedOptions(options),
    measurement: undefined,
    groupBy: [GROUP_TAG],
    passesOthers: true,
    limits: { maxGroups: 1_000_000 },
    log: { info() {}, warn() {} },
    clockMs: () => 0,
    wallMs: () => WALL_MS,
    name: 'stdin',
    complain: (problem, line) => complaints.push(`${problem} <- ${line}`),
    ...others,
  });
  const out: Buffer[] = [];
  return {
    filter,
    complaints,
    lines: () => linesIn(Buffer.concat(out).toString('utf8')),
    feed(...pieces) {
      for (const piece of pieces) {
        filter.push(Buffer.from(piece));
        out.push(Buffer.from(filter.takeOutput()));
      }
    },
  };
}

/** Lines of output, where a string may hold line breaks. */
export function linesIn(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (isInString && character === '\\') {
      line += character + (text[++at] ?? '');
      continue;
    }
    if (character === '"' && line.includes(' ')) isInString = !isInString;
    if (character === '\n' && !isInString) {
      lines.push(line);
      line = '';
    } else line += character;
  }
  return line === '' ? lines : [...lines, line];
}
