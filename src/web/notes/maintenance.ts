import type { StateSource } from '../sources/state-source.ts';
import type { Gap } from '../states/group-states.ts';
import type { Range } from '../states/segments.ts';
import type { Series } from '../states/state-reader.ts';

/** @returns the maintenance windows of a group, by the values of its tags */
export async function maintenanceOf(
  _source: StateSource,
  _series: Series,
  _range: Range,
  _signal: AbortSignal,
): Promise<(tags: readonly string[]) => readonly Gap[]> {
  return () => [];
}
