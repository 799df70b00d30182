import type { CellValue } from '../sources/state-source.ts';
import type { Segment } from './group-states.ts';
import type { Range } from './segments.ts';

/** How much of a state there is. */
export interface Tally {
  totalNs: bigint;
  count: number;
}

/** What is drawn as one: a segment, or several too narrow to be drawn. */
export interface DrawnInterval {
  readonly fromNs: bigint;
  readonly toNs: bigint;
  readonly value: CellValue | null;
  /** Of several: each state's part by its label, and that of the unknown. */
  readonly merged?: { readonly states: ReadonlyMap<string, Tally>; readonly unknown: Tally | undefined };
}

/** A value as people see it, and as summaries name it. */
export function labelOf(value: CellValue): string {
  return typeof value === 'string' ? value : String(value);
}

/**
 * Merges neighbours that are narrower than a pixel, so that nothing short vanishes: each merged interval is about a pixel
 * wide, and keeps the part of each state. One that stands alone among wide ones stays as it is.
 */
export function mergeNarrow(segments: readonly Segment[], range: Range, pixels: number): DrawnInterval[] {
  const drawn: DrawnInterval[] = [];
  const widthNs = range.toNs - range.fromNs;
  let narrow: Segment[] = [];
  let narrowNs = 0n;
  const flush = (): void => {
    const [first] = narrow;
    if (first !== undefined) drawn.push(narrow.length === 1 ? first : merged(narrow));
    narrow = [];
    narrowNs = 0n;
  };
  for (const segment of segments) {
    const segmentNs = segment.toNs - segment.fromNs;
    if (segmentNs * BigInt(pixels) >= widthNs) {
      flush();
      drawn.push(segment);
      continue;
    }
    narrow.push(segment);
    narrowNs += segmentNs;
    if (narrowNs * BigInt(pixels) >= widthNs) flush();
  }
  flush();
  return drawn;
}

function merged(segments: readonly Segment[]): DrawnInterval {
  const states = new Map<string, Tally & { readonly value: CellValue }>();
  let unknown: Tally | undefined;
  for (const { fromNs, toNs, value } of segments) {
    if (value === null) {
      unknown = add(unknown ?? { totalNs: 0n, count: 0 }, toNs - fromNs);
      continue;
    }
    const label = labelOf(value);
    const tally = states.get(label) ?? { totalNs: 0n, count: 0, value };
    add(tally, toNs - fromNs);
    states.set(label, tally);
  }
  let most: (Tally & { readonly value: CellValue | null }) | undefined =
    unknown === undefined ? undefined : { ...unknown, value: null };
  for (const tally of states.values()) if (most === undefined || tally.totalNs > most.totalNs) most = tally;
  return {
    fromNs: segments[0]?.fromNs ?? 0n,
    toNs: segments.at(-1)?.toNs ?? 0n,
    value: most?.value ?? null,
    merged: { states, unknown },
  };
}

function add(tally: Tally, ns: bigint): Tally {
  tally.totalNs += ns;
  tally.count++;
  return tally;
}
