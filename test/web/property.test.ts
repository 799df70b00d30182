import fc from 'fast-check';
import { DateTime } from 'luxon';
import { expect, test } from 'vitest';
import { shownTime } from '../../src/edges/display-text.ts';
import { parseLine } from '../../src/line-protocol/parser.ts';
import type { WebApp } from '../../src/web/context.ts';
import { MemorySource } from '../../src/web/sources/memory-source.ts';
import { later } from '../../src/web/states/segments.ts';
import { appOver } from './app.ts';
import { figuresOf, type OraclePoint, type OracleWindow, slicesOf } from './oracle.ts';

const SECOND_NS = 1_000_000_000n;
/** Many scenes, each with notes, a summary and its days. */
const PATIENCE_MS = 120_000;
/** Some days around a change of the clocks in Europe. */
const START_NS = BigInt(Date.UTC(2026, 9, 20)) * 1_000_000n;
const SPAN_S = 12 * 86_400;
const VALUES = ['SHOWTIME', 'TRAINING', 'IDLE'];

const timeNs = fc
  .record({ s: fc.integer({ min: 0, max: SPAN_S }), ns: fc.constantFrom(0n, 1n, 500_000_000n, 999_999_999n) })
  .map(({ ns, s }) => START_NS + BigInt(s) * SECOND_NS + ns);

const points = fc
  .array(fc.record({ timeNs, value: fc.constantFrom(...VALUES) }), { minLength: 1, maxLength: 40 })
  .map((all) => [...new Map(all.map((point) => [point.timeNs, point])).values()])
  .map((all) => all.sort((a, b) => (a.timeNs < b.timeNs ? -1 : 1)));

const window = fc
  .tuple(timeNs, timeNs)
  .filter(([a, b]) => a !== b)
  .map(([a, b]): OracleWindow => (a < b ? { fromNs: a, toNs: b } : { fromNs: b, toNs: a }));

const staleS = fc.option(fc.integer({ min: 1, max: 3 * 86_400 }), { nil: undefined });

const scenario = fc.record({
  points,
  range: window,
  staleS,
  windows: fc.array(window, { maxLength: 3 }),
  up: fc.subarray(VALUES, { minLength: 1 }),
});

/** A database for each scene: one server answers for all of them. */
function addPoints(source: MemorySource, database: string, all: readonly OraclePoint[]): void {
  for (const { timeNs, value } of all)
    source.add(
      database,
      parseLine(`adsl_connection,host=router1 value="${value}" ${timeNs}`, { file: 'test', line: 1 }),
    );
}

function queryOf(
  database: string,
  { range, staleS }: { readonly range: OracleWindow; readonly staleS: number | undefined },
): string {
  const stale = staleS === undefined ? '' : `&stale=${staleS}s`;
  return `database=${database}&measurement=adsl_connection&field=value&group=host&from=${shownTime(range.fromNs)}&to=${shownTime(range.toNs)}${stale}`;
}

async function addMaintenance(
  app: WebApp,
  database: string,
  windows: readonly OracleWindow[],
): Promise<void> {
  for (const { fromNs, toNs } of windows)
    await app.inject({
      method: 'POST',
      url: `/api/v1/notes?database=${database}`,
      payload: { kind: 'maintenance', from: shownTime(fromNs), to: shownTime(toNs) },
    });
}

const seconds = (ns: bigint): number => Number(ns) / 1e9;

test('intervals are those of a plain second implementation, and short ones survive any number of pixels', {
  timeout: PATIENCE_MS,
}, async () => {
  const source = new MemorySource('memory');
  const app = await appOver(source);
  let scenes = 0;
  await fc.assert(
    fc.asyncProperty(scenario, fc.integer({ min: 1, max: 50 }), async (scene, pixels) => {
      const staleNs = scene.staleS === undefined ? undefined : BigInt(scene.staleS) * SECOND_NS;
      const slices = slicesOf(scene.points, scene.range, staleNs, []);
      // Neighbours of one state are one interval; before the first point there is none.
      const expected: { value: string | null; fromNs: bigint; toNs: bigint; number: number }[] = [];
      for (const { fromNs, number, toNs, value = null } of slices) {
        if (number === 0) continue;
        const last = expected.at(-1);
        if (last?.value === value && (value === null || last.number === number)) last.toNs = toNs;
        else expected.push({ value, fromNs, toNs, number });
      }
      const database = `scene${++scenes}`;
      addPoints(source, database, scene.points);
      const answer = await app.inject(`/api/v1/intervals?${queryOf(database, scene)}`);
      const intervals = answer.json().groups[0]?.intervals ?? [];
      expect(intervals).toMatchObject(
        expected.map(({ fromNs, toNs, value }) => ({
          value,
          seconds: seconds(toNs - fromNs),
          kind: value === null ? 'unknown' : 'state',
        })),
      );
      const drawn = await app.inject(`/api/v1/intervals?${queryOf(database, scene)}&pixels=${pixels}`);
      expect(sharesOf(drawn.json().groups[0]?.intervals ?? [])).toEqual(sharesOf(intervals));
    }),
    { numRuns: 40 },
  );
});

