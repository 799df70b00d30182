import type { Gap } from '../states/group-states.ts';
import type { Range } from '../states/segments.ts';
import type { Series } from '../states/state-reader.ts';
import { joined } from '../states/summary.ts';
import type { NoteStore, StoredNote } from './note-store.ts';

/** @returns the maintenance windows of a group, by the values of its tags */
export async function maintenanceOf(
  notes: NoteStore,
  { selection }: Series,
  range: Range,
  signal: AbortSignal,
): Promise<(tags: readonly string[]) => readonly Gap[]> {
  const windows = (await notes.list(selection, signal)).filter(
    (note) =>
      note.kind === 'maintenance' &&
      (note.measurement === undefined || note.measurement === selection.measurement) &&
      note.fromNs < range.toNs &&
      note.toNs > range.fromNs,
  );
  return (tags) => joined(windows.filter((note) => isAbout(note, selection.group, tags)));
}

/** Whether a group has all the tags of a note. */
export function isAbout(note: StoredNote, names: readonly string[], tags: readonly string[]): boolean {
  return Object.entries(note.group).every(([tag, value]) => {
    const at = names.indexOf(tag);
    return at >= 0 && tags[at] === value;
  });
}
