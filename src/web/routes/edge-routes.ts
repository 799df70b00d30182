import { formatLine } from '../../line-protocol/writer.ts';
import { sendStream, signalOf } from '../answering.ts';
import { edgeText, lastedSeconds, plainTime, valueText } from '../api/answer-texts.ts';
import { EdgesAnswer, EdgesQuery } from '../api/schemas.ts';
import { seriesOf } from '../api/series-requests.ts';
import { openRangeOf } from '../api/times.ts';
import type { WebApp, WebContext } from '../context.ts';
import { wrongParameter } from '../problem.ts';
import type { CellValue } from '../sources/state-source.ts';
import { readEdges, type StateEdge } from '../states/edge-reader.ts';
import type { OpenRange, Series } from '../states/state-reader.ts';
import { csvRow } from './csv.ts';
import { type AnswerFormat, formatOf, MEDIA_TYPES } from './negotiation.ts';
import { problemAnswers } from './problem-answers.ts';

const FORMATS = ['json', 'csv', 'ndjson', 'lp'] as const;
const MAX_NEWEST = 10_000;

/** Where a page begins: so many edges after a time. */
interface Cursor {
  readonly fromNs: bigint | undefined;
  readonly skip: number;
}

/** The table of changes. */
export function edgeRoutes(app: WebApp, context: WebContext): void {
  app.get(
    '/edges',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'The changes of state, one by one',
        tags: ['states'],
        querystring: EdgesQuery,
        response: {
          200: {
            description: 'The changes.',
            content: {
              'application/json': { schema: EdgesAnswer },
              'text/csv': { schema: { type: 'string' } },
              'application/x-ndjson': { schema: { type: 'string' } },
              'text/plain': { schema: { type: 'string' } },
            },
          },
          ...problemAnswers,
        },
      },
    },
    (request, reply) => {
      const { limit, order } = request.query;
      const format = request.query.format ?? formatOf(request.headers.accept, FORMATS);
      const series = seriesOf(request.query);
      const range = openRangeOf(request.query, context.nowNs());
      const cursor = cursorOf(request.query.cursor, range);
      if (order === 'newest' && request.query.cursor !== undefined)
        throw wrongParameter('cursor', request.query.cursor, 'none with order=newest');
      if (order === 'newest' && (limit === undefined || limit > MAX_NEWEST))
        throw wrongParameter('limit', limit, `a number up to ${MAX_NEWEST} with order=newest`);
      const signal = signalOf(reply, context);
      const pages: Pages = { series, range, cursor, limit };
      const edges = order === 'newest' ? newest(context, pages, signal) : page(context, pages, signal);
      reply
        .type(`${MEDIA_TYPES[format]}; charset=utf-8`)
        .header('vary', 'accept')
        .header('cache-control', 'no-cache');
      if (format === 'csv') reply.header('content-disposition', 'attachment; filename="edges.csv"');
      return sendStream(reply, textOf(edges, format, series));
    },
  );
}

interface Pages {
  readonly series: Series;
  readonly range: OpenRange;
  readonly cursor: Cursor;
  readonly limit: number | undefined;
}

/** The edges of one page, and at last the cursor of the next one if there is one. */
type PageItem = readonly StateEdge[] | string;

async function* page(
  context: WebContext,
  { cursor, limit, range, series }: Pages,
  signal: AbortSignal,
): AsyncGenerator<PageItem> {
  const isDetected = series.options.length > 0;
  // The detector's edges are not quite in the order of time: they are counted from the beginning.
  const fromNs = isDetected ? range.fromNs : (cursor.fromNs ?? range.fromNs);
  let { skip } = cursor;
  let left = limit ?? Number.POSITIVE_INFINITY;
  let last: StateEdge | undefined;
  let atSameTime = cursor.skip;
  let count = 0;
  for await (const piece of readEdges(context.source, context.reader, series, { ...range, fromNs }, signal)) {
    const edges = piece.slice(skip, skip + left + 1);
    skip = Math.max(0, skip - piece.length);
    const given = edges.length > left ? edges.slice(0, left) : edges;
    for (const edge of given) {
      const isSame = last === undefined ? edge.timeNs === cursor.fromNs : last.timeNs === edge.timeNs;
      atSameTime = isSame ? atSameTime + 1 : 1;
      last = edge;
    }
    left -= given.length;
    count += given.length;
    if (given.length > 0) yield given;
    if (edges.length <= given.length) continue;
    yield isDetected
      ? cursorText({ fromNs: undefined, skip: cursor.skip + count })
      : cursorText({ fromNs: last?.timeNs, skip: atSameTime });
    return;
  }
}

