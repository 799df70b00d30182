import { AGENT_EVENTS } from '../../../src/status/agent-events.ts';
import { COUNTERS, GAUGES } from '../../../src/status/metrics.ts';
import { code, table } from './markdown.ts';

/** The metrics of nodes, which all have the same labels. */
export function metricsTable(): string {
  return table(
    ['name', 'what'],
    [...COUNTERS, ...GAUGES].map(([name, help]) => [code(`edge_detect_${name}`), help]),
  );
}

/** What is counted of the agent as a whole. */
export function eventsTable(): string {
  return table(
    ['`event`', 'what'],
    Object.entries(AGENT_EVENTS).map(([name, help]) => [code(name), help]),
  );
}
