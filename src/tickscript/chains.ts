import { ScriptSyntaxError, type Token, tokensOf } from './tokens.ts';

// What is read here, as far as a script's nodes are concerned:
//
//   statement := [ 'var' NAME '=' ] chain | 'var' NAME type | 'dbrp' …
//   chain     := source { property } { node }       source: stream, batch, or a variable
//   node      := ( '|' | '@' ) NAME arguments { property }
//   property  := '.' NAME arguments
//   arguments := '(' [ expression { ',' expression } ] ')'

/** A call within a script: a node with its arguments, or one of the node's properties. */
export interface Call {
  readonly name: string;
  /** Where its name begins. */
  readonly start: number;
  /** Where its closing parenthesis ends. */
  readonly end: number;
  /** The pieces of each argument. */
  readonly args: readonly (readonly Token[])[];
}

/** One node of a chain, from its `|` or `@` to the end of its last property. */
export interface ChainNode extends Call {
  readonly operator: '|' | '@';
  /** Where the `|` or `@` is. */
  readonly operatorStart: number;
  /** Where its own parentheses end; behind them come the properties. */
  readonly argumentsEnd: number;
  readonly properties: readonly Call[];
}

/** A statement that makes nodes. */
export interface Chain {
  /** The variable that it is given to. */
  readonly variable: string | undefined;
  readonly start: number;
  /** Where the value begins, behind `var NAME =`. */
  readonly valueStart: number;
  readonly end: number;
  /** What the chain begins with: `stream`, `batch` or a variable. */
  readonly source: string;
  /** Properties of the node that the source's variable holds. */
  readonly sourceProperties: readonly Call[];
  readonly nodes: readonly ChainNode[];
}

/** A variable that is given a value which is no chain, as its pieces. */
export interface Variable {
  readonly name: string;
  readonly start: number;
  readonly value: readonly Token[];
}

/** What a script says, statement by statement. */
export interface ScriptOutline {
  readonly chains: readonly Chain[];
  readonly variables: readonly Variable[];
  /** What a template leaves open: the names with their types. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The statements `dbrp "database"."policy"`. */
  readonly dbrps: readonly {
    readonly start: number;
    readonly end: number;
    readonly tokens: readonly Token[];
  }[];
}

/**
 * Reads what nodes a script makes, and with what. Whether Kapacitor takes the script is Kapacitor's to say.
 * @throws ScriptSyntaxError where it can't be followed
 */
export function outlineOf(script: string): ScriptOutline {
  return new OutlineReader(tokensOf(script)).read();
}

class OutlineReader {
  readonly #tokens: readonly Token[];
  #at = 0;
  readonly #chains: Chain[] = [];
  readonly #variables: Variable[] = [];
  readonly #parameters = new Map<string, string>();
  readonly #dbrps: { start: number; end: number; tokens: Token[] }[] = [];

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  read(): ScriptOutline {
    while (this.#token().kind !== 'end') this.#statement();
    return {
      chains: this.#chains,
      variables: this.#variables,
      parameters: this.#parameters,
      dbrps: this.#dbrps,
    };
  }

  #statement(): void {
    const first = this.#token();
    if (first.text === 'dbrp') this.#dbrp();
    else if (first.text === 'var') this.#var();
    else if (first.kind === 'name') this.#chain(undefined, first.start, first.start);
    else throw this.#unexpected('a statement');
  }

  #dbrp(): void {
    const { start } = this.#next();
    const tokens = [this.#next(), this.#next(), this.#next()];
    this.#dbrps.push({ start, end: tokens.at(-1)?.end ?? start, tokens });
  }

  #var(): void {
    const { start } = this.#next();
    const name = this.#name('the name of a variable');
    if (this.#token().text !== '=') {
      this.#parameters.set(name, this.#name('the type of a variable, or ='));
      return;
    }
    this.#next();
    const value = this.#token();
    const after = this.#tokens[this.#at + 1];
    if (value.kind === 'name' && (after?.text === '|' || after?.text === '@' || after?.text === '.'))
      this.#chain(name, start, value.start);
    else this.#variables.push({ name, start, value: this.#value() });
  }

  /** The pieces up to the next statement: a value has no end of its own. */
  #value(): Token[] {
    const value: Token[] = [];
    let depth = 0;
    for (let token = this.#token(); token.kind !== 'end'; token = this.#token()) {
      if (depth === 0 && value.length > 0 && this.#beginsStatement(value)) break;
      if (token.text === '(' || token.text === '[') depth++;
      if (token.text === ')' || token.text === ']') depth--;
      value.push(this.#next());
    }
    return value;
  }

  /** Whether a new statement begins here: a name after a value, which no operator joins. */
  #beginsStatement(value: readonly Token[]): boolean {
    const { kind, text } = this.#token();
    const before = value.at(-1);
    if (kind !== 'name' || text === 'AND' || text === 'OR' || before === undefined) return false;
    if (before.text === 'AND' || before.text === 'OR') return false;
    const isStar = before.text === '*' && value.length === 1;
    return before.kind !== 'operator' || before.text === ')' || before.text === ']' || isStar;
  }

  #chain(variable: string | undefined, start: number, valueStart: number): void {
    const source = this.#next();
    const sourceProperties = this.#properties();
    const nodes: ChainNode[] = [];
    while (this.#token().text === '|' || this.#token().text === '@') nodes.push(this.#node());
    if (nodes.length === 0 && sourceProperties.length === 0) throw this.#unexpected('| or @ and a node');
    this.#chains.push({
      variable,
      start,
      valueStart,
      end: (nodes.at(-1) ?? sourceProperties.at(-1) ?? source).end,
      source: source.text,
      sourceProperties,
      nodes,
    });
  }

  #node(): ChainNode {
    const operator = this.#next();
    const call = this.#call('the name of a node');
    const properties = this.#properties();
    return {
      ...call,
      operator: operator.text === '@' ? '@' : '|',
      operatorStart: operator.start,
      argumentsEnd: call.end,
      properties,
      end: properties.at(-1)?.end ?? call.end,
    };
  }

  #properties(): Call[] {
    const properties: Call[] = [];
    while (this.#token().text === '.') {
      this.#next();
      properties.push(this.#call('the name of a property'));
    }
    return properties;
  }

  #call(what: string): Call {
    const { start } = this.#token();
    const name = this.#name(what);
    if (this.#token().text !== '(') throw this.#unexpected(`( after ${name}`);
    this.#next();
    const args: Token[][] = [];
    let arg: Token[] = [];
    for (let depth = 1; depth > 0; ) {
      const token = this.#next();
      if (token.kind === 'end') throw new ScriptSyntaxError(`the ( after ${name} is not closed`, start);
      if (token.text === '(' || token.text === '[') depth++;
      if (token.text === ')' || token.text === ']') depth--;
      if (depth === 0) {
        if (arg.length > 0) args.push(arg);
        return { name, start, end: token.end, args };
      }
      if (depth === 1 && token.text === ',') {
        args.push(arg);
        arg = [];
      } else arg.push(token);
    }
    throw this.#unexpected(')');
  }

  #name(what: string): string {
    if (this.#token().kind !== 'name') throw this.#unexpected(what);
    return this.#next().text;
  }

  #token(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new ScriptSyntaxError('the script ends too soon', 0);
    return token;
  }

  #next(): Token {
    const token = this.#token();
    if (token.kind !== 'end') this.#at++;
    return token;
  }

  #unexpected(expected: string): ScriptSyntaxError {
    const { start, text } = this.#token();
    return new ScriptSyntaxError(`expected ${expected}, found ${text === '' ? 'the end' : text}`, start);
  }
}
