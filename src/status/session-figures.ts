import type { NodeTotals, SessionReport } from './report.ts';

const SAMPLE_MS = 10_000;
const MAX_SAMPLES = 6;

interface Sample {
  readonly atMs: number;
  readonly points: number;
  readonly edges: number;
}

export interface SessionNumbers {
  readonly points: number;
  readonly edges: number;
  readonly bytes: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** What is counted of one session beside its work. */
export class SessionFigures {
  readonly #startedMs: number;
  readonly #sinceWallMs = Date.now();
  #samples: Sample[];
  warnings = 0;
  restores = 0;
  #snapshots = 0;
  #snapshotBytes = 0;
  #snapshotMs = 0;
  #lastSnapshot: { readonly bytes: number; readonly atMs: number } | undefined;
  #blockedMs = 0;
  #blockedSinceMs: number | undefined;

  constructor(nowMs: number) {
    this.#startedMs = nowMs;
    this.#samples = [{ atMs: nowMs, points: 0, edges: 0 }];
  }

  /** A snapshot went out. @param startedMs when it was asked for */
  snapshot(bytes: number, startedMs: number, nowMs: number): void {
    this.#snapshots++;
    this.#snapshotBytes += bytes;
    this.#snapshotMs += nowMs - startedMs;
    this.#lastSnapshot = { bytes, atMs: nowMs };
  }

  /** Some times a second: what rates are made from, and whether output waits. */
  look(nowMs: number, points: number, edges: number, isFlowing: boolean): void {
    if (isFlowing) {
      if (this.#blockedSinceMs !== undefined) this.#blockedMs += nowMs - this.#blockedSinceMs;
      this.#blockedSinceMs = undefined;
    } else this.#blockedSinceMs ??= nowMs;
    if (nowMs - (this.#samples.at(-1)?.atMs ?? 0) < SAMPLE_MS) return;
    this.#samples.push({ atMs: nowMs, points, edges });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  report(
    ids: Pick<SessionReport, 'task' | 'node' | 'function' | 'kind'>,
    numbers: SessionNumbers,
    nowMs: number,
  ): SessionReport {
    const { bytes, counts, edges, points } = numbers;
    const first = this.#samples[0] ?? { atMs: this.#startedMs, points: 0, edges: 0 };
    const seconds = Math.max(0.001, (nowMs - first.atMs) / 1000);
    const rate = (count: number): number => Math.round((count / seconds) * 100) / 100;
    const { task, node, function: name, kind } = ids;
    return {
      task,
      node,
      function: name,
      kind,
      since: new Date(this.#sinceWallMs).toISOString(),
      points,
      edges,
      bytes,
      pointsPerSecond: rate(points - first.points),
      edgesPerSecond: rate(edges - first.edges),
      counts,
      groups: counts.groups ?? null,
      ignored: counts.ignored ?? null,
      snapshots: this.#snapshots,
      snapshotBytes: this.#lastSnapshot?.bytes ?? null,
      snapshotAgeSeconds:
        this.#lastSnapshot === undefined ? null : Math.round((nowMs - this.#lastSnapshot.atMs) / 1000),
      restores: this.restores,
      warnings: this.warnings,
      backpressureSeconds: this.#blockedSeconds(nowMs),
    };
  }

  addTo(totals: NodeTotals, { bytes, counts, edges, points }: SessionNumbers, nowMs: number): void {
    totals.connections++;
    totals.points += points;
    totals.edges += edges;
    totals.bytes += bytes;
    totals.ignored += counts.ignored ?? 0;
    totals.evicted += counts.evicted ?? 0;
    totals.freed += counts.freed ?? 0;
    totals.snapshots += this.#snapshots;
    totals.snapshotBytes += this.#snapshotBytes;
    totals.snapshotSeconds += this.#snapshotMs / 1000;
    totals.restores += this.restores;
    totals.backpressureSeconds += this.#blockedSeconds(nowMs);
  }

  #blockedSeconds(nowMs: number): number {
    const open = this.#blockedSinceMs === undefined ? 0 : nowMs - this.#blockedSinceMs;
    return Math.round(this.#blockedMs + open) / 1000;
  }
}
