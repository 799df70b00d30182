import { describe, expect, test } from 'vitest';
import { outlineOf } from '../../src/tickscript/chains.ts';
import { positionOf, ScriptSyntaxError } from '../../src/tickscript/tokens.ts';

/** Chains as one would read them aloud. */
function shape(script: string): string[] {
  return outlineOf(script).chains.map(({ nodes, source, sourceProperties, variable }) => {
    const properties = (calls: readonly { readonly name: string }[]): string =>
      calls.map(({ name }) => `.${name}`).join('');
    const text = nodes.map((node) => `${node.operator}${node.name}${properties(node.properties)}`).join('');
    return `${variable === undefined ? '' : `${variable} = `}${source}${properties(sourceProperties)}${text}`;
  });
}

describe('the outline of a TICKscript', () => {
  test.each([
    ['stream|from()', ['stream|from']],
    ["stream|from().measurement('m')@edgeDetect().field('v')", ['stream|from.measurement@edgeDetect.field']],
    ['var a = stream|from()\na|log()', ['a = stream|from', 'a|log']],
    ["var a = stream|alert()\na.log('/x')", ['a = stream|alert', 'a.log']],
    ["var x = 5\nvar b = batch|query('''SELECT | FROM @x''')", ['b = batch|query']],
    ['stream|where(lambda: "a" > 1 AND "b" =~ /x|y(/)|log()', ['stream|where|log']],
    ['stream|eval(lambda: "a" / 2 / 3)|log()', ['stream|eval|log']],
    ["// stream|from()\nstream // |x()\n|from() // 'quote\n|log()", ['stream|from|log']],
    ['a|join(b|log(), c)', ['a|join']],
    ["stream|alert().message('it\\'s | @x()')|log()", ['stream|alert.message|log']],
  ])('%j', (script, expected) => {
    expect(shape(script)).toEqual(expected);
  });

  test('values end where the next statement begins, whatever joins them', () => {
    const { variables } = outlineOf(
      'var a = 1024 * b var c = TRUE AND d OR e\nvar f = lambda: "x" > 1\nvar g = [\'a\', *]\nvar h = *\nvar i = 3m',
    );
    const texts = variables.map(({ name, value }) => `${name}=${value.map(({ text }) => text).join('')}`);
    expect(texts).toEqual(['a=1024*b', 'c=TRUEANDdORe', 'f=lambda:"x">1', "g=['a',*]", 'h=*', 'i=3m']);
  });

  test('a template leaves types open; dbrp says where the points are', () => {
    const { dbrps, parameters } = outlineOf('dbrp "a"."b"\nvar field string\nvar hold = 0s\nstream|from()');
    expect([...parameters]).toEqual([['field', 'string']]);
    expect(dbrps.map(({ tokens }) => tokens.map(({ text }) => text).join(''))).toEqual(['"a"."b"']);
  });

  test.each([
    ['stream\n  |from(', '2:4'],
    ["stream|alert().message('x", '1:24'],
    ['stream\n|from()\n|', '3:2'],
    ['stream|from() {', '1:15'],
  ])('%j cannot be followed, and says where', (script, place) => {
    let caught: unknown;
    try {
      outlineOf(script);
    } catch (error) {
      caught = error;
    }
    if (!(caught instanceof ScriptSyntaxError)) throw new Error('it was followed');
    const { column, line } = positionOf(script, caught.offset);
    expect(`${line}:${column}`).toBe(place);
  });
});