/** The last edges, backwards. */
async function* newest(
  context: WebContext,
  { limit = MAX_NEWEST, range, series }: Pages,
  signal: AbortSignal,
): AsyncGenerator<PageItem> {
  let kept: StateEdge[] = [];
  for await (const edges of readEdges(context.source, context.reader, series, range, signal)) {
    kept.push(...edges);
    if (kept.length > 4 * MAX_NEWEST) kept = kept.slice(-limit);
  }
  yield kept.slice(-limit).reverse();
}

function cursorText({ fromNs, skip }: Cursor): string {
  return Buffer.from(`${fromNs ?? ''}.${skip}`).toString('base64url');
}

function cursorOf(text: string | undefined, range: OpenRange): Cursor {
  if (text === undefined) return { fromNs: undefined, skip: 0 };
  const [, time, skip] = /^(-?\d{0,19})\.(\d{1,15})$/.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  if (time === undefined || skip === undefined || time === '-')
    throw wrongParameter('cursor', text, 'the `next` of the page before');
  const fromNs = time === '' ? undefined : BigInt(time);
  if (fromNs !== undefined && fromNs >= range.toNs)
    throw wrongParameter('cursor', text, 'the `next` of a page of the same range');
  return { fromNs, skip: Number(skip) };
}

async function* textOf(
  items: AsyncIterable<PageItem>,
  format: AnswerFormat,
  series: Series,
): AsyncGenerator<string> {
  const { group, measurement } = series.selection;
  let next: string | undefined;
  let separator = '';
  if (format === 'json') yield '{"edges":[';
  if (format === 'csv') yield csvRow(['time', ...group, 'value', 'previous', 'lasted_seconds']);
  for await (const item of items) {
    if (typeof item === 'string') {
      next = item;
      continue;
    }
    let text = '';
    for (const edge of item) {
      if (format === 'csv') text += csvText(edge);
      else if (format === 'ndjson') text += `${edgeText(edge, group)}\n`;
      else if (format === 'lp') text += `${lineOf(edge, measurement, group)}\n`;
      else {
        text += separator + edgeText(edge, group);
        separator = ',';
      }
    }
    yield text;
  }
  if (format === 'json') yield `],"next":${JSON.stringify(next ?? null)}}`;
}

function csvText(edge: StateEdge): string {
  const { previous, tags, timeNs, value } = edge;
  const seconds = lastedSeconds(edge);
  const before = previous === undefined ? '' : plainText(previous.value);
  return csvRow([
    plainTime(timeNs),
    ...tags,
    plainText(value),
    before,
    seconds === null ? '' : String(seconds),
  ]);
}

function plainText(value: CellValue): string {
  return typeof value === 'string' ? value : valueText(value);
}

/** The edge as the detector would write it with previousAs and durationAs. */
function lineOf(edge: StateEdge, measurement: string, names: readonly string[]): string {
  const fields = new Map<string, CellValue>([['value', edge.value]]);
  if (edge.previous !== undefined) fields.set('previous', edge.previous.value);
  const seconds = lastedSeconds(edge);
  if (seconds !== null) fields.set('lasted', seconds);
  const tags = new Map(names.map((name, at) => [name, edge.tags[at] ?? '']));
  return formatLine({ measurement, tags, fields, time: edge.timeNs });
}
