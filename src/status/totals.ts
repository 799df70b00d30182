import type { NodeTotals } from './report.ts';

/** Nodes that are told apart; those of tasks that come later share one. */
const MAX_NODES = 1_000;
const OTHERS = 'others';

/** Sums of nodes by function, task and node. */
export class TotalsTable {
  readonly #nodes = new Map<string, NodeTotals>();

  of(functionName: string, task: string, node: string): NodeTotals {
    const key = JSON.stringify([functionName, task, node]);
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    if (this.#nodes.size >= MAX_NODES && task !== OTHERS) return this.of(functionName, OTHERS, OTHERS);
    const made: NodeTotals = {
      function: functionName,
      task,
      node,
      connections: 0,
      points: 0,
      edges: 0,
      ignored: 0,
      evicted: 0,
      freed: 0,
      bytes: 0,
      snapshots: 0,
      snapshotBytes: 0,
      snapshotSeconds: 0,
      restores: 0,
      backpressureSeconds: 0,
      errors: {},
    };
    this.#nodes.set(key, made);
    return made;
  }

  add(other: NodeTotals): void {
    const sum = this.of(other.function, other.task, other.node);
    sum.connections += other.connections;
    sum.points += other.points;
    sum.edges += other.edges;
    sum.ignored += other.ignored;
    sum.evicted += other.evicted;
    sum.freed += other.freed;
    sum.bytes += other.bytes;
    sum.snapshots += other.snapshots;
    sum.snapshotBytes += other.snapshotBytes;
    sum.snapshotSeconds += other.snapshotSeconds;
    sum.restores += other.restores;
    sum.backpressureSeconds += other.backpressureSeconds;
    for (const [code, count] of Object.entries(other.errors))
      sum.errors[code] = (sum.errors[code] ?? 0) + count;
  }

  /** Copies, which do not change any more. */
  all(): NodeTotals[] {
    return [...this.#nodes.values()].map((totals) => ({ ...totals, errors: { ...totals.errors } }));
  }
}
