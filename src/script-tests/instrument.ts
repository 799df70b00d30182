import type { Call, Chain, ChainNode, ScriptOutline } from '../tickscript/chains.ts';
import { outlineOf } from '../tickscript/chains.ts';
import { quoteString, stringValue, type Token } from '../tickscript/tokens.ts';

// A script under test runs as it stands, but for its ends: what it would write, post or log goes to us, under a name
// of the case's own, so that cases don't meet, nothing leaves the machine, and everything that came is known.

/** The tag that tells whose case a written point is; taken off again where it arrives. */
export const CASE_TAG = '__edge_detect_case';
/** The database that what nodes pass on is written to. */
export const NODES_DATABASE = '__edge_detect_nodes';

/** Where an alert would have gone: a handler that the script itself has. */
export interface AlertEnd {
  readonly kind: string;
  /** The arguments, as far as they are literal strings. */
  readonly args: readonly string[];
}

/** One alert node of a script. */
export interface AlertTap {
  /** Which of the taps is its own. */
  readonly tap: number;
  /** The topic that its events go to, of this case and node alone. */
  readonly topic: string;
  /** The topic that the script names. */
  readonly scriptTopic: string | undefined;
  readonly ends: readonly AlertEnd[];
}

export interface Instrumented {
  readonly script: string;
  /** How many nodes are tapped; the tap of the n-th writes the measurement `n`. */
  readonly taps: number;
  readonly alerts: readonly AlertTap[];
  /** The targets of httpPost nodes, by their number in the path that they post to now. */
  readonly posts: readonly string[];
  /** The names of httpOut's endpoints, in the order of the nodes tapped. */
  readonly endpoints: ReadonlyMap<number, string>;
}

export interface InstrumentOptions {
  /** The id of the case: letters, digits, dashes. */
  readonly id: string;
  /** The fake HTTP server, without a slash at its end. */
  readonly httpUrl: string;
  /** The variables of a template that are strings. */
  readonly vars?: ReadonlyMap<string, string>;
  /** Whether what is written must come at once: a task that goes on has no end at which it would. */
  readonly isLive?: boolean;
}

/** A script whose ends cannot be redirected. */
export class InstrumentError extends Error {
  override readonly name = 'InstrumentError';
}

const ALERTS = new Set(['alert', 'deadman']);
/** Nodes that pass nothing on. */
const ENDS = new Set(['influxDBOut', 'kapacitorLoopback']);

const HANDLERS = new Set(
  `alerta bigPanda discord email exec hipChat kafka log mqtt opsGenie opsGenie2 pagerDuty pagerDuty2 post pushover
  sensu serviceNow slack snmpTrap talk tcp teams telegram victorOps zenoss`.split(/\s+/),
);
/** What is said of the node itself; behind a handler everything else is the handler's. */
const ALERT_PROPERTIES = new Set(
  `all category crit critReset details durationField flapping history id idField idTag info infoReset inhibit
  levelField levelTag message messageField noRecoveries quiet stateChangesOnly topic warn warnReset`.split(
    /\s+/,
  ),
);

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Redirects the ends of a script.
 * @throws ScriptSyntaxError, InstrumentError where it can't be followed
 */
export function instrument(script: string, options: InstrumentOptions): Instrumented {
  return new Instrumenter(script, outlineOf(script), options).run();
}

/** A name of the case's own. */
function topicOf(id: string, topic: string): string {
  return `${id}-${topic}`;
}

interface Alert {
  readonly tap: number;
  readonly topic: string;
  scriptTopic: string | undefined;
  readonly ends: AlertEnd[];
  /** The variable that holds it. */
  readonly variable: string | undefined;
}

class Instrumenter {
  readonly #script: string;
  readonly #outline: ScriptOutline;
  readonly #options: InstrumentOptions;
  readonly #edits: Edit[] = [];
  /** The variables that hold the nodes tapped. */
  readonly #tapped: string[] = [];
  readonly #alerts: Alert[] = [];
  readonly #posts: string[] = [];
  readonly #endpoints = new Map<number, string>();

