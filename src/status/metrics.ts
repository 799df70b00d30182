import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { AGENT_EVENTS, type AgentEvent, type AgentEvents } from './agent-events.ts';
import type { Insight, NodeTotals, SessionReport } from './report.ts';

const LABELS = ['function', 'task', 'node'] as const;
type Label = (typeof LABELS)[number];

/** Counters of nodes: name, help, and where it comes from. */
export const COUNTERS: readonly (readonly [string, string, (totals: NodeTotals) => number])[] = [
  ['points_total', 'Points that came in', ({ points }) => points],
  ['edges_total', 'Points that were emitted', ({ edges }) => edges],
  ['ignored_total', 'Points without a tracked key', ({ ignored }) => ignored],
  ['groups_evicted_total', 'Groups forgotten for want of room', ({ evicted }) => evicted],
  ['groups_freed_total', 'Groups forgotten as their ttl was over', ({ freed }) => freed],
  ['received_bytes_total', 'Bytes that came in', ({ bytes }) => bytes],
  ['connections_total', 'Connections that were initialised', ({ connections }) => connections],
  ['snapshots_total', 'Snapshots that Kapacitor got', ({ snapshots }) => snapshots],
  ['snapshot_bytes_total', 'Bytes of all snapshots', ({ snapshotBytes }) => snapshotBytes],
  [
    'snapshot_seconds_total',
    'Time from when Kapacitor asked for snapshots until they went out',
    ({ snapshotSeconds }) => snapshotSeconds,
  ],
  ['restores_total', 'Snapshots that were restored', ({ restores }) => restores],
  [
    'backpressure_seconds_total',
    'Time in which Kapacitor did not read what was emitted',
    ({ backpressureSeconds }) => backpressureSeconds,
  ],
];

/** What is true of a live node at this moment. */
export const GAUGES: readonly (readonly [string, string, (report: SessionReport) => number | null])[] = [
  ['groups', 'Groups that a node keeps', ({ groups }) => groups],
  ['snapshot_age_seconds', 'Time since the last snapshot', ({ snapshotAgeSeconds }) => snapshotAgeSeconds],
  ['snapshot_bytes', 'Size of the last snapshot', ({ snapshotBytes }) => snapshotBytes],
];

/** The agent's figures in Prometheus' text form. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #counters: readonly (readonly [Counter<Label>, (totals: NodeTotals) => number])[];
  readonly #gauges: readonly (readonly [Gauge<Label>, (report: SessionReport) => number | null])[];
  readonly #errors: Counter<'function' | 'code'>;
  readonly #sessions: Gauge<'function' | 'kind'>;
  readonly #events: Counter<'event'>;
  readonly #agentEvents: AgentEvents;
  readonly #insight: Insight;

  constructor(insight: Insight, events: AgentEvents, version: string) {
    this.#insight = insight;
    this.#agentEvents = events;
    const registers = [this.#registry];
    // Every tenth of a second: looking more often costs an agent at rest more than it tells.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 100 });
    this.#counters = COUNTERS.map(([name, help, read]) => [
      new Counter({ name: `edge_detect_${name}`, help, labelNames: LABELS, registers }),
      read,
    ]);
    this.#gauges = GAUGES.map(([name, help, read]) => [
      new Gauge({ name: `edge_detect_${name}`, help, labelNames: LABELS, registers }),
      read,
    ]);
    this.#errors = new Counter({
      name: 'edge_detect_protocol_errors_total',
      help: 'Connections that ended for what was wrong, by the code of the error',
      labelNames: ['function', 'code'],
      registers,
    });
    this.#sessions = new Gauge({
      name: 'edge_detect_sessions',
      help: 'Connections of tasks at this moment',
      labelNames: ['function', 'kind'],
      registers,
    });
    this.#events = new Counter({
      name: 'edge_detect_events_total',
      help: 'What happened to the agent as a whole',
      labelNames: ['event'],
      registers,
    });
    new Gauge({ name: 'edge_detect_info', help: 'The version', labelNames: ['version'], registers }).set(
      { version },
      1,
    );
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    const [totals, sessions] = await Promise.all([this.#insight.totals(), this.#insight.sessions()]);
    for (const [counter, read] of this.#counters) {
      counter.reset();
      for (const each of totals) counter.inc(labelsOf(each), read(each));
    }
    this.#errors.reset();
    for (const each of totals)
      for (const [code, count] of Object.entries(each.errors))
        this.#errors.inc({ function: each.function, code }, count);
    this.#events.reset();
    for (const event of eventNames()) this.#events.inc({ event }, this.#agentEvents.countOf(event));
    this.#sessions.reset();
    for (const { function: name, kind } of sessions) this.#sessions.inc({ function: name, kind });
    for (const [gauge, read] of this.#gauges) {
      gauge.reset();
      for (const each of sessions) {
        const value = read(each);
        if (each.kind === 'live' && value !== null) gauge.set(labelsOf(each), value);
      }
    }
    return await this.#registry.metrics();
  }
}

function eventNames(): AgentEvent[] {
  return Object.keys(AGENT_EVENTS).filter((name): name is AgentEvent => Object.hasOwn(AGENT_EVENTS, name));
}

function labelsOf({ function: name, node, task }: { function: string; task: string; node: string }) {
  return { function: name, task, node };
}
