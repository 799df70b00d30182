/** What a piece of a TICKscript is, as far as chains of nodes can be told from it. */
export type TokenKind =
  | 'name'
  | 'string'
  | 'reference'
  | 'regex'
  | 'number'
  | 'duration'
  | 'operator'
  | 'end';

/** A piece of a script; `start` and `end` are offsets in UTF-16 units. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A script that is no TICKscript, and where. */
export class ScriptSyntaxError extends Error {
  override readonly name = 'ScriptSyntaxError';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** A place in a text as people count: both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

const BLANK = /(?:\s|\/\/[^\n]*)+/y;
const STRING = /'''[\s\S]*?'''|'(?:\\'|[^'])*'/y;
const REFERENCE = /"(?:\\"|[^"])*"/y;
const NAME = /\p{L}[\p{L}\p{Nd}_]*/uy;
const DURATION = /\d+(?:ms|[uµsmhdw])(?![\p{L}\p{Nd}_])/uy;
const NUMBER = /\d+(?:\.\d*)?|\.\d+/y;
const OPERATOR = /==|!=|<=|>=|=~|!~|[-+*%<>=!.|@(),[\]/]/y;
const REGEX = /\/(?:\\\/|[^/\n])+\//y;

/** After these a slash begins a regular expression; after a value it divides. */
const BEFORE_REGEX = new Set(['=~', '!~', '(', ',', '[', '=', 'lambda']);

/**
 * Cuts a TICKscript into its pieces; blanks and comments lie between them. The last piece is the end.
 * @throws ScriptSyntaxError where something begins that TICKscript does not have, or does not end
 */
export function tokensOf(script: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(script)?.[0];
  };
  for (;;) {
    at += take(BLANK)?.length ?? 0;
    if (at >= script.length) break;
    const token = nextToken(take, tokens.at(-1)?.text);
    if (token === undefined) throw new ScriptSyntaxError(unreadable(script, at), at);
    tokens.push({ ...token, start: at, end: at + token.text.length });
    at += token.text.length;
  }
  tokens.push({ kind: 'end', text: '', start: script.length, end: script.length });
  return tokens;
}

function nextToken(
  take: (pattern: RegExp) => string | undefined,
  before: string | undefined,
): { kind: TokenKind; text: string } | undefined {
  const patterns: readonly (readonly [TokenKind, RegExp])[] = [
    ['string', STRING],
    ['reference', REFERENCE],
    ['name', NAME],
    ['duration', DURATION],
    ['number', NUMBER],
    ...(before === undefined || BEFORE_REGEX.has(before) ? [['regex', REGEX] as const] : []),
    ['operator', OPERATOR],
  ];
  for (const [kind, pattern] of patterns) {
    const text = take(pattern);
    if (text !== undefined) return { kind, text };
  }
  // A lambda's colon is all that is left.
  return before === 'lambda' && take(/:/y) !== undefined ? { kind: 'operator', text: ':' } : undefined;
}

function unreadable(script: string, at: number): string {
  const quote = script[at];
  if (quote === "'") return 'a string that begins here does not end';
  if (quote === '"') return 'a reference that begins here does not end';
  return `TICKscript has no ${JSON.stringify(quote)}`;
}

/** Where an offset lies. */
export function positionOf(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}

/** The text of a string token, without its quotes. */
export function stringValue(token: Token): string {
  if (token.text.startsWith("'''") && token.text.length >= 6) return token.text.slice(3, -3);
  return token.text.slice(1, -1).replaceAll("\\'", "'");
}

/** A text as a TICKscript writes it. */
export function quoteString(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`;
}