  constructor(script: string, outline: ScriptOutline, options: InstrumentOptions) {
    this.#script = script;
    this.#outline = outline;
    this.#options = options;
  }

  run(): Instrumented {
    for (const chain of this.#outline.chains) {
      this.#sourceProperties(chain);
      chain.nodes.forEach((node, index) => {
        const isLast = index === chain.nodes.length - 1;
        if (node.name === 'influxDBOut') this.#influxDbOut(node);
        else if (node.name === 'httpPost') this.#httpPost(node);
        else if (ALERTS.has(node.name)) this.#alert(node, isLast ? chain.variable : undefined);
        else if (node.name === 'httpOut')
          this.#endpoints.set(this.#tapped.length + index, this.#literal(node.args[0]) ?? '');
      });
      this.#cut(chain);
    }
    return {
      script: applied(this.#script, this.#edits) + this.#taps(),
      taps: this.#tapped.length,
      alerts: this.#alerts,
      posts: this.#posts,
      endpoints: this.#endpoints,
    };
  }

  /** Gives every node of a chain to a variable, without another order or number of nodes. */
  #cut({ nodes, start, valueStart, variable }: Chain): void {
    const names = nodes.map((node, index) => {
      if (ENDS.has(node.name)) return undefined;
      const isLast = index === nodes.length - 1;
      const name = isLast && variable !== undefined ? variable : `edgeDetectTap${this.#tapped.length}`;
      this.#tapped.push(name);
      return name;
    });
    const heads = names.map((name) => (name === undefined ? '' : `var ${name} = `));
    if (heads[0] !== undefined) this.#edits.push({ start, end: valueStart, text: heads[0] });
    nodes.slice(0, -1).forEach((node, index) => {
      const text = `\n${heads[index + 1]}${names[index]}`;
      this.#edits.push({ start: node.end, end: node.end, text });
    });
  }