interface Drawn {
  readonly value: string | null;
  readonly seconds: number;
  readonly states?: Readonly<Record<string, { readonly seconds: number; readonly count: number }>>;
  readonly unknown?: { readonly seconds: number; readonly count: number };
  readonly kind: string;
}

/** What all intervals together hold of each state. */
function sharesOf(intervals: readonly Drawn[]): Record<string, { count: number; seconds: number }> {
  const shares = new Map<string, { count: number; seconds: number }>();
  const add = (label: string, part: { readonly seconds: number; readonly count: number }): void => {
    const share = shares.get(label) ?? { count: 0, seconds: 0 };
    shares.set(label, { count: share.count + part.count, seconds: share.seconds + part.seconds });
  };
  for (const interval of intervals) {
    if (interval.kind !== 'merged') add(interval.value ?? 'unknown', { seconds: interval.seconds, count: 1 });
    for (const [label, part] of Object.entries(interval.states ?? {})) add(label, part);
    if (interval.unknown !== undefined) add('unknown', interval.unknown);
  }
  return Object.fromEntries(
    [...shares]
      .sort()
      .map(([label, { count, seconds: s }]) => [label, { count, seconds: Math.round(s * 1e6) / 1e6 }]),
  );
}

test('every number of a summary is that of a plain second implementation, by day of a zone too', {
  timeout: PATIENCE_MS,
}, async () => {
  const source = new MemorySource('memory');
  const app = await appOver(source);
  let scenes = 0;
  await fc.assert(
    fc.asyncProperty(
      scenario,
      fc.constantFrom('UTC', 'Europe/Berlin', 'America/Sao_Paulo', 'Pacific/Chatham'),
      async (scene, zone) => {
        const staleNs = scene.staleS === undefined ? undefined : BigInt(scene.staleS) * SECOND_NS;
        const database = `scene${++scenes}`;
        addPoints(source, database, scene.points);
        await addMaintenance(app, database, scene.windows);
        const up = scene.up.map((value) => `&up=${value}`).join('');
        const answer = await app.inject(
          `/api/v1/summary?${queryOf(database, scene)}${up}&by=day&zone=${zone}`,
        );
        const [group] = answer.json().groups;
        if (group !== undefined) {
          const check = (got: unknown, range: OracleWindow): void => {
            const figures = figuresOf(slicesOf(scene.points, range, staleNs, scene.windows), scene.up);
            expect(got).toMatchObject(shownFigures(figures));
          };
          check(group, scene.range);
          check(answer.json().all, scene.range);
          const days = daysOf(scene.range, zone);
          expect(group.periods).toHaveLength(days.length);
          days.forEach((day, at) => {
            check(group.periods[at], day);
          });
        }
      },
    ),
    { numRuns: 40 },
  );
});

function shownFigures(figures: ReturnType<typeof figuresOf>) {
  const count = figures.outagesNs.length;
  const downNs = figures.outagesNs.reduce((sum, ns) => sum + ns, 0n);
  const longestNs = figures.outagesNs.reduce(later, 0n);
  return {
    seconds: seconds(figures.baseNs),
    unknownSeconds: seconds(figures.unknownNs),
    maintenanceSeconds: seconds(figures.maintenanceNs),
    availability: figures.baseNs === 0n ? null : Number(figures.upNs) / Number(figures.baseNs),
    states: Object.fromEntries(
      Object.entries(figures.states).map(([value, { count: times, ns }]) => [
        value,
        { seconds: seconds(ns), count: times },
      ]),
    ),
    outages: {
      count,
      seconds: seconds(downNs),
      longestSeconds: count === 0 ? null : seconds(longestNs),
      meanSeconds: count === 0 ? null : seconds(downNs) / count,
      betweenSeconds: count === 0 ? null : seconds(figures.upNs) / count,
    },
  };
}

/** The days of a zone, found by asking each second-precise midnight candidate what day it is there. */
function daysOf(range: OracleWindow, zone: string): OracleWindow[] {
  const dayOf = (timeNs: bigint): string =>
    DateTime.fromMillis(Number(timeNs / 1_000_000n), { zone }).toISODate() ?? '';
  const days: OracleWindow[] = [];
  let fromNs = range.fromNs;
  // Every quarter of an hour is looked at: no zone changes its day within one.
  const step = 900n * SECOND_NS;
  for (let at = (range.fromNs / step + 1n) * step; at < range.toNs; at += step) {
    if (dayOf(at) === dayOf(at - 1n)) continue;
    days.push({ fromNs, toNs: at });
    fromNs = at;
  }
  days.push({ fromNs, toNs: range.toNs });
  return days;
}
