import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UdfFunction } from '../../../src/function/contract.ts';
import { mirror } from '../../../src/functions/mirror.ts';
import type { FieldValue } from '../../../src/wire/point.ts';
import { GROUP_TAG, testFilter } from '../../support/lines/lines.ts';
import type { Option } from '../../support/protocol/protocol.ts';

const text = (name: string, ...values: string[]): Option => ({
  name,
  values: values.map((v) => ({ type: 'string', v })),
});
const FIELD = text('field', 'v');

describe('LineFilter', () => {
  test('gives an edge back as the line that it came as, the added fields behind its own', () => {
    const { feed, lines } = testFilter([
      FIELD,
      text('previousAs', 'was'),
      { name: 'countAs', values: [{ type: 'string', v: 'n' }] },
    ]);
    feed('m,b=1,a=2 x=1.50,v="up",y=t  7 \n', 'm,b=1,a=2 v="down",x=1e3 8\n');
    expect(lines()).toEqual([
      'm,b=1,a=2 x=1.50,v="up",y=t,n=0i 7',
      'm,b=1,a=2 v="down",x=1e3,was="up",n=1i 8',
    ]);
  });

  test('writes a line anew where a field of its own is replaced', () => {
    const { feed, lines } = testFilter([FIELD, text('previousAs', 'was')]);
    feed('m v="a",was=1 1\nm v="b",was=1,wash=2 2\nm v="c",wash=3 3\n');
    expect(lines()).toEqual(['m v="a",was=1 1', 'm v="b",wash=2,was="a" 2', 'm v="c",wash=3,was="b" 3']);
  });

  test('gives a point that was held back for long as the line that it was', () => {
    const { feed, lines } = testFilter([FIELD, { name: 'confirm', values: [{ type: 'int', v: 2n }] }]);
    feed('m v="a" 1\n', 'm,k=a\\ b v="b",x=1.0 2\n');
    expect(lines()).toEqual(['m v="a" 1']);
    const again = testFilter([FIELD, { name: 'confirm', values: [{ type: 'int', v: 2n }] }]);
    again.feed('m v="a" 1\n', 'm,k=a\\ b v="b",x=1.0 2\n');
    const {
      filter,
      feed: feedLater,
      lines: linesLater,
    } = testFilter([FIELD, { name: 'confirm', values: [{ type: 'int', v: 2n }] }]);
    for (const _ of filter.node.restore(Buffer.concat([...again.filter.node.snapshot()])));
    feedLater('m,k=a\\ b v="b",x=2.0 3\n');
    expect(linesLater()).toEqual(['m,k=a\\ b v="b",x=1.0 2']);
  });

  test('lets lines of other measurements keep their place, or drops them', () => {
    const input = 'cpu u=1 1\nm v="a" 2\ncpu u=2 3\nm v="a" 4\n# a comment\n\ncpu,t="x" s="two\nlines" 5\n';
    const passing = testFilter([FIELD], { measurement: 'm' });
    passing.feed(input);
    expect(passing.lines().join('\n')).toBe('cpu u=1 1\nm v="a" 2\ncpu u=2 3\ncpu,t="x" s="two\nlines" 5');
    const dropping = testFilter([FIELD], { measurement: 'm', passesOthers: false });
    dropping.feed(input);
    expect(dropping.lines()).toEqual(['m v="a" 2']);
  });

  test('answers the same however its input is cut', () => {
    const input = Buffer.from(
      '\ufeffm,h=a v="ü" 1\r\ncpu u=1 2\r\nno line\nm,h=a v="two\n\\"lines\\"" 3\nm,h=b v="x',
    );
    const whole = testFilter([FIELD], { measurement: 'm', groupBy: ['h'] });
    whole.feed(input);
    whole.filter.end();
    fc.assert(
      fc.property(fc.array(fc.nat(input.length), { maxLength: 8 }), (cuts) => {
        const ends = [...cuts.toSorted((a, b) => a - b), input.length];
        const cut = testFilter([FIELD], { measurement: 'm', groupBy: ['h'] });
        cut.feed(...ends.map((end, index) => input.subarray(ends[index - 1] ?? 0, end)));
        cut.filter.end();
        expect(cut.lines()).toEqual(whole.lines());
        expect(cut.complaints).toEqual(whole.complaints);
      }),
    );
    expect(whole.lines()).toHaveLength(3);
    expect(whole.complaints).toEqual([
      expect.stringMatching(/^stdin:3:8: .* <- no line$/),
      expect.stringMatching(/^stdin:6:9: expected a closing " .* <- m,h=b v="x$/),
    ]);
  });

  test('takes the last line without its line break only at the end of the input', () => {
    const { feed, filter, lines } = testFilter([FIELD]);
    feed('m v="a" 1\nm v="b" 2');
    expect(lines()).toEqual(['m v="a" 1']);
    filter.end();
    expect(String(filter.takeOutput())).toBe('m v="b" 2\n');
  });

  test('gives a line without a time the present one, which it goes out with', () => {
    const { feed, lines } = testFilter([FIELD]);
    feed('m v="a"\n');
    expect(lines()).toEqual(['m v="a" 1700000000000000000']);
  });

  test('groups by tags, by all of them, or not at all', () => {
    const input = 'm,h=a,i=1 v=1 1\nm,h=a,i=2 v=1 2\nm,h=b,i=1 v=1 3\nm v=1 4\n';
    for (const [groupBy, count] of [
      [[], 1],
      [['h'], 3],
      [['i', 'h'], 4],
      [['*'], 4],
      [[GROUP_TAG], 1],
    ] as const) {
      const { feed, lines } = testFilter([FIELD], { groupBy });
      feed(input);
      expect(lines()).toHaveLength(count);
    }
  });

  describe('where a quote is never closed', () => {
    test('refuses that line alone, as soon as a later quote shows it', () => {
      const { complaints, feed, lines } = testFilter([FIELD]);
      feed('m v="a 1\n', 'm v="b" 2\n', 'm v="c" 3\n');
      expect(lines()).toEqual(['m v="b" 2', 'm v="c" 3']);
      expect(complaints).toHaveLength(1);
    });

    test('refuses it once nothing has closed it for a second, and answers what came after it', () => {
      let nowMs = 5;
      const { complaints, feed, filter } = testFilter([FIELD], { clockMs: () => nowMs });
      feed('m v="a 1\n', 'm v=2 2\n', 'm v=3');
      nowMs += 900;
      filter.tick(nowMs);
      expect(filter.takeOutput()).toHaveLength(0);
      nowMs += 200;
      filter.tick(nowMs);
      expect(String(filter.takeOutput())).toBe('m v=2 2\n');
      expect(complaints).toEqual([expect.stringMatching(/^stdin:1:5: expected a closing "/)]);
      feed(' 3\n');
      filter.end();
      expect(filter.lines).toBe(3);
    });
  });

  test('passes over a line that does not end within a megabyte, and goes on behind it', () => {
    const { complaints, feed, lines } = testFilter([FIELD]);
    feed(
      'm v="a" 1\nm',
      'x'.repeat(600_000),
      'x'.repeat(600_000),
      'x'.repeat(600_000),
      'x\nm v="b" 2\nbad\n',
    );
    expect(lines()).toEqual(['m v="a" 1', 'm v="b" 2']);
    expect(complaints).toEqual([
      'stdin:2: a line does not end within 1048576 bytes <- ',
      expect.stringMatching(/^stdin:4:4: /),
    ]);
  });

  test('writes what a function makes by the clock, after what came before', () => {
    const emitting: UdfFunction = {
      ...mirror,
      open: (context) => ({
        ...mirror.open(context),
        tick(nowMs, emit) {
          emit.send({
            time: BigInt(nowMs),
            name: 'made',
            database: '',
            retentionPolicy: '',
            group: '',
            dimensions: [],
            byName: false,
            tags: new Map([['h', 'a b']]),
            fields: new Map<string, FieldValue>([
              ['s', 'x'],
              ['n', 2n],
            ]),
          });
        },
      }),
    };
    const { feed, filter } = testFilter([], { function: emitting });
    feed('m v="a" 1\n');
    filter.tick(5);
    expect(String(filter.takeOutput())).toBe('made,h=a\\ b n=2i,s="x" 5\n');
  });
});
