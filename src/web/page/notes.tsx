import { useEffect, useState } from 'preact/hooks';
import type { AboutAnswer, Note } from '../api/schemas.ts';
import { api } from './api.ts';
import { Confirmation, Dialog } from './dialog.tsx';
import { formatMoment, groupName } from './format.ts';
import type { Settings } from './settings.ts';
import type { View } from './timeline-drawing.ts';
import type { TimelineRow } from './timeline-rows.ts';
import { textOf } from './use-data.ts';

export interface NotesProps {
  readonly about: AboutAnswer;
  readonly settings: Settings;
  readonly notes: readonly Note[];
  onShow(ms: number): void;
  onChanged(): void;
}

/** Maintenance windows and remarks. */
export function Notes({ about, notes, onChanged, onShow, settings }: NotesProps) {
  const [removed, setRemoved] = useState<Note>();
  const [error, setError] = useState<string>();
  const mayWrite = about.scope === 'write' || about.scope === 'admin';
  if (notes.length === 0) return null;
  const remove = async (note: Note): Promise<void> => {
    setRemoved(undefined);
    try {
      await api.removeNote(settings.database, note.id);
      onChanged();
    } catch (failure) {
      setError(textOf(failure));
    }
  };
  return (
    <section class="notes" aria-labelledby="notes-title">
      <header>
        <h2 id="notes-title">Notes</h2>
      </header>
      {error !== undefined && (
        <p class="problem" role="alert">
          {error}
        </p>
      )}
      <ul>
        {notes.map((note) => (
          <li key={note.id}>
            <button class="link" type="button" onClick={() => onShow(Date.parse(note.from))}>
              {formatMoment(Date.parse(note.from), 86_400_000)} –{' '}
              {formatMoment(Date.parse(note.to), 86_400_000)}
            </button>{' '}
            <em>{note.kind}</em> {Object.keys(note.group).length === 0 ? 'all' : groupName(note.group)}{' '}
            {note.text}
            {mayWrite && (
              <span class="tools">
                <button class="tool" type="button" onClick={() => setRemoved(note)}>
                  delete
                </button>
              </span>
            )}
          </li>
        ))}
      </ul>
      {removed !== undefined && (
        <Confirmation
          title="Delete this note?"
          text={removed.text === '' ? removed.kind : removed.text}
          action="delete"
          onDone={(isConfirmed) => (isConfirmed ? void remove(removed) : setRemoved(undefined))}
        />
      )}
    </section>
  );
}

export interface NoteFormProps {
  readonly settings: Settings;
  readonly marked: View;
  readonly rows: readonly TimelineRow[];
  onClose(): void;
  onSaved(): void;
}

/** Asks for a note on the range that was marked. */
function NoteForm({ marked, onClose, onSaved, rows, settings }: NoteFormProps) {
  const [error, setError] = useState<string>();
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const form = new FormData(event.currentTarget);
    const text = (name: string): string => String(form.get(name) ?? '');
    const row = rows.find(({ key }) => key === text('group'));
    try {
      await api.addNote(settings.database, {
        kind: text('kind') === 'note' ? 'note' : 'maintenance',
        from: new Date(text('from')).toISOString(),
        to: new Date(text('to')).toISOString(),
        text: text('text'),
        group: row?.group ?? {},
        measurement: settings.measurement,
      });
      onSaved();
      onClose();
    } catch (failure) {
      setError(textOf(failure));
    }
  };
  return (
    <Dialog title="Note on a range" onClose={onClose}>
      <form onSubmit={(event) => void save(event)}>
        {error !== undefined && (
          <p class="problem" role="alert">
            {error}
          </p>
        )}
        <label>
          What it is
          <select name="kind">
            <option value="maintenance">maintenance: left out of availability</option>
            <option value="note">a note</option>
          </select>
        </label>
        <label>
          For
          <select name="group">
            <option value="">all groups</option>
            {rows.map(({ key, name }) => (
              <option key={key} value={key}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          From
          <input name="from" type="datetime-local" step="1" required value={localTime(marked.fromMs)} />
        </label>
        <label>
          To
          <input name="to" type="datetime-local" step="1" required value={localTime(marked.toMs)} />
        </label>
        <label>
          Text
          <input name="text" type="text" maxLength={1000} />
        </label>
        <p class="buttons">
          <button type="button" onClick={onClose}>
            cancel
          </button>
          <button type="submit" class="primary">
            save
          </button>
        </p>
      </form>
    </Dialog>
  );
}

/** As the input wants it: the browser's zone, without saying so. */
function localTime(ms: number): string {
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** The form comes once the pointer rests: while a range is marked it would be in the way. */
export function NoteDialog(props: Parameters<typeof NoteForm>[0]) {
  const [isResting, setResting] = useState(false);
  useEffect(() => {
    setResting(false);
    const timer = setTimeout(() => setResting(true), 500);
    return () => clearTimeout(timer);
  }, [props.marked.fromMs, props.marked.toMs]);
  return isResting ? <NoteForm {...props} /> : null;
}
