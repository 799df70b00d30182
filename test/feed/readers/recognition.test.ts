import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readText } from '../../support/feed/readings.ts';

function zip(...names: string[]): Buffer {
  return Buffer.from(`PK\u0003\u0004${names.map((name) => `${'\0'.repeat(26)}${name}`).join('')}`, 'latin1');
}

describe('PointsReader, of what a text holds', () => {
  test.each([
    ['lp', 'm v=1 1514979051000000000\n'],
    ['lp', '# a comment\n\nm,host=a\\ b v="x, y" 1514979051000000000\n'],
    ['lp', 'm v=wrong\nm v=1 1514979051000000000\n'],
    ['lp', 'CREATE DATABASE telegraf\nm v=1 1514979051000000000\n'],
    ['lp', 'm,h=a v=1,w=1 15149790510000000000\nm,h=a v=2,w=1 15149790520000000000\n'],
    ['srpl', 'telegraf\nautogen\nm v=1 1514979051000000000\n'],
    ['json', '{"v":1}\n'],
    ['json', '  \n[\n{"v":1}]'],
    ['json', '{"results":[{"series":[{"name":"m","columns":["time","v"],"values":[[1514979051,1]]}]}]}'],
    ['csv', 'v,w\n1,2\n'],
    ['csv', 'v;w\r\n1;2\r\n'],
    ['csv', 'v\tw\n1\t2\n'],
    ['csv', 'sep=;\nv\n1\n'],
    ['csv', '#datatype measurement,double\nm,v\nx,1\n'],
    ['csv', '# rejected: line 3: no\nv,w\n1,2\n'],
    ['table', 'name: m\ntime       v\n----       -\n1514979051 1\n'],
    [
      'table',
      'Connected to http://localhost:8086 version 1.6.7\n> select * from m\nname: m\ntags: h=a\ntime       v\n----       -\n1514979051 1\n',
    ],
  ])('knows %s by its content: %j', (format, text) => {
    const { all, format: found } = readText(text);
    expect(found).toBe(format);
    if (!text.includes('15149790510000000000'))
      expect(all.some((line) => !line.includes('<-') && line !== 'empty')).toBe(true);
  });

  test('takes a name for it where the content shows nothing, and the content where it shows more', () => {
    expect(readText('state\nUP\n', {}, { file: 'x.csv.gz' }).all).toEqual(['m state="UP"']);
    const wrong = readText('{"v":1}\n', {}, { file: 'x.lp' });
    expect(wrong).toMatchObject({ all: ['m v=1'], notes: ['f: read as json, by what it holds'] });
    expect(readText('a\tb\n1\t2\n', {}, { file: 'x.csv' }).notes).toEqual([]);
  });

  test.each([
    [
      'an Excel workbook',
      zip('[Content_Types].xml', 'xl/workbook.xml'),
      /this is an Excel workbook \(xlsx\).*save the sheet as CSV/,
    ],
    ['an OpenDocument file', zip('mimetypeapplication/vnd.oasis.opendocument.spreadsheet'), /OpenDocument/],
    ['a zip archive', zip('a.txt'), /a zip archive.*unpack it/],
    ['gzip within gzip', gzipSync('m v=1\n'), /gzip within gzip/],
    ['an old workbook', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 1, 2]), /old Excel workbook/],
    ['bzip2', Buffer.from('BZh91AY&SY..', 'latin1'), /bzip2/],
    ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), /xz/],
    ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]), /zstd/],
    ['SQLite', Buffer.from('SQLite format 3\0....'), /SQLite database/],
    ['a storage file', Buffer.from([0x16, 0xd1, 0x16, 0xd1, 1]), /influx_inspect export/],
    ['a PDF', Buffer.from('%PDF-1.7\n'), /a PDF/],
    ['a picture', Buffer.from('\u0089PNG\r\n', 'latin1'), /a picture/],
    ['noise', Buffer.from(Array.from({ length: 200 }, (_, at) => (at * 37) % 256)), /this is no text/],
    ['UTF-16 without a mark', Buffer.from('time,v\n2025-01-01,1\n', 'utf16le'), /encoding utf-16le/],
    ['HTML', '<!DOCTYPE html>\n<html><body>Login</body></html>', /web page/],
    ['XML', '<?xml version="1.0"?>\n<a b="c">d</a>', /XML/],
    ['a table of Flux', 'Result: _result\nTable: keys: [_start, _stop]\n', /influx query --raw/],
    ['YAML', '---\na: 1\nb: 2\n', /YAML/],
    [
      'prose',
      'Dear reader, this is a letter.\nIt has no points.\n',
      /neither line protocol nor JSON nor CSV, by its first line 'Dear reader.*format says/,
    ],
    ['one column of no name', 'state\nUP\n', /neither line protocol/],
  ])('refuses %s by its name', (_what, content, message) => {
    expect(() => readText(content)).toThrow(message);
    if (Buffer.isBuffer(content)) expect(() => readText(content, {}, { format: 'csv' })).toThrow(message);
  });
});

describe('PointsReader and encodings', () => {
  const TEXT = 'time,zustand\n2025-01-01T00:00:00Z,grün\n';
  const POINT = 'm zustand="grün" 1735689600000000000';

  test.each([
    ['UTF-8', Buffer.from(TEXT), undefined],
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${TEXT}`), undefined],
    ['UTF-8 with a mark, whatever is said', Buffer.from(`\uFEFF${TEXT}`), 'latin1'],
    ['UTF-16 with a mark', Buffer.from(`\uFEFF${TEXT}`, 'utf16le'), undefined],
    ['UTF-16 of the other order', Buffer.from(`\uFEFF${TEXT}`, 'utf16le').swap16(), undefined],
    ['UTF-16 as it is said', Buffer.from(TEXT, 'utf16le'), 'utf-16le'],
    ['Latin-1 as it is said', Buffer.from(TEXT, 'latin1'), 'latin1'],
    ['code page 1252 as it is said', Buffer.from(TEXT, 'latin1'), 'windows-1252'],
  ])('reads %s, wherever it is cut', (_what, bytes, encoding) => {
    for (let at = 0; at <= bytes.length; at++)
      expect(readText([bytes.subarray(0, at), bytes.subarray(at)], { encoding }).all).toEqual([POINT]);
  });

  test('refuses a point that holds damaged bytes, no other, and says what would help', () => {
    const bytes = Buffer.concat([Buffer.from('v,w\n1,'), Buffer.from([0xfc]), Buffer.from('\n2,x\n')]);
    expect(readText(bytes).all).toEqual([
      '1,\uFFFD <- it has bytes that are no UTF-8; encoding latin1 (or another) says how they are meant',
      'm v=2,w="x"',
    ]);
  });

  test('refuses an encoding that is none', () => {
    expect(() => readText('v,w\n1,2\n', { encoding: 'klingon' })).toThrow(/no such encoding/);
  });
});
