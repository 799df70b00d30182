import { outlineOf } from '../../src/tickscript/chains.ts';
import { positionOf, quoteString, stringValue, type Token, tokensOf } from '../../src/tickscript/tokens.ts';

/** A script with one piece changed. */
export interface Mutant {
  readonly script: string;
  /** What was changed, and where. */
  readonly what: string;
  /** Whether it changes what a query asks, which a case's batches answer whatever it is. */
  readonly isAsked: boolean;
}

/** What an operator is mistaken for. */
const OTHER_OPERATOR: ReadonlyMap<string, string> = new Map([
  ['==', '!='],
  ['!=', '=='],
  ['<', '>'],
  ['>', '<'],
  ['<=', '<'],
  ['>=', '>'],
  ['=~', '!~'],
  ['!~', '=~'],
  ['+', '-'],
  ['-', '+'],
  ['*', '/'],
  ['/', '*'],
]);

const OTHER_NAME: ReadonlyMap<string, string> = new Map([
  ['TRUE', 'FALSE'],
  ['FALSE', 'TRUE'],
  ['AND', 'OR'],
  ['OR', 'AND'],
]);

/**
 * Every script that differs in one constant, operator or name. Whole properties are names as well: each is left out once.
 * What a comment says is no part of a script.
 */
export function mutantsOf(script: string): Mutant[] {
  const tokens = tokensOf(script);
  const changed = tokens.flatMap((token, index) =>
    changesOf(token, tokens[index - 1]).map((text) => ({ start: token.start, end: token.end, text })),
  );
  const queries = outlineOf(script).chains.flatMap(({ nodes }) =>
    nodes.filter(({ name }) => name === 'query'),
  );
  return [...changed, ...propertiesOf(tokens)].map(({ end, start, text }) => {
    const { column, line } = positionOf(script, start);
    const before = script.slice(start, end).replaceAll(/\s+/g, ' ');
    return {
      script: script.slice(0, start) + text + script.slice(end),
      isAsked: queries.some((query) => query.operatorStart <= start && end <= query.end),
      what: `${line}:${column}: ${before} -> ${text === '' ? 'nothing' : text.replaceAll(/\s+/g, ' ')}`,
    };
  });
}

function changesOf(token: Token, before: Token | undefined): string[] {
  const { kind, text } = token;
  if (kind === 'string') return [quoteString(`${stringValue(token)}X`)];
  if (kind === 'reference') {
    // A database must not be changed where the case says which one it is.
    return before?.text === 'dbrp' || before?.text === '.' ? [] : [`${text.slice(0, -1)}X"`];
  }
  if (kind === 'number') return [text.includes('.') ? `${Number(text) + 1}.5` : String(Number(text) + 1)];
  if (kind === 'duration') return [`${Number.parseInt(text, 10) + 1}${text.replace(/^\d+/, '')}`];
  const other = (kind === 'operator' ? OTHER_OPERATOR : OTHER_NAME).get(text);
  return other === undefined ? [] : [other];
}

/** Each `.name(…)`, to be left out. */
function propertiesOf(tokens: readonly Token[]): { start: number; end: number; text: string }[] {
  return tokens.flatMap((dot, index) => {
    if (dot.text !== '.' || tokens[index + 1]?.kind !== 'name' || tokens[index + 2]?.text !== '(') return [];
    let depth = 0;
    for (const token of tokens.slice(index + 2)) {
      if (token.text === '(') depth++;
      if (token.text === ')' && --depth === 0) return [{ start: dot.start, end: token.end, text: '' }];
    }
    return [];
  });
}
