import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  expectedOf,
  pointsAmong,
  pointsOf,
  readLine,
  sentLines,
  testFilter,
} from '../../support/lines/lines.ts';
import { readCapture, readExpected } from '../../support/protocol/capture.ts';
import { streamScenario } from '../../support/scenarios/scenario.ts';

/** A night's run asks for more. */
const SCENARIOS = Number(process.env.EDGE_DETECT_SCENARIOS ?? 500);

test(
  'of any stream the filter emits what the oracle does, as the lines that came, also across restarts',
  () => {
    fc.assert(
      fc.property(streamScenario, (scenario) => {
        const { options, restarts } = scenario;
        const lines = sentLines(pointsOf(scenario));
        const expected = expectedOf(lines, options);
        for (const stops of [[], restarts]) {
          const ends = [...stops.map((stop) => Math.min(stop, lines.length)), lines.length];
          const out: string[] = [];
          let snapshot: Uint8Array = Buffer.alloc(0);
          let start = 0;
          for (const end of ends) {
            const { complaints, feed, filter, lines: emitted } = testFilter(options);
            if (snapshot.length > 0) for (const _ of filter.node.restore(snapshot));
            feed(
              lines
                .slice(start, end)
                .map(({ text }) => `${text}\n`)
                .join(''),
            );
            snapshot = Buffer.concat([...filter.node.snapshot()]);
            out.push(...emitted());
            expect(complaints).toEqual([]);
            start = end;
          }
          expect(out.map(readLine)).toEqual(expected);
          if (!options.some(({ name }) => name === 'as' || name === 'silent' || name.endsWith('As')))
            for (const line of out) expect(lines.map(({ text }) => text)).toContain(line);
        }
      }),
      { numRuns: SCENARIOS },
    );
  },
  20_000 + 100 * SCENARIOS,
);

test.each(['adsl-stream', 'many-hosts', 'field-types', 'all-options'])(
  'of the capture %s, as lines, the filter emits the edges that are expected',
  (name) => {
    const { requests } = readCapture(name);
    const options = requests.flatMap((request) => (request.kind === 'init' ? request.options : []));
    const lines = sentLines(pointsAmong(requests));
    expect(lines).toHaveLength(pointsAmong(requests).length);
    const { feed, lines: emitted } = testFilter(options);
    feed(lines.map(({ text }) => `${text}\n`).join(''));
    expect(emitted().map(readLine)).toEqual(expectedOf(lines, options));
    expect(emitted()).toHaveLength(readExpected(name).length);
  },
);
