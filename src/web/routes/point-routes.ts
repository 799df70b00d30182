import { Type } from 'typebox';
import { LineReader } from '../../feed/readers/lines.ts';
import { type Cell, RecordMapper } from '../../feed/readers/record-mapper.ts';
import { USUAL_SETTINGS } from '../../feed/readers/settings.ts';
import type { Precision } from '../../feed/readers/times.ts';
import { Refusal } from '../../feed/targets/target.ts';
import { signalOf } from '../answering.ts';
import {
  JsonPoint,
  type PointsAnswer,
  PointsAnswer as PointsAnswerSchema,
  PointsQuery,
} from '../api/schemas.ts';
import type { WebApp, WebContext } from '../context.ts';
import { ProblemError } from '../problem.ts';
import type { WriteTarget } from '../sources/state-source.ts';
import { problemAnswers } from './problem-answers.ts';

/** As many lines InfluxDB gets at once. */
const BATCH_LINES = 5_000;
const MAX_SHOWN_LENGTH = 100;
/** More refusals than these are counted, not told one by one. */
const MAX_REFUSED = 1_000;

type Reading = ReturnType<LineReader['end']>[number];

/** A point that may be written. */
interface Item {
  /** From 1. */
  readonly number: number;
  readonly line: string;
}

type Refused = PointsAnswer['refused'][number];

