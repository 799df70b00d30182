import type { TaskGraph } from '../kapacitor/definitions.ts';
import type { LinePoint } from '../line-protocol/parser.ts';
import type { AlertEvent, CaseEnds, Written } from './ends.ts';
import { entriesOf } from './entries.ts';
import type { AlertTap, Instrumented } from './instrument.ts';
import type { TopicHandler } from './prepared-case.ts';

/** An alert, and the node that it came from. */
export interface OutcomeAlert {
  readonly node: string;
  readonly event: AlertEvent;
}

/** What left Kapacitor by one way: an alert's handler, or an httpPost node. */
export interface Sent {
  /** The URL, file, address or program. */
  readonly to: string;
  readonly args: readonly string[];
  /** Undefined where points were posted instead of an alert. */
  readonly event: AlertEvent | undefined;
  readonly points: readonly LinePoint[];
}

/** The ways by which something leaves, as case files call them. */
export const WAYS = ['posts', 'logs', 'execs', 'tcps'] as const;
export type Way = (typeof WAYS)[number];

export const WAY_OF_KIND: ReadonlyMap<string, Way> = new Map([
  ['post', 'posts'],
  ['log', 'logs'],
  ['exec', 'execs'],
  ['tcp', 'tcps'],
]);

export interface NodeOutcome {
  readonly collected: number;
  readonly emitted: number;
  readonly points: readonly LinePoint[];
}

/** All that came of a case. */
export interface Outcome {
  /** Why the script was refused, or failed while it ran; undefined where it did neither. */
  readonly error: string | undefined;
  readonly alerts: readonly OutcomeAlert[];
  readonly writes: readonly Written[];
  readonly nodes: ReadonlyMap<string, NodeOutcome>;
  readonly sent: Readonly<Record<Way, readonly Sent[]>>;
  /** The last points of each httpOut, by its endpoint. */
  readonly states: ReadonlyMap<string, readonly LinePoint[]>;
  /** What could not be read, or not followed. */
  readonly problems: readonly string[];
}

export const NOTHING: Outcome = {
  error: undefined,
  alerts: [],
  writes: [],
  nodes: new Map(),
  sent: { posts: [], logs: [], execs: [], tcps: [] },
  states: new Map(),
  problems: [],
};

/** How a handler of our own is called that gets all events of a topic. */
export function tapHandler(index: number): string {
  return `alert-${index}`;
}

/** How a handler of our own is called that stands for one of a handler file. */
export function fileHandler(index: number): string {
  return `handler-${index}`;
}

export interface Sources {
  readonly graph: TaskGraph;
  readonly instrumented: Instrumented;
  readonly ends: CaseEnds;
  readonly handlers: readonly TopicHandler[];
  /** How many points or batches were played. */
  readonly played: number;
  /** The id that the task had, and the name that people know it by. */
  readonly taskId: string;
  readonly taskName: string;
}

/** Puts together what came at the ends. */
export function outcomeOf(sources: Sources): Outcome {
  const { ends, instrumented } = sources;
  const names = tappedNodes(sources.graph, instrumented.taps);
  const named = sources.taskName;
  const renamed = (event: AlertEvent): AlertEvent => ({
    ...event,
    id: event.id.replaceAll(sources.taskId, named),
    message: event.message.replaceAll(sources.taskId, named),
    details: event.details.replaceAll(sources.taskId, named),
  });
  const eventsOf = (index: number): AlertEvent[] => ends.events(tapHandler(index)).map(renamed);
  const states = [...instrumented.endpoints].map(
    ([tap, endpoint]) => [endpoint, lastOfGroups(ends.passed.get(tap) ?? [])] as const,
  );
  return {
    error: undefined,
    alerts: instrumented.alerts
      .flatMap(({ tap }, index) =>
        eventsOf(index).map((event) => ({ node: names[tap] ?? `alert ${index}`, event })),
      )
      .sort((a, b) => compareTimes(a.event.time, b.event.time)),
    writes: ends.writes,
    nodes: nodeOutcomes(sources, names),
    sent: sentBy(sources, eventsOf, renamed),
    states: new Map(states),
    problems: ends.problems,
  };
}

/** RFC 3339 with as many digits as need be: the texts can't be compared as they are. */
function compareTimes(a: string, b: string): number {
  const [left, right] = [a, b].map((text) =>
    text
      .replace(/Z$/, '')
      .padEnd(29, '0')
      .replace(/^(.{19})0/, '$1.0'),
  );
  return (left ?? '') < (right ?? '') ? -1 : left === right ? 0 : 1;
}

/** The node that each tap hangs on: taps are the last nodes that a script made, in their order. */
function tappedNodes({ edges, nodes }: TaskGraph, taps: number): (string | undefined)[] {
  const numbers = nodes.map((name) => Number(/\d+$/.exec(name)?.[0] ?? -1)).sort((a, b) => a - b);
  return numbers.slice(numbers.length - taps).map((number) => {
    const tap = nodes.find((name) => /^influxdb_out\d+$/.test(name) && name.endsWith(`out${number}`));
    return edges.find(({ to }) => to === tap)?.from;
  });
}

