import { describe, expect, test } from 'vitest';
import { InstrumentError, instrument } from '../../src/script-tests/instrument.ts';

const OPTIONS = { id: 'c1', httpUrl: 'http://127.0.0.1:1' };

/** What stands before the taps, in one line. */
function redirected(script: string): string {
  const [own = ''] = instrument(script, OPTIONS).script.split(/\n\w+\|influxDBOut\(\)\.database\('__/);
  return own.replaceAll(/\s+/g, ' ').trim();
}

describe('a script under test', () => {
  test('has a variable for every node, in the same order and number', () => {
    expect(redirected("stream|from().measurement('m')|log()")).toBe(
      "var edgeDetectTap0 = stream|from().measurement('m') var edgeDetectTap1 = edgeDetectTap0|log()",
    );
  });

  test('keeps its own variables and comments', () => {
    const script = 'var a = stream|from() // here\n|eval(lambda: 1)\na|log()';
    expect(redirected(script)).toBe(
      'var edgeDetectTap0 = stream|from() var a = edgeDetectTap0 // here |eval(lambda: 1) var edgeDetectTap2 = a|log()',
    );
  });

  test('writes for its case, into the one InfluxDB that there is', () => {
    expect(redirected("stream|from()|influxDBOut().cluster('other').measurement('m')")).toContain(
      "|influxDBOut().measurement('m').tag('__edge_detect_case', 'c1')",
    );
  });

  test('sends alerts to a topic of its own, and none to its own handlers', () => {
    const { alerts, script } = instrument(
      "stream|from()|alert().crit(lambda: TRUE).topic('t').log('/x').mode(0600).post('http://a', 'http://b').slack().channel('#c').kafka().topic('k').stateChangesOnly()",
      OPTIONS,
    );
    expect(script).toContain(".crit(lambda: TRUE).topic('c1-alert-0').stateChangesOnly()");
    expect(alerts).toMatchObject([
      {
        tap: 1,
        topic: 'c1-alert-0',
        scriptTopic: 't',
        ends: [
          { kind: 'log', args: ['/x'] },
          { kind: 'post', args: ['http://a', 'http://b'] },
          { kind: 'slack', args: [] },
          { kind: 'kafka', args: [] },
        ],
      },
    ]);
  });

  test('also where a variable holds the alert, and handlers come in a statement of their own', () => {
    const { alerts, script } = instrument(
      "var a = stream|from()|alert()\na.log('/x')\na.post('http://b')",
      OPTIONS,
    );
    expect(script).not.toContain('/x');
    expect(script).not.toContain('http://b');
    expect(alerts[0]?.ends.map(({ kind }) => kind)).toEqual(['log', 'post']);
  });

  test('does not share the categories by which alerts inhibit each other', () => {
    expect(redirected("stream|from()|alert().category('db').inhibit('host', 'dc')")).toContain(
      ".category('c1-db').inhibit('c1-host', 'dc')",
    );
  });

  test('posts to us, whatever the URL, a variable among them', () => {
    const { posts, script } = instrument(
      "var url = 'http://b'\nstream|from()|httpPost('http://a')\nstream|from()|httpPost(url)",
      OPTIONS,
    );
    expect(posts).toEqual(['http://a', 'http://b']);
    expect(script).toContain("httpPost('http://127.0.0.1:1/node/c1/0')");
    expect(script).toContain("httpPost('http://127.0.0.1:1/node/c1/1')");
  });

  test('is refused where what it sends cannot be followed', () => {
    expect(() => instrument("stream|from()|httpPost().endpoint('e')", OPTIONS)).toThrow(InstrumentError);
    expect(() => instrument('stream|from()|alert().topic(unknown)', OPTIONS)).toThrow(InstrumentError);
  });
});
