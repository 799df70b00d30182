import { signalOf } from '../answering.ts';
import { plainTime } from '../api/answer-texts.ts';
import {
  NewNote,
  NoContent,
  Note,
  NoteChange,
  NoteDatabase,
  NoteId,
  NotesAnswer,
  NotesQuery,
} from '../api/schemas.ts';
import { openRangeOf } from '../api/times.ts';
import type { WebApp, WebContext } from '../context.ts';
import type { StoredNote } from '../notes/note-store.ts';
import type { WriteTarget } from '../sources/state-source.ts';
import { csvRow } from './csv.ts';
import { formatOf, MEDIA_TYPES } from './negotiation.ts';
import { problemAnswers } from './problem-answers.ts';

const TAGS = ['writing'];
const FORMATS = ['json', 'csv', 'ndjson'] as const;

/** Maintenance windows and notes. */
export function noteRoutes(app: WebApp, context: WebContext): void {
  const { cache, notes } = context;
  listRoute(app, context);
  app.post(
    '/notes',
    {
      config: { scope: 'write' },
      schema: {
        summary: 'A new note, or maintenance window',
        tags: TAGS,
        querystring: NoteDatabase,
        body: NewNote,
        response: { 201: Note, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const note = await notes.create(targetOf(request.query), request.body, signalOf(reply, context));
      cache.clear();
      return reply.code(201).send(shown(note));
    },
  );
  app.patch(
    '/notes/:id',
    {
      config: { scope: 'write' },
      schema: {
        summary: 'Changes a note; what is not there stays',
        tags: TAGS,
        params: NoteId,
        querystring: NoteDatabase,
        body: NoteChange,
        response: { 200: Note, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const target = targetOf(request.query);
      const note = await notes.change(target, request.params.id, request.body, signalOf(reply, context));
      cache.clear();
      return shown(note);
    },
  );
  app.delete(
    '/notes/:id',
    {
      config: { scope: 'write' },
      schema: {
        summary: 'Deletes a note',
        tags: TAGS,
        params: NoteId,
        querystring: NoteDatabase,
        response: { 204: NoContent, ...problemAnswers },
      },
    },
    async (request, reply) => {
      await notes.remove(targetOf(request.query), request.params.id, signalOf(reply, context));
      cache.clear();
      return reply.code(204).send(null);
    },
  );
}

function listRoute(app: WebApp, context: WebContext): void {
  app.get(
    '/notes',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'Notes and maintenance windows of a range',
        tags: TAGS,
        querystring: NotesQuery,
        response: {
          200: {
            description: 'The notes, by their beginning.',
            content: {
              'application/json': { schema: NotesAnswer },
              'text/csv': { schema: { type: 'string' } },
              'application/x-ndjson': { schema: { type: 'string' } },
            },
          },
          ...problemAnswers,
        },
      },
    },
    async (request, reply) => {
      const { measurement } = request.query;
      const format = request.query.format ?? formatOf(request.headers.accept, FORMATS);
      const isBounded = request.query.from !== undefined;
      const range = openRangeOf(request.query, context.nowNs());
      const all = await context.notes.list(targetOf(request.query), signalOf(reply, context));
      const found = all.filter(
        (note) =>
          (measurement === undefined || note.measurement === undefined || note.measurement === measurement) &&
          // Without a range also those to come.
          (!isBounded || (note.fromNs < range.toNs && note.toNs > (range.fromNs ?? note.fromNs))),
      );
      reply.type(`${MEDIA_TYPES[format]}; charset=utf-8`).header('vary', 'accept');
      if (format === 'csv') reply.header('content-disposition', 'attachment; filename="notes.csv"');
      await reply.send(textOf(found.map(shown), format));
    },
  );
}

function targetOf({
  database,
  policy,
}: {
  readonly database: string;
  readonly policy?: string;
}): WriteTarget {
  return { database, policy };
}

function shown(note: StoredNote): Note {
  return {
    id: note.id,
    kind: note.kind,
    from: plainTime(note.fromNs),
    to: plainTime(note.toNs),
    text: note.text,
    group: note.group,
    measurement: note.measurement ?? null,
    created: plainTime(note.createdNs),
    modified: plainTime(note.modifiedNs),
  };
}

function textOf(notes: readonly Note[], format: 'json' | 'csv' | 'ndjson'): string {
  if (format === 'json') return JSON.stringify({ notes });
  if (format === 'ndjson') return notes.map((note) => `${JSON.stringify(note)}\n`).join('');
  const head = csvRow(['id', 'kind', 'from', 'to', 'text', 'group', 'measurement', 'created', 'modified']);
  const rows = notes.map((note) => {
    const group = Object.entries(note.group).map(([tag, value]) => `${tag}=${value}`);
    const { created, from, id, kind, measurement, modified, text, to } = note;
    return csvRow([id, kind, from, to, text, group.join(','), measurement ?? '', created, modified]);
  });
  return head + rows.join('');
}
