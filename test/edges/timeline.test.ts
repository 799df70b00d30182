import { describe, expect, test } from 'vitest';
import { drawTimeline, durationsByLabel, type GroupStates } from '../../src/edges/timeline.ts';

const SECOND = 1_000_000_000n;

/** Groups from lists of [second, label]. */
function groupsOf(states: Readonly<Record<string, readonly (readonly [number, string])[]>>): GroupStates[] {
  return Object.entries(states).map(([group, list]) => ({
    group,
    states: list.map(([second, label]) => ({ atNs: BigInt(second) * SECOND, label })),
  }));
}

function draw(groups: readonly GroupStates[], { seconds = 40, width = 41, from = 0 } = {}): string[] {
  const toNs = BigInt(from + seconds) * SECOND;
  return drawTimeline(groups, {
    fromNs: BigInt(from) * SECOND,
    toNs,
    width,
    totals: durationsByLabel(groups, toNs),
    paint: (text) => text,
  });
}

describe('drawTimeline', () => {
  test('draws a column for each second where there is one, and nothing before the first state', () => {
    const [row, , , legend] = draw(
      groupsOf({
        '': [
          [10, 'UP'],
          [30, 'DOWN'],
          [33, 'UP'],
        ],
      }),
    );
    expect(row).toBe(`${' '.repeat(10)}${'━'.repeat(20)}███${'━'.repeat(7)}`);
    expect(legend).toBe('━ UP   █ DOWN');
  });

  test('shows a state too short for a column of its own', () => {
    const hour = 3600;
    const [row] = draw(
      groupsOf({
        '': [
          [0, 'UP'],
          [1799, 'DOWN'],
          [1800, 'UP'],
        ],
      }),
      { seconds: hour },
    );
    expect(row).toBe(`${'━'.repeat(19)}█${'━'.repeat(20)}`);
  });

  test('draws a state that begins with the last point', () => {
    const [row] = draw(
      groupsOf({
        '': [
          [0, 'UP'],
          [40, 'DOWN'],
        ],
      }),
    );
    expect(row).toBe(`${'━'.repeat(39)}█`);
  });

  test('has a row for each group, behind its name, with the same sign for the same state', () => {
    const [first, second, rule] = draw(
      groupsOf({
        a: [[0, 'UP']],
        long: [
          [0, 'DOWN'],
          [1, 'UP'],
        ],
      }),
      { width: 47 },
    );
    expect(first).toBe(`a     ${'━'.repeat(40)}`);
    expect(second).toBe(`long  █${'━'.repeat(39)}`);
    expect(rule).toMatch(/^ {6}[─┬]{40}$/);
  });

  test('draws numbers of many values by their size', () => {
    const [row, , , legend] = draw(
      groupsOf({
        '': [
          [0, '0'],
          [8, '2.5'],
          [16, '5'],
          [24, '7.5'],
          [32, '10'],
        ],
      }),
    );
    expect(row).toBe('▁'.repeat(8) + '▃'.repeat(8) + '▅'.repeat(8) + '▇'.repeat(8) + '█'.repeat(8));
    expect(legend).toBe('▁ 0   █ 10');
  });

  test('draws few numbers, and numbers among texts, as states', () => {
    expect(
      draw(
        groupsOf({
          '': [
            [0, '0'],
            [30, '1'],
          ],
        }),
      )[0],
    ).toBe('━'.repeat(30) + '█'.repeat(10));
    const states = [0, 1, 2, 3, 4, 5].map((at) => [at * 5, at === 5 ? 'off' : String(at)] as const);
    expect(draw(groupsOf({ '': states }))[3]).toContain('off');
  });

  test('names no more states than there are signs for, and breaks the explanation where it is too long', () => {
    const states = Array.from({ length: 10 }, (_, at) => [at * at, `state ${at}`] as const);
    const lines = draw(groupsOf({ '': states }), { seconds: 100 });
    const legend = lines.slice(3);
    expect(legend.join(' ')).toContain('+ 3 more');
    expect(legend.length).toBeGreaterThan(1);
    for (const line of legend) expect([...line].length).toBeLessThanOrEqual(40);
  });

  test('cuts long names, counts wide characters and lets no control character through', () => {
    const esc = String.fromCharCode(27);
    const [long, wide] = draw(
      groupsOf({ ['x'.repeat(50)]: [[0, 'UP']], [`日本${esc}[2J\nhost=a`]: [[0, 'UP']] }),
      {
        width: 80,
      },
    );
    expect(long).toBe(`${'x'.repeat(27)}…  ${'━'.repeat(49)}`);
    expect(wide).toBe(`日本\ufffd[2J host=a${' '.repeat(15)}${'━'.repeat(49)}`);
  });

  test('is left out where time or width do not allow it', () => {
    const groups = groupsOf({ '': [[0, 'UP']] });
    expect(draw(groups, { seconds: 0 })).toEqual([]);
    expect(draw(groups, { width: 15 })).toEqual([]);
  });

  test('has an axis of round times in UTC below their marks', () => {
    const groups = groupsOf({ '': [[1_514_979_051, 'UP']] });
    const axis = (seconds: number, width: number): string[] =>
      draw(groups, { seconds, width, from: 1_514_979_051 }).slice(1, 3);
    expect(axis(1440, 61)).toEqual([
      '──────────┬───────────┬────────────┬───────────┬────────────',
      '          11:35       11:40        11:45       11:50',
    ]);
    expect(axis(60, 61)[1]).toMatch(/11:31:00 +11:31:15 +11:31:30/);
    expect(axis(3600 * 30, 81)[1]).toMatch(/01-03 18:00 +01-04 00:00 +01-04 06:00/);
    expect(axis(86_400 * 3, 81)[1]).toMatch(/2018-01-04 +2018-01-05 +2018-01-06/);
    expect(axis(86_400 * 400, 61)[1]).toMatch(/2018-\d\d-\d\d +2018-\d\d-\d\d/);
  });
});
