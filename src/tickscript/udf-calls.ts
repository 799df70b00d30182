import { type Call, type Chain, type ChainNode, outlineOf, type ScriptOutline } from './chains.ts';
import { type Position, positionOf, stringValue, type Token } from './tokens.ts';

/** Something of a script that cannot be followed without running it. */
export interface NotFollowed {
  readonly what: string;
  readonly position: Position;
}

/** A function that a script calls, with what it gets there. */
export interface UdfCall {
  /** The function's name. */
  readonly name: string;
  readonly position: Position;
  /** Undefined where all measurements come. */
  readonly measurement: string | undefined;
  /** The tags that it is grouped by; `*` stands for all. */
  readonly groupBy: readonly string[];
  /** Its options as a script writes them, with the values of variables in their place. */
  readonly options: readonly string[];
  readonly notFollowed: readonly NotFollowed[];
}

/** What a source's properties say without changing what comes. */
const PASSED_OVER = new Set([
  'database',
  'retentionPolicy',
  'quiet',
  'period',
  'every',
  'cron',
  'offset',
  'align',
]);

/**
 * The functions that a script calls, in its order, as far as literals and variables of literals say with what.
 * @param isFunction tells functions from whatever else stands behind an `@`
 * @throws ScriptSyntaxError where the script can't be read
 */
export function udfCalls(script: string, isFunction: (name: string) => boolean): UdfCall[] {
  return new CallReader(script, outlineOf(script)).calls(isFunction);
}

class CallReader {
  readonly #script: string;
  readonly #outline: ScriptOutline;

  constructor(script: string, outline: ScriptOutline) {
    this.#script = script;
    this.#outline = outline;
  }

  calls(isFunction: (name: string) => boolean): UdfCall[] {
    return this.#outline.chains.flatMap((chain) =>
      chain.nodes.flatMap((node, index) =>
        node.operator === '@' && isFunction(node.name) ? [this.#call(chain, node, index)] : [],
      ),
    );
  }

  #call(chain: Chain, node: ChainNode, index: number): UdfCall {
    const notFollowed: NotFollowed[] = [];
    const before = this.#nodesBefore(chain, index, notFollowed);
    let measurement: string | undefined;
    let groupBy: readonly string[] = [];
    for (const each of before) {
      const isSource = each.name === 'from' || each.name === 'query';
      if (each.name === 'groupBy') groupBy = this.#names(each, notFollowed);
      else if (!isSource)
        notFollowed.push(this.#place(`|${each.name}() before it changes what comes`, each.start));
      for (const property of isSource ? each.properties : []) {
        if (property.name === 'measurement') measurement = this.#name(property, notFollowed);
        else if (property.name === 'groupBy') groupBy = this.#names(property, notFollowed);
        else if (!PASSED_OVER.has(property.name))
          notFollowed.push(this.#place(`.${property.name}() is not heeded: all points come`, property.start));
      }
    }
    const options = node.properties.flatMap((property) => this.#option(property, notFollowed));
    const position = positionOf(this.#script, node.start);
    return { name: node.name, position, measurement, groupBy, options, notFollowed };
  }

  /** What a point has come through, from the source on. */
  #nodesBefore(chain: Chain, index: number, notFollowed: NotFollowed[]): ChainNode[] {
    const own = chain.nodes.slice(0, index);
    if (chain.source === 'stream' || chain.source === 'batch') return own;
    const parent = this.#outline.chains.find(({ variable }) => variable === chain.source);
    if (parent === undefined) {
      notFollowed.push(this.#place(`${chain.source} is not made in this script`, chain.valueStart));
      return own;
    }
    return [...this.#nodesBefore(parent, parent.nodes.length, notFollowed), ...own];
  }

  #place(what: string, offset: number): NotFollowed {
    return { what, position: positionOf(this.#script, offset) };
  }

  #name(call: Call, notFollowed: NotFollowed[]): string | undefined {
    const [token] = this.#literal(call.args[0]) ?? [];
    if (token?.kind === 'string') return stringValue(token);
    notFollowed.push(this.#place(`the value of .${call.name}() is no text that stands here`, call.start));
    return undefined;
  }

  #names(call: Call, notFollowed: NotFollowed[]): string[] {
    return call.args.flatMap((arg) => {
      const value = this.#literal(arg);
      const names = value?.filter(({ kind, text }) => kind === 'string' || text === '*') ?? [];
      // InfluxQL's own, for a query: what comes is grouped by time already.
      const isTime = arg[0]?.text === 'time';
      if (names.length === 0 && !isTime)
        notFollowed.push(this.#place(`the value of .${call.name}() is no text that stands here`, call.start));
      return names.map((token) => (token.kind === 'string' ? stringValue(token) : '*'));
    });
  }

  #option(call: Call, notFollowed: NotFollowed[]): string[] {
    const args = call.args.map((arg) => this.#literal(arg));
    if (args.some((arg) => arg === undefined)) {
      notFollowed.push(
        this.#place(`the value of .${call.name}() is not known before the script runs`, call.start),
      );
      return [];
    }
    const texts = args.map((arg) => (arg ?? []).map(({ text }) => text).join(''));
    // A list alone is its elements.
    const [only] = texts;
    const isList = texts.length === 1 && only?.startsWith('[') === true;
    return [`${call.name}(${isList ? only.slice(1, -1) : texts.join(', ')})`];
  }

  /** The pieces of a value: as they stand, or those of the variable that is named. */
  #literal(arg: readonly Token[] | undefined): readonly Token[] | undefined {
    const [first] = arg ?? [];
    if (arg === undefined || first === undefined) return undefined;
    const isVariable = first.kind === 'name' && !['TRUE', 'FALSE', 'lambda'].includes(first.text);
    if (!isVariable) return arg;
    if (arg.length > 1) return undefined;
    const value = this.#outline.variables.find(({ name }) => name === first.text)?.value;
    return value === undefined ? undefined : this.#literal(value);
  }
}
