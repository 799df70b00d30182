import { shownTime } from '../../edges/display-text.ts';
import { sendCached, signalOf } from '../answering.ts';
import { figuresText, groupText, intervalText, secondsOf, timeText, valueText } from '../api/answer-texts.ts';
import {
  IntervalsAnswer,
  IntervalsQuery,
  SeriesAnswer,
  SeriesQuery,
  StatesAnswer,
  StatesQuery,
  SummaryAnswer,
  SummaryQuery,
} from '../api/schemas.ts';
import { seriesOf } from '../api/series-requests.ts';
import { openRangeOf, rangeOf, staleNsOf } from '../api/times.ts';
import type { WebApp, WebContext } from '../context.ts';
import { maintenanceOf } from '../notes/maintenance.ts';
import { wrongParameter } from '../problem.ts';
import type { Described } from '../sources/state-source.ts';
import { mergeNarrow } from '../states/intervals.ts';
import { isZone, periodsOf, TooManyPeriods } from '../states/periods.ts';
import { type Range, segmentsOf } from '../states/segments.ts';
import type { OpenRange, Series } from '../states/state-reader.ts';
import { addFigures, type Figures, figuresOf } from '../states/summary.ts';
import { problemAnswers } from './problem-answers.ts';

const READ = { config: { scope: 'read' } } as const;

/** What is, what was, and what it comes to. */
export function stateRoutes(app: WebApp, context: WebContext): void {
  app.get(
    '/series',
    { ...READ, schema: schemaOf('What can be shown', SeriesQuery, SeriesAnswer) },
    async (request, reply) => {
      const { all, database } = request.query;
      const described = await context.source.describe(database, signalOf(reply, context));
      return { series: described.map((each) => shown(each, all)).filter(({ fields }) => fields.length > 0) };
    },
  );
  app.get(
    '/states',
    { ...READ, schema: schemaOf('The present state of each group', StatesQuery, StatesAnswer) },
    (request, reply) => {
      const series = seriesOf(request.query);
      const range = openRangeOf(request.query, context.nowNs());
      const staleNs = staleNsOf(request.query.stale);
      return sendCached(request, reply, context, (signal) =>
        statesText(context, series, range, staleNs, signal),
      );
    },
  );
  app.get(
    '/intervals',
    { ...READ, schema: schemaOf('States as intervals in a range', IntervalsQuery, IntervalsAnswer) },
    (request, reply) => {
      const series = seriesOf(request.query);
      const range = rangeOf(request.query, context.nowNs(), context.limits.maxRangeNs);
      const options = { staleNs: staleNsOf(request.query.stale), pixels: request.query.pixels };
      return sendCached(request, reply, context, (signal) =>
        intervalsText(context, series, range, options, signal),
      );
    },
  );
  app.get(
    '/summary',
    { ...READ, schema: schemaOf('Shares of time, availability and outages', SummaryQuery, SummaryAnswer) },
    (request, reply) => {
      const { by, zone } = request.query;
      const series = seriesOf(request.query);
      const range = rangeOf(request.query, context.nowNs(), context.limits.maxRangeNs);
      if (!isZone(zone)) throw wrongParameter('zone', zone, 'a time zone such as Europe/Berlin');
      const options: SummaryOptions = {
        staleNs: staleNsOf(request.query.stale),
        up: new Set(request.query.up),
        periods: by === undefined ? undefined : periodsIn(range, by, zone),
      };
      return sendCached(request, reply, context, (signal) =>
        summaryText(context, series, range, options, signal),
      );
    },
  );
}

function schemaOf<Query, Answer>(summary: string, querystring: Query, answer: Answer) {
  return { summary, tags: ['states'], querystring, response: { 200: answer, ...problemAnswers } };
}

/** Texts first: they are states most often. */
const TYPE_ORDER = ['string', 'boolean', 'integer', 'float'] as const;

function shown(
  { database, fields, measurement, tags }: Described,
  isAll: boolean,
): SeriesAnswer['series'][0] {
  return {
    database,
    measurement,
    fields: fields
      .filter(({ type }) => isAll || type !== 'float')
      .toSorted((a, b) => TYPE_ORDER.indexOf(a.type) - TYPE_ORDER.indexOf(b.type)),
    tags: [...tags],
  };
}

