import type { Gap, GroupStates, Segment } from './group-states.ts';

/** A range in nanoseconds since the epoch; its end is not part of it. */
export interface Range {
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

/**
 * The group's states in a range, clipped to it, without holes from the first state on; what was before is nobody's.
 * @param staleNs how long after its last point a group is still taken to be in its state; undefined: for ever
 */
export function segmentsOf(states: GroupStates, range: Range, staleNs: bigint | undefined): Segment[] {
  const segments: Segment[] = [];
  const { changes } = states;
  const gaps = gapsOf(states, range, staleNs);
  let gapAt = 0;
  for (let at = 0; at < changes.length; at++) {
    const change = changes[at];
    if (change === undefined) break;
    const endNs = changes[at + 1]?.atNs ?? range.toNs;
    if (change.atNs >= range.toNs) break;
    if (endNs <= range.fromNs || endNs <= change.atNs) continue;
    let fromNs = change.atNs;
    // Gaps never overlap; one may begin in this state and end in a later one.
    while (gapAt < gaps.length) {
      const gap = gaps[gapAt];
      if (gap === undefined || gap.fromNs >= endNs) break;
      if (gap.toNs <= fromNs) {
        gapAt++;
        continue;
      }
      push(segments, change.value, fromNs, gap.fromNs, range);
      push(segments, null, later(gap.fromNs, fromNs), earlier(gap.toNs, endNs), range);
      fromNs = earlier(gap.toNs, endNs);
      if (gap.toNs > endNs) break;
      gapAt++;
    }
    push(segments, change.value, fromNs, endNs, range);
  }
  return segments;
}

/** The gaps, the one after the last point included. */
function gapsOf(states: GroupStates, range: Range, staleNs: bigint | undefined): readonly Gap[] {
  if (staleNs === undefined || range.toNs - states.heardNs <= staleNs) return states.gaps;
  return [...states.gaps, { fromNs: states.heardNs + staleNs, toNs: range.toNs }];
}

function push(
  segments: Segment[],
  value: Segment['value'],
  fromNs: bigint,
  toNs: bigint,
  range: Range,
): void {
  const { fromNs: from, toNs: to } = clipped({ fromNs, toNs }, range);
  if (to <= from) return;
  const last = segments.at(-1);
  // Two pieces of one gap, on both sides of a change that came late.
  if (value === null && last?.value === null && last.toNs === from)
    segments[segments.length - 1] = { value, fromNs: last.fromNs, toNs: to };
  else segments.push({ value, fromNs: from, toNs: to });
}

/** Of two times the earlier one; Math.min takes no bigints. */
export function earlier(a: bigint, b: bigint): bigint {
  if (b < a) return b;
  return a;
}

/** Of two times the later one. */
export function later(a: bigint, b: bigint): bigint {
  if (b > a) return b;
  return a;
}

export function clipped(piece: Range, range: Range): Range {
  return { fromNs: later(piece.fromNs, range.fromNs), toNs: earlier(piece.toNs, range.toNs) };
}