  /** What nodes pass on is written as well, behind the script's own nodes, so that theirs keep their names. */
  #taps(): string {
    const { id } = this.#options;
    const lines = this.#tapped.map(
      (name, tap) =>
        `${name}|influxDBOut()${this.#atOnce}.database('${NODES_DATABASE}').retentionPolicy('').measurement('${tap}').tag('${CASE_TAG}', '${id}')`,
    );
    return `\n${lines.join('\n')}\n`;
  }

  get #atOnce(): string {
    return this.#options.isLive === true ? '.buffer(1)' : '';
  }

  #influxDbOut(node: ChainNode): void {
    const { id } = this.#options;
    this.#edits.push({ start: node.end, end: node.end, text: `.tag('${CASE_TAG}', '${id}')${this.#atOnce}` });
    let before = node.argumentsEnd;
    for (const property of node.properties) {
      // There is one InfluxDB here, and it is ours.
      if (property.name === 'cluster') this.#edits.push({ start: before, end: property.end, text: '' });
      before = property.end;
    }
  }

  #httpPost(node: ChainNode): void {
    if (node.args.length === 0)
      throw new InstrumentError(
        'an httpPost without a URL posts to an endpoint of kapacitor.conf, which is not followed',
      );
    for (const arg of node.args) {
      const first = arg[0];
      const url = this.#literal(arg);
      if (first === undefined || url === undefined)
        throw new InstrumentError('the URL of an httpPost must be a string or a variable with one');
      const target = `${this.#options.httpUrl}/node/${this.#options.id}/${this.#posts.length}`;
      this.#posts.push(url);
      this.#edits.push({ start: first.start, end: arg.at(-1)?.end ?? first.end, text: quoteString(target) });
    }
  }

  #alert(node: ChainNode, variable: string | undefined): void {
    const tap = this.#tapped.length + this.#indexInChain(node);
    const topic = topicOf(this.#options.id, `alert-${this.#alerts.length}`);
    const alert: Alert = { tap, topic, scriptTopic: undefined, ends: [], variable };
    this.#alerts.push(alert);
    const hasTopic = this.#properties(node.properties, node.argumentsEnd, alert);
    if (!hasTopic)
      this.#edits.push({ start: node.end, end: node.end, text: `.topic(${quoteString(alert.topic)})` });
  }

  #indexInChain(node: ChainNode): number {
    const chain = this.#outline.chains.find(({ nodes }) => nodes.includes(node));
    return chain?.nodes.indexOf(node) ?? 0;
  }

  /** Properties that a variable's alert node is given in a statement of their own. */
  #sourceProperties(chain: Chain): void {
    const alert = this.#alerts.find(({ variable }) => variable !== undefined && variable === chain.source);
    if (alert === undefined || chain.sourceProperties.length === 0) return;
    const first = chain.sourceProperties[0]?.start ?? chain.start;
    const edits = this.#edits.length;
    this.#properties(chain.sourceProperties, chain.valueStart + chain.source.length, alert);
    const isAllGone =
      chain.nodes.length === 0 &&
      chain.variable === undefined &&
      first > chain.start &&
      this.#edits.slice(edits).filter(({ text }) => text === '').length === chain.sourceProperties.length;
    if (!isAllGone) return;
    this.#edits.splice(edits);
    this.#edits.push({ start: chain.start, end: chain.end, text: '' });
  }

  /** Takes handlers off, and renames what cases would share. @returns whether a topic is among them */
  #properties(properties: readonly Call[], from: number, alert: Alert): boolean {
    let before = from;
    let hasTopic = false;
    let handler: string | undefined;
    for (const property of properties) {
      const isHandlers =
        handler !== undefined &&
        (!ALERT_PROPERTIES.has(property.name) || (handler === 'kafka' && property.name === 'topic'));
      if (HANDLERS.has(property.name)) {
        handler = property.name;
        alert.ends.push({
          kind: handler,
          args: property.args.map((arg) => this.#literal(arg) ?? arg.map(({ text }) => text).join('')),
        });
        this.#edits.push({ start: before, end: property.end, text: '' });
      } else if (isHandlers) this.#edits.push({ start: before, end: property.end, text: '' });
      else if (property.name === 'topic') {
        hasTopic = true;
        alert.scriptTopic = this.#renamed(property, 'the topic of an alert', () => alert.topic);
      } else if (property.name === 'category' || property.name === 'inhibit')
        this.#renamed(property, 'the category of an alert', (name) => topicOf(this.#options.id, name));
      before = property.end;
    }
    return hasTopic;
  }

  /** Gives the first argument of a property a name of the case's own. @returns what it was */
  #renamed({ args }: Call, what: string, rename: (name: string) => string): string {
    const arg = args[0];
    const first = arg?.[0];
    const name = this.#literal(arg);
    if (first === undefined || arg === undefined || name === undefined)
      throw new InstrumentError(`${what} must be a string or a variable with one`);
    const text = quoteString(rename(name));
    this.#edits.push({ start: first.start, end: arg.at(-1)?.end ?? first.end, text });
    return name;
  }

  /** The string that an argument is, also by a variable. */
  #literal(arg: readonly Token[] | undefined): string | undefined {
    const [token] = arg ?? [];
    if (token === undefined || arg?.length !== 1) return undefined;
    if (token.kind === 'string') return stringValue(token);
    if (token.kind !== 'name') return undefined;
    const value = this.#outline.variables.find(({ name }) => name === token.text)?.value;
    if (value?.length !== 1 || value[0]?.kind !== 'string') return this.#options.vars?.get(token.text);
    return this.#options.vars?.get(token.text) ?? stringValue(value[0]);
  }
}

function applied(text: string, edits: readonly Edit[]): string {
  let result = '';
  let at = 0;
  for (const { start, end, text: inserted } of edits.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    result += text.slice(at, Math.max(at, start)) + inserted;
    at = Math.max(at, end);
  }
  return result + text.slice(at);
}
