import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Pattern, PatternReader } from '../../../src/feed/readers/pattern.ts';
import { RecordMapper } from '../../../src/feed/readers/record-mapper.ts';
import { USUAL_SETTINGS } from '../../../src/feed/readers/settings.ts';

/** The points that a program's output gives. */
async function read(source: string, text: string, { perLine = false, tags = [] as string[] } = {}) {
  const notes: string[] = [];
  const mapper = new RecordMapper({ ...USUAL_SETTINGS, measurement: 'm', tagNames: new Set(tags) });
  const reader = new PatternReader(mapper, new Pattern(source, (note) => notes.push(note)), perLine);
  const readings = [...reader.push(text), ...reader.end()];
  return { notes, points: readings.map((reading) => (reading.kind === 'point' ? reading.text : reading)) };
}

const STATUS = 'ADSL status\r\n  Line status:   SHOWTIME\r\n  Noise margin:  6.5 dB\r\n  Peer: \r\n';

describe('PatternReader', () => {
  test('makes fields and tags of the groups of one match in all lines', async () => {
    const source = 'status: +(?<value>\\w+)[^]*margin: +(?<snr>[\\d.]+) (?<unit>\\w+)$[^]*(?<none>x)?';
    const { notes, points } = await read(source, STATUS, { tags: ['unit'] });
    expect(points).toEqual(['m,unit=dB value="SHOWTIME",snr=6.5']);
    expect(notes).toEqual([]);
  });

  test('makes a point of each line that matches', async () => {
    const source = '^ +(?<name>\\w+): +(?<v>\\S+)';
    const { points } = await read(source, ' a: 1\r\nb\r\n c: 2\r\n', { perLine: true, tags: ['name'] });
    expect(points).toEqual(['m,name=a v=1', 'm,name=c v=2']);
  });

  test('gives nothing where nothing matches', async () => {
    expect((await read('(?<v>x)', STATUS)).points).toEqual([]);
  });

  test('leaves out a group that did not take part', async () => {
    const source = 'status: +(?<value>\\w+)(?:[^]*attenuation: +(?<attenuation>[\\d.]+))?';
    expect((await read(source, STATUS)).points).toEqual(['m value="SHOWTIME"']);
  });

  test.each([
    ['colours', 'Status: \x1b[1;32mShowtime\x1b[0m   \r\n'],
    ['colours of 24 bits', 'Status: \x1b[38;2;0;255;0mShowtime\x1b[39;49m\r\n'],
    ['colours as one character', 'Status: \x9b32mShowtime\x9b0m\r\n'],
    ['a colour that ends at once', 'Status: \x1b[mShowtime\x1b[K\r\n'],
    ['a title for the window', '\x1b]0;router1\x07Status: Showtime\x1b]0;router1\x1b\\\r\n'],
    ['another character set', '\x1b(0Status: \x1b(BShowtime\r\n'],
    ['a mode of the keyboard', '\x1b[?2004hStatus: Showtime\x1b[?2004l\r\n'],
    ['a tab and blanks around it', 'Status: \t Showtime \t \r\n'],
    ['a prompt behind it', 'Status: Showtime\r\n\x1b[32mrouter1> \x1b[0m'],
    ['a prompt after a carriage return', 'Status: Showtime\r> exit\r'],
    ['two carriage returns', 'Status: Showtime\r\r\n> '],
    ['a carriage return and NUL', 'Status: Showtime\r\0> '],
    ['line feed first', 'Status: Showtime\n\rDone\n\r'],
    ['a cursor that goes elsewhere', 'Status: Showtime\x1b[2;1HRetrain: 0'],
    ['a pager', 'up\n--More-- \b\b\b\b\b\b\b\b\b         \b\b\b\b\b\b\b\b\bStatus: Showtime\n'],
    ['letters struck twice', 'Status: S\bSh\bho\bow\bwtime\n'],
    ['a bell', 'Status: Showtime\x07\n'],
    ['a hard space', 'Status: Showtime\u00a0\n'],
  ])('reads a state without %s', async (_what, text) => {
    expect((await read('Status: (?<v>.*)', text)).points).toEqual(['m v="Showtime"']);
    expect((await read('Status: (?<v>.*)', text, { perLine: true })).points).toEqual(['m v="Showtime"']);
  });

  test("reads a router's answer over telnet as a person sees it", async () => {
    const text = readFileSync('test/fixtures/cases/router-over-telnet.txt', 'utf8');
    const whole = await read('^Status: (?<value>.+)[^]*Upstream rate = (?<up>\\d+)', text);
    expect(whole).toEqual({ points: ['m value="Showtime",up=1020'], notes: [] });
    expect((await read('^Status: (?<value>[^]+?)^Retrain', text)).points).toEqual(['m value="Showtime"']);
  });

  test('takes a prompt off the end of a value of several lines', async () => {
    expect((await read('(?<v>[^]+)', 'Showtime\r\nadmin@router1:~$ ')).points).toEqual(['m v="Showtime"']);
  });
});

