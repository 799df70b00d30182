import { describe, expect, test } from 'vitest';
import { LineReader } from '../../../src/feed/readers/lines.ts';
import type { Reader, Reading } from '../../../src/feed/reading.ts';
import { shown } from '../../support/feed/readings.ts';

function lines(): LineReader {
  return new LineReader({ name: 'f', precision: 'ns', fixedTags: new Map() });
}

function readAll(reader: Reader, pieces: readonly string[]): Reading[] {
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
}

/** Points as lines, or what was refused and why. */
function read(reader: Reader, text: string): string[] {
  return readAll(reader, [text]).map(shown);
}

/** Every way to cut a text that matters: at each position once, and into single characters. */
function* cuts(text: string): Generator<string[]> {
  for (let at = 0; at <= text.length; at++) yield [text.slice(0, at), text.slice(at)];
  yield [...text];
}

describe('LineReader', () => {
  const TEXT =
    'm v=1 10\r\n\n# a comment\n m,h=a\\ b s="two\nlines, \\"one\\"",t=t\nbad line\nm v=2i -3\nk v=3';
  test('leaves points as they were written, their times apart, and refuses the others line by line', () => {
    const readings = read(lines(), TEXT);
    const [refusal] = readings.splice(2, 1);
    expect(readings).toEqual(['m v=1 10', 'm,h=a\\ b s="two\nlines, \\"one\\"",t=t', 'm v=2i -3', 'k v=3']);
    expect(refusal).toMatch(/^bad line <- f:6:9: expected = /);
  });

  test('reads the same wherever its text is cut', () => {
    const whole = readAll(lines(), [TEXT]).map(shown);
    for (const pieces of cuts(TEXT)) expect(readAll(lines(), pieces).map(shown)).toEqual(whole);
  });

  test('loses one line only to a quote that is never closed', () => {
    const text = 'm v=1 1\nm v="open 2\nm v=3 3\nm v=4 4\n';
    const readings = readAll(lines(), [text]);
    expect(readings.map((reading) => reading.kind)).toEqual(['point', 'refused', 'point', 'point']);
    expect(shown(readings[1] ?? { kind: 'empty' })).toMatch(/^m v="open 2 <- f:2:/);
  });

  test('does not wait for ever for a quote to be closed', () => {
    const reader = lines();
    const long = `m v="open\n${'m v=1\n'.repeat(200_000)}`;
    const readings = reader.push(long);
    expect(readings[0]).toMatchObject({ kind: 'refused', record: 'm v="open' });
    expect(readings).toHaveLength(200_001);
  });

  test('brings times to nanoseconds, and refuses those that have none', () => {
    const reader = new LineReader({ name: 'f', precision: 's', fixedTags: new Map() });
    expect(read(reader, 'm v=1 1514979051\nm v=2 9999999999999')).toEqual([
      'm v=1 1514979051000000000',
      'm v=2 9999999999999 <- time 9999999999999 is outside of the years 1677 to 2262 that InfluxDB can hold',
    ]);
  });

  test('sets the tags that every point is to have', () => {
    const reader = new LineReader({ name: 'f', precision: 'ns', fixedTags: new Map([['host', 'r 1']]) });
    expect(read(reader, 'm,host=x,a=b v=1i 7')).toEqual(['m,host=r\\ 1,a=b v=1i 7']);
  });

  test('refuses a field that InfluxDB would leave out without a word', () => {
    expect(read(lines(), 'm v=1,time=5 7')).toEqual([
      'm v=1,time=5 7 <- InfluxDB keeps no field called time',
    ]);
  });

  test('refuses a point that would swallow those after it', () => {
    const readings = read(lines(), 'm,t\\\\ k="b v=1 7\nm,t\\\\\\ k="b v=1 7\nm,t\\ k="b v="c\\\\" 7');
    expect(readings[0]).toMatch(/<- InfluxDB would take the lines after it for a part of it/);
    expect(readings.slice(1)).toEqual(['m,t\\\\\\ k="b v=1 7', 'm,t\\ k="b v="c\\\\" 7']);
  });

  test('refuses a measurement that InfluxDB would give back as another one', () => {
    expect(read(lines(), 'a\\\\,b v=1 7\na\\b v=1 7')).toEqual([
      'a\\\\,b v=1 7 <- InfluxDB would not keep the backslash in the measurement "a\\\\,b"',
      'a\\b v=1 7',
    ]);
  });
});

describe('LineReader, of exports', () => {
  const EXPORT = [
    '# INFLUXDB EXPORT: 1677-09-21T00:12:43Z - 2262-04-11T23:47:16Z',
    '# DDL',
    'CREATE DATABASE "tele graf" WITH NAME autogen',
    'CREATE RETENTION POLICY raw ON telegraf DURATION 0s REPLICATION 1',
    '# DML',
    '# CONTEXT-DATABASE:tele graf',
    '# CONTEXT-RETENTION-POLICY:autogen',
    '# writing tsm data',
    'm v=1 10',
    '# CONTEXT-RETENTION-POLICY:raw',
    'm v=2 20',
    '# CONTEXT-DATABASE: other',
    'm v=3 30',
    '',
  ].join('\n');

  test('passes over statements, and keeps where points belong', () => {
    const readings = readAll(lines(), [EXPORT]);
    expect(
      readings.map((reading) => (reading.kind === 'point' ? [reading.text, reading.place] : reading)),
    ).toEqual([
      ['m v=1', { database: 'tele graf', retentionPolicy: 'autogen' }],
      ['m v=2', { database: 'tele graf', retentionPolicy: 'raw' }],
      ['m v=3', { database: 'other', retentionPolicy: '' }],
    ]);
  });

  test('reads the same wherever its text is cut', () => {
    const whole = readAll(lines(), [EXPORT]);
    for (const pieces of cuts(EXPORT)) expect(readAll(lines(), pieces)).toEqual(whole);
  });

  test('knows a statement also where nothing says that one follows', () => {
    expect(read(lines(), 'CREATE DATABASE telegraf\nm v=1 10\nnonsense here\n')).toEqual([
      'm v=1 10',
      expect.stringMatching(/^nonsense here <- f:3:/),
    ]);
  });
});