/** Points into InfluxDB. The body is read here as it was written: a number keeps its digits. */
export function pointRoutes(app: WebApp, context: WebContext): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'text/plain', 'application/octet-stream'],
    { parseAs: 'string' },
    (_request, body, done) => done(null, body),
  );
  app.post(
    '/points',
    {
      config: { scope: 'write' },
      // Each point is checked by itself, so that one that is wrong costs no other.
      validatorCompiler: (definition) => {
        const compile = app.validatorCompiler;
        return definition.httpPart === 'body' || compile === undefined ? () => true : compile(definition);
      },
      schema: {
        summary: 'Writes points: line protocol, or JSON',
        description:
          'What InfluxDB would not take is refused point by point and named by its number; the others are written. ' +
          'A point with the same tags and time replaces the one before, so a request may be repeated. A point without a time is of now.',
        tags: ['writing'],
        consumes: ['text/plain', 'application/json'],
        querystring: PointsQuery,
        body: {
          content: {
            'text/plain': { schema: { type: 'string' } },
            'application/json': { schema: Type.Union([JsonPoint, Type.Array(JsonPoint)]) },
          },
        },
        response: { 200: PointsAnswerSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { database, policy, precision } = request.query;
      const text = typeof request.body === 'string' ? request.body : '';
      const isJson = request.headers['content-type']?.startsWith('application/json') === true;
      const readings = isJson ? readJson(text, precision) : readLines(text, precision ?? 'ns');
      if (readings.length === 0) throw new ProblemError('BODY_WRONG', 'there is no point in the body');
      const refused: Refused[] = [];
      const items: Item[] = [];
      const nowNs = context.nowNs();
      readings.forEach((reading, at) => {
        const number = at + 1;
        if (reading.kind === 'refused') refused.push(refusedItem(number, reading.record, reading.reason));
        else if (reading.kind === 'empty')
          refused.push(refusedItem(number, '', 'it has no field with a value'));
        else items.push({ number, line: `${reading.text} ${reading.timeNs ?? nowNs}` });
      });
      const target = { database, policy };
      refused.push(...(await writeAll(context, target, items, signalOf(reply, context))));
      context.cache.clear();
      return answerOf(readings.length - refused.length, refused);
    },
  );
}

/** @throws ProblemError if nothing was written */
function answerOf(written: number, refused: Refused[]): PointsAnswer {
  const shown = refused.toSorted((a, b) => a.item - b.item).slice(0, MAX_REFUSED);
  if (written > 0) return { written, refused: shown };
  const [first] = shown;
  throw new ProblemError('POINTS_REFUSED', `no point was written; the first: ${first?.reason}`, {
    more: { written, refused: shown },
  });
}

function readLines(text: string, precision: Precision): readonly Reading[] {
  const reader = new LineReader({ name: 'body', precision, fixedTags: new Map(), takesUnsigned: true });
  return [...reader.push(text), ...reader.end()];
}

/** A point as Telegraf writes it in JSON (`name`, `timestamp`), or with the names that InfluxDB has for these. */
function readJson(text: string, precision: Precision | undefined): Reading[] {
  let value: unknown;
  try {
    // The third argument, the text that a value was read from, is not in the compiler's library yet.
    value = JSON.parse(text, (_key, part: unknown, context?: { readonly source?: string }) =>
      typeof part === 'number' ? new Digits(context?.source ?? String(part)) : part,
    );
  } catch {
    throw new ProblemError('BODY_WRONG', 'the body is no JSON');
  }
  const mapper = new RecordMapper({ ...USUAL_SETTINGS, precision, isHistory: false });
  return [value].flat().map((item) => readItem(item, mapper));
}

/** A number as it was written. */
class Digits {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

function readItem(item: unknown, mapper: RecordMapper): Reading {
  const raw = JSON.stringify(item, (_key, part) => (part instanceof Digits ? Number(part.text) : part)) ?? '';
  const refuse = (reason: string): Reading => ({ kind: 'refused', record: raw, reason, head: '' });
  if (!isRecord(item)) return refuse('expected an object with measurement, tags, fields and time');
  const name = item.measurement ?? item.name;
  const { fields, tags = {} } = item;
  const time = item.time ?? item.timestamp;
  if (typeof name !== 'string' || name === '') return refuse('expected a measurement, which is a text');
  if (!isRecord(fields)) return refuse('expected fields, which are an object');
  if (!isRecord(tags)) return refuse('expected tags to be an object');
  if (Object.hasOwn(fields, 'time')) return refuse('InfluxDB keeps no field called time');
  const record = new Map<string, Cell>();
  for (const [tag, part] of Object.entries(tags)) {
    if (typeof part !== 'string') return refuse(`expected the tag ${tag} to be a text`);
    record.set(tag, { kind: 'tag', text: part });
  }
  for (const [field, part] of Object.entries(fields)) {
    const cell = cellOf(part);
    if (cell === undefined)
      return refuse(`expected the field ${field} to be a text, a number, true or false`);
    if (record.has(field)) return refuse(`${field} is a tag and a field`);
    record.set(field, cell);
  }
  if (time instanceof Digits) record.set('time', { kind: 'number', text: time.text });
  else if (typeof time === 'string') record.set('time', { kind: 'text', text: time });
  else if (time !== undefined) return refuse('expected the time to be a text or a number');
  return mapper.read({ cells: record, raw, measurement: name });
}

function cellOf(value: unknown): Cell | undefined {
  if (value instanceof Digits) return { kind: 'number', text: value.text };
  if (typeof value === 'string') return { kind: 'literal', text: value };
  return typeof value === 'boolean' ? { kind: 'bool', text: String(value) } : undefined;
}

/** @returns what InfluxDB has refused */
async function writeAll(
  context: WebContext,
  target: WriteTarget,
  items: readonly Item[],
  signal: AbortSignal,
): Promise<Refused[]> {
  const refused: Refused[] = [];
  const waiting: (readonly Item[])[] = [];
  for (let at = 0; at < items.length; at += BATCH_LINES) waiting.push(items.slice(at, at + BATCH_LINES));
  for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
    try {
      await context.source.write(
        target,
        batch.map(({ line }) => line),
        signal,
      );
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const [first] = batch;
      if (batch.length === 1 && first !== undefined)
        refused.push(refusedItem(first.number, first.line, error.named.get(first.line) ?? error.message));
      else {
        // Which of them it was is found by halves: to write a point again changes nothing.
        const middle = batch.length >>> 1;
        waiting.push(batch.slice(0, middle), batch.slice(middle));
      }
    }
  }
  return refused;
}

function refusedItem(item: number, text: string, reason: string): Refused {
  return { item, text: text.slice(0, MAX_SHOWN_LENGTH), reason };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Digits);
}