describe('Pattern', () => {
  test.each([
    ['inside a word', 'Status: (?<v>\\w+)', 'Status: G.994 Training', "'G' of 'G.994 Training'"],
    ['before more text', 'Status: (?<v>\\S+)', 'Status: G.994 Training', "'G.994' of 'G.994 Training'"],
    ['before what [^]* takes', 'Status: (?<v>\\w+)[^]*Rate', 'Status: Link Up\nRate', "'Link' of 'Link Up'"],
    ['before what .* takes', 'Status: (?<v>\\w+).*$', 'Status: Link Up', "'Link' of 'Link Up'"],
    ['inside an optional group', 'S: (?:(?<v>\\w+))?', 'S: not-present', "'not' of 'not-present'"],
    ['at an umlaut', 'S: (?<v>\\w+)', 'S: zurückgesetzt', "'zur' of 'zurückgesetzt'"],
    ['inside a number', 'T: (?<v>\\d+)', 'T: 6.5 dB', "'6' of '6.5 dB'"],
    ['at a decimal comma', 'T: (?<v>\\d+)', 'T: 6,5 dB', "'6' of '6,5 dB'"],
    ['inside a date', 'T: (?<v>\\d+)', 'T: 2018-01-03', "'2018' of '2018-01-03'"],
  ])('says once that a group ends %s', async (_what, source, text, excerpt) => {
    const notes: string[] = [];
    const pattern = new Pattern(source, (note) => notes.push(note));
    for (let run = 0; run < 3; run++) pattern.find(text);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain(`the group v took ${excerpt}; if all of it is meant, (?<v>.+)`);
  });

  test('says it of each group, and first where there is something to say', () => {
    const notes: string[] = [];
    const pattern = new Pattern('a: (?<a>\\w+)[^]*b: (?<b>\\w+)', (note) => notes.push(note));
    pattern.find('a: up\nb: down');
    expect(notes).toEqual([]);
    pattern.find('a: up now\nb: down');
    pattern.find('a: up now\nb: down.');
    expect(notes.map((note) => /group (\w)/.exec(note)?.[1])).toEqual(['a', 'b']);
  });

  test.each([
    ['a number before its unit', 'M: (?<v>[\\d.]+)', 'M: 6.5 dB'],
    ['a number with its unit', 'M: (?<v>[\\d.]+)', 'M: 6.5dB, 7%'],
    ['the first of two columns', 'M: (?<v>[\\d.]+)', 'M: 6.5 7.2'],
    ['the end of the line', 'S: (?<v>\\w+)', 'S: UP   \r\nmore'],
    ['what the pattern says itself', 'S: (?<v>\\w+) since', 'S: UP since monday'],
    ['blanks and what the pattern says itself', 'S: (?<v>\\w+)\\s*since', 'S: UP since monday'],
    ['an alternative that says it', '(?:S: (?<v>\\w+)), ', 'S: UP, since'],
    ['a separator', 'S: (?<v>\\w+)', 'S: UP, since monday'],
    ['what encloses it', 'S: "(?<v>\\w+)', 'S: "UP" (since monday)'],
    ['several lines', 'S: (?<v>[^]+?)E', 'S: UP\nmore E'],
  ])('says nothing of a group that ends at %s', (_what, source, text) => {
    const notes: string[] = [];
    expect(new Pattern(source, (note) => notes.push(note)).find(text)).toBeDefined();
    expect(notes).toEqual([]);
  });

  test.each([
    ['(?P<v>\\w+)', 'for (?P<v> write (?<v>…)'],
    ["(?'v'\\w+)", "for (?'v' write (?<v>…)"],
    ['(?<v>a)(?P=v)', 'for (?P=v) write \\k<v>'],
    ['(?i)status: (?<v>\\w+)', 'for (?i) write (?i:…) around what may be in capitals or not'],
    ['(?s)a.(?<v>b)', 'for (?s) write [^] in place of . where line breaks may be'],
    ['(?m)^(?<v>b)', 'for (?m) write nothing: ^ and $ are the ends of lines here'],
    ['(?im)^(?<v>b)', '(?i:…) around what may be in capitals or not, and nothing: ^ and $'],
    ['(?x) (?<v>b)', 'for (?x) write the pattern without blanks and comments'],
    ['(?x:(?<v>b))', 'for (?x: write the pattern without blanks and comments'],
    ['(?<v>[[:alpha:]]+)', 'for [:alpha:] write \\p{L}'],
    ['(?<v>[[:alnum:]_]+)', 'for [:alnum:] write \\p{L}\\d'],
    ['(?<v>[^[:space:]]+)', 'for [:space:] write \\s'],
    ['(?<v>[[:digit:]]+)', 'for [:digit:] write \\d'],
    ['\\A(?<v>a)', 'for \\A write ^'],
    ['(?<v>a)\\z', 'for \\z write $'],
    ['(?<v>a)\\h', 'for \\h write [ \\t]'],
    ['\\<(?<v>a)\\>', 'for \\< write \\b'],
    ['Status\\: (?<v>a)', 'for \\: write : alone: it needs no backslash'],
    ['a\\-(?<v>a)', 'for \\- write - alone'],
    ['(?<v>a++)', 'for ++ write +'],
    ['(?<v>(?>a))', 'for (?> write (?:…)'],
    ['(?#state)(?<v>a)', 'for (?#state) write nothing'],
    ['(?<v>a{,3})', 'for {,3} write {0,3}'],
    ['(?<line-state>a)', 'for (?<line-state> write (?<line_state>…)'],
    ['(?<v>\\pL+)', 'for \\pL write \\p{L}'],
    ['(?<v>\\p{Alnum}+)', 'for \\p{Alnum} write [\\p{L}\\d]'],
    ['(?<v>a)(?&v)', 'for (?&v) write the part that is meant once more'],
    ['(?<v>[:alpha:]+)', 'for [:alpha:] write \\p{L}'],
    ['(?<v>\\x{e9})', 'for \\x{e9} write \\u{e9}'],
    ['%{WORD:state}', 'for %{WORD:state} write (?<state>\\S+)'],
  ])('says what to write in place of %s', (source, advice) => {
    expect(() => new Pattern(source, () => {})).toThrow(advice);
    expect(() => new Pattern(source, () => {})).toThrow(
      `'${source}' is no regular expression of JavaScript (`,
    );
  });

  test.each([
    ['(?<v>', /Invalid (?:capture )?group|Unterminated/],
    ['(?<v>a', /Unterminated group/],
    ['(?<v>a))', /Unmatched '\)'/],
    ['no groups', /has no named group/],
  ])('refuses the pattern %s', (source, reason) => {
    expect(() => new Pattern(source, () => {})).toThrow(reason);
  });
});
