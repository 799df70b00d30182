import { randomUUID } from 'node:crypto';
import { formatLine } from '../../line-protocol/writer.ts';
import type { NewNote, NoteChange, NoteKind } from '../api/schemas.ts';
import { timeNsOf } from '../api/times.ts';
import { ProblemError, wrongParameter } from '../problem.ts';
import type { CellValue, Row, StateSource, WriteTarget } from '../sources/state-source.ts';

/** A text or a maintenance window on a range of some groups. */
export interface StoredNote {
  readonly id: string;
  readonly kind: NoteKind;
  readonly fromNs: bigint;
  readonly toNs: bigint;
  readonly text: string;
  /** The tags that a group must have; none: every group. */
  readonly group: Readonly<Record<string, string>>;
  /** Undefined: of any measurement. */
  readonly measurement: string | undefined;
  readonly createdNs: bigint;
  readonly modifiedNs: bigint;
}

/** Where notes lie, in the database that they are about. */
const MEASUREMENT = 'edge_detect_notes';
const FIELDS = ['kind', 'from', 'to', 'text', 'group', 'measurement', 'created', 'deleted'] as const;

/**
 * Notes in InfluxDB, a series each by the tag `id`. An edit or a deletion is a newer point of it, as versions of InfluxDB
 * delete differently; so nothing that was ever written is lost, either.
 */
export class NoteStore {
  readonly #source: StateSource;
  readonly #nowNs: () => bigint;

  constructor(source: StateSource, nowNs: () => bigint) {
    this.#source = source;
    this.#nowNs = nowNs;
  }

  /** All notes, by their beginning. */
  async list(target: WriteTarget, signal: AbortSignal): Promise<StoredNote[]> {
    const notes = new Map<string, StoredNote | undefined>();
    const selection = {
      ...target,
      measurement: MEASUREMENT,
      fields: FIELDS,
      group: ['id'],
      where: new Map(),
      fromNs: undefined,
      toNs: undefined,
    };
    // Points come by time: the last one of each counts.
    for await (const rows of this.#source.byGroup(selection, signal))
      for (const row of rows) notes.set(row.tags[0] ?? '', noteOf(row));
    return [...notes.values()]
      .filter((note) => note !== undefined)
      .sort((a, b) => (a.fromNs < b.fromNs ? -1 : a.fromNs > b.fromNs ? 1 : a.id < b.id ? -1 : 1));
  }

  async create(target: WriteTarget, note: NewNote, signal: AbortSignal): Promise<StoredNote> {
    const nowNs = this.#nowNs();
    const stored: StoredNote = {
      id: randomUUID(),
      kind: note.kind,
      ...rangeOf(note.from, note.to, nowNs),
      text: note.text,
      group: note.group,
      measurement: note.measurement,
      createdNs: nowNs,
      modifiedNs: nowNs,
    };
    await this.#write(target, stored, false, signal);
    return stored;
  }

  /** @throws ProblemError if there is no such note, or the change makes no sense */
  async change(
    target: WriteTarget,
    id: string,
    change: NoteChange,
    signal: AbortSignal,
  ): Promise<StoredNote> {
    const before = await this.#find(target, id, signal);
    const nowNs = this.#nowNs();
    const stored: StoredNote = {
      ...before,
      kind: change.kind ?? before.kind,
      ...ordered(
        change.from === undefined ? before.fromNs : timeNsOf('from', change.from, nowNs),
        change.to === undefined ? before.toNs : timeNsOf('to', change.to, nowNs),
        change.from ?? change.to ?? '',
      ),
      text: change.text ?? before.text,
      group: change.group ?? before.group,
      measurement: change.measurement ?? before.measurement,
      modifiedNs: laterThan(before.modifiedNs, nowNs),
    };
    await this.#write(target, stored, false, signal);
    return stored;
  }

  /** @throws ProblemError if there is no such note */
  async remove(target: WriteTarget, id: string, signal: AbortSignal): Promise<void> {
    const before = await this.#find(target, id, signal);
    await this.#write(
      target,
      { ...before, modifiedNs: laterThan(before.modifiedNs, this.#nowNs()) },
      true,
      signal,
    );
  }

  async #find(target: WriteTarget, id: string, signal: AbortSignal): Promise<StoredNote> {
    const note = (await this.list(target, signal)).find((each) => each.id === id);
    if (note === undefined)
      throw new ProblemError('NOTE_NOT_FOUND', `there is no note ${id} in ${target.database}`, {
        parameter: 'id',
        value: id,
      });
    return note;
  }

  async #write(
    target: WriteTarget,
    note: StoredNote,
    isDeleted: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const fields = new Map<string, CellValue>([
      ['kind', note.kind],
      ['from', note.fromNs],
      ['to', note.toNs],
      ['text', note.text],
      ['group', JSON.stringify(note.group)],
      ['measurement', note.measurement ?? ''],
      ['created', note.createdNs],
      ['deleted', isDeleted],
    ]);
    const line = formatLine({
      measurement: MEASUREMENT,
      tags: new Map([['id', note.id]]),
      fields,
      time: note.modifiedNs,
    });
    await this.#source.write(target, [line], signal);
  }
}

/** Two changes within one tick of the clock are still two points. */
function laterThan(beforeNs: bigint, nowNs: bigint): bigint {
  return nowNs > beforeNs ? nowNs : beforeNs + 1n;
}

function rangeOf(from: string, to: string, nowNs: bigint): { fromNs: bigint; toNs: bigint } {
  return ordered(timeNsOf('from', from, nowNs), timeNsOf('to', to, nowNs), from);
}

function ordered(fromNs: bigint, toNs: bigint, text: string): { fromNs: bigint; toNs: bigint } {
  if (fromNs >= toNs) throw wrongParameter('from', text, 'a time before to');
  return { fromNs, toNs };
}

/** Undefined if it is deleted, or no note of ours. */
function noteOf({ tags, timeNs, values }: Row): StoredNote | undefined {
  const [kind, from, to, text, group, measurement, created, deleted] = values;
  if (deleted !== false || (kind !== 'maintenance' && kind !== 'note')) return undefined;
  const [fromNs, toNs, createdNs] = [from, to, created].map(nanosOf);
  if (fromNs === undefined || toNs === undefined || fromNs >= toNs) return undefined;
  return {
    id: tags[0] ?? '',
    kind,
    fromNs,
    toNs,
    text: typeof text === 'string' ? text : '',
    group: groupOf(group),
    measurement: typeof measurement === 'string' && measurement !== '' ? measurement : undefined,
    createdNs: createdNs ?? timeNs,
    modifiedNs: timeNs,
  };
}

function nanosOf(value: CellValue | null | undefined): bigint | undefined {
  if (typeof value === 'bigint') return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

function groupOf(value: CellValue | null | undefined): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(typeof value === 'string' ? value : '{}');
    if (typeof parsed !== 'object' || parsed === null) return {};
    return Object.fromEntries(Object.entries(parsed).map(([tag, text]) => [tag, String(text)]));
  } catch {
    return {};
  }
}