/** The script's own graph: without taps. */
export function ownGraph(graph: TaskGraph, taps: number): TaskGraph {
  const numbers = graph.nodes.map((name) => Number(/\d+$/.exec(name)?.[0] ?? -1)).sort((a, b) => a - b);
  const first = numbers[numbers.length - taps] ?? Number.POSITIVE_INFINITY;
  const isOwn = (name: string): boolean => Number(/\d+$/.exec(name)?.[0] ?? -1) < first || taps === 0;
  return { nodes: graph.nodes.filter(isOwn), edges: graph.edges.filter(({ to }) => isOwn(to)) };
}

function nodeOutcomes(
  { ends, graph, instrumented, played }: Sources,
  names: readonly (string | undefined)[],
) {
  const own = ownGraph(graph, instrumented.taps);
  const passed = (name: string): readonly LinePoint[] => ends.passed.get(names.indexOf(name)) ?? [];
  const isSource = (name: string): boolean => /^(stream|batch)0$/.test(name);
  return new Map(
    own.nodes
      .filter((name) => !isSource(name))
      .map((name): [string, NodeOutcome] => {
        const parents = own.edges.filter(({ to }) => to === name).map(({ from }) => from);
        const collected = parents.reduce(
          (sum, from) => sum + (isSource(from) ? played : passed(from).length),
          0,
        );
        return [name, { collected, emitted: passed(name).length, points: passed(name) }];
      }),
  );
}

function lastOfGroups(points: readonly LinePoint[]): LinePoint[] {
  const last = new Map<string, LinePoint>();
  for (const point of points) last.set(JSON.stringify([...point.tags].sort()), point);
  return [...last.values()];
}

function sentBy(
  { ends, handlers, instrumented }: Sources,
  eventsOf: (index: number) => AlertEvent[],
  renamed: (event: AlertEvent) => AlertEvent,
): Record<Way, Sent[]> {
  const sent: Record<Way, Sent[]> = { posts: [], logs: [], execs: [], tcps: [] };
  const add = (
    kind: string,
    targets: readonly string[],
    args: readonly string[],
    events: readonly AlertEvent[],
  ) => {
    const way = WAY_OF_KIND.get(kind);
    if (way === undefined) return;
    for (const event of events) for (const to of targets) sent[way].push({ to, args, event, points: [] });
  };
  instrumented.alerts.forEach(({ ends: own }: AlertTap, index) => {
    for (const { args, kind } of own) {
      const [first = ''] = args;
      add(kind, kind === 'post' ? args : [first], kind === 'exec' ? args.slice(1) : [], eventsOf(index));
    }
  });
  handlers.forEach(({ kind, options }, index) => {
    const to = ['url', 'path', 'address', 'prog']
      .map((name) => options.get(name))
      .find((each) => each !== undefined);
    const args: unknown = options.get('args');
    const texts = Array.isArray(args) ? args.map(String) : [];
    add(kind, [String(to ?? '')], texts, ends.events(fileHandler(index)).map(renamed));
  });
  for (const { body, index } of ends.posts)
    sent.posts.push({
      to: instrumented.posts[index] ?? '',
      args: [],
      event: undefined,
      points: pointsOfResult(body),
    });
  return sent;
}

/** The points of what an httpPost node posts: `{series: [{name, tags, columns, values}]}`; JSON has floats only. */
function pointsOfResult(body: unknown): LinePoint[] {
  const series: unknown = entriesOf(body).get('series');
  if (!Array.isArray(series)) return [];
  return series.flatMap((each: unknown) => {
    const { columns, name, tags, values } = Object.fromEntries(entriesOf(each));
    if (!Array.isArray(columns) || !Array.isArray(values)) return [];
    return values.map((row: unknown): LinePoint => {
      const cells: unknown[] = Array.isArray(row) ? row : [];
      const fields = new Map<string, number | string | boolean>();
      let time: bigint | undefined;
      columns.forEach((column: unknown, index) => {
        const cell = cells[index];
        if (column === 'time' && typeof cell === 'string') time = timeNsOf(cell);
        else if (typeof cell === 'number' || typeof cell === 'string' || typeof cell === 'boolean')
          fields.set(String(column), cell);
      });
      const tagMap = new Map([...entriesOf(tags)].map(([key, value]) => [key, String(value)]));
      return { measurement: String(name ?? ''), tags: tagMap, fields, time };
    });
  });
}

function timeNsOf(text: string): bigint | undefined {
  const [, whole, fraction = ''] = /^(.{19})(?:\.(\d+))?Z$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  return BigInt(Date.parse(`${whole}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