async function* statesText(
  { reader }: WebContext,
  series: Series,
  range: OpenRange,
  staleNs: bigint | undefined,
  signal: AbortSignal,
): AsyncGenerator<string> {
  yield `{"to":${timeText(range.toNs)},"states":[`;
  let separator = '';
  for await (const { changes, heardNs, tags } of reader.groups(series, range, staleNs, signal)) {
    const last = changes.at(-1);
    if (last === undefined) continue;
    const isStale = staleNs !== undefined && range.toNs - heardNs > staleNs;
    const seconds = Math.max(0, secondsOf(range.toNs - last.atNs));
    yield `${separator}{"group":${groupText(series.selection.group, tags)},"value":${valueText(last.value)},` +
      `"since":${timeText(last.atNs)},"seconds":${seconds},"heard":${timeText(heardNs)},` +
      `"changes":${changes.length - 1},"stale":${isStale}}`;
    separator = ',';
  }
  yield ']}';
}

async function* intervalsText(
  { reader }: WebContext,
  series: Series,
  range: Range,
  { pixels, staleNs }: { readonly pixels: number | undefined; readonly staleNs: bigint | undefined },
  signal: AbortSignal,
): AsyncGenerator<string> {
  yield `{"from":${timeText(range.fromNs)},"to":${timeText(range.toNs)},"groups":[`;
  let separator = '';
  for await (const states of reader.groups(series, range, staleNs, signal)) {
    const segments = segmentsOf(states, range, staleNs);
    if (segments.length === 0) continue;
    const drawn = pixels === undefined ? segments : mergeNarrow(segments, range, pixels);
    const beganNs = states.changes[0]?.atNs ?? range.fromNs;
    const texts = drawn.map((interval) => intervalText(interval, { range, beganNs }));
    yield `${separator}{"group":${groupText(series.selection.group, states.tags)},"intervals":[${texts.join(',')}]}`;
    separator = ',';
  }
  yield ']}';
}

interface SummaryOptions {
  readonly staleNs: bigint | undefined;
  readonly up: ReadonlySet<string>;
  readonly periods: readonly Range[] | undefined;
}

/** The figures of a group or of all, and those of each period. */
interface Summary {
  readonly figures: Figures;
  readonly periods: readonly Figures[] | undefined;
}

async function* summaryText(
  context: WebContext,
  series: Series,
  range: Range,
  options: SummaryOptions,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { group } = series.selection;
  // Asked for beside the states, and awaited with the first of them.
  const asked = maintenanceOf(context.notes, series, range, signal);
  asked.catch(() => {});
  const summaries: Summary[] = [];
  yield `{"from":${timeText(range.fromNs)},"to":${timeText(range.toNs)},"groups":[`;
  for await (const states of context.reader.groups(series, range, options.staleNs, signal)) {
    const segments = segmentsOf(states, range, options.staleNs);
    if (segments.length === 0) continue;
    const windows = (await asked)(states.tags);
    const summary: Summary = {
      figures: figuresOf(segments, range, windows, options.up),
      periods: options.periods?.map((period) => figuresOf(segments, period, windows, options.up)),
    };
    const separator = summaries.length > 0 ? ',' : '';
    summaries.push(summary);
    yield `${separator}{"group":${groupText(group, states.tags)},${summaryMembers(summary, options.periods)}}`;
  }
  const all: Summary = {
    figures: addFigures(summaries.map(({ figures }) => figures)),
    periods: options.periods?.map((_, at) =>
      addFigures(summaries.flatMap(({ periods }) => periods?.slice(at, at + 1) ?? [])),
    ),
  };
  yield `],"all":{${summaryMembers(all, options.periods)}}}`;
}

function summaryMembers({ figures, periods }: Summary, ranges: readonly Range[] | undefined): string {
  if (periods === undefined || ranges === undefined) return figuresText(figures);
  const texts = periods.map((each, at) => {
    const { fromNs, toNs } = ranges[at] ?? { fromNs: 0n, toNs: 0n };
    return `{"from":${timeText(fromNs)},"to":${timeText(toNs)},${figuresText(each)}}`;
  });
  return `${figuresText(figures)},"periods":[${texts.join(',')}]`;
}

function periodsIn(range: Range, by: 'day' | 'week' | 'month', zone: string): Range[] {
  try {
    return periodsOf(range, by, zone);
  } catch (error) {
    if (!(error instanceof TooManyPeriods)) throw error;
    throw wrongParameter(
      'by',
      by,
      `longer periods for a range from ${shownTime(range.fromNs)}: these are ${error.message}`,
    );
  }
}
