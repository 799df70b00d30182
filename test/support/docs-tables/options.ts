import type { Argument, OptionSpec } from '../../../src/function/options.ts';
import { OPTIONS } from '../../../src/functions/edge-detect/options.ts';
import { formatTickscriptDuration } from '../../../src/tickscript/durations.ts';
import { code, table } from './markdown.ts';

type OptionName = keyof typeof OPTIONS;

/** An option as a script has it, and the heading of docs/options.md under which it is explained. */
const USES: Readonly<Record<OptionName, { readonly example: string; readonly section: string }>> = {
  field: { example: ".field('value')", section: 'what-a-state-is' },
  tag: { example: ".tag('state')", section: 'what-a-state-is' },
  ignore: { example: ".ignore('unavailable')", section: 'values-that-are-no-states-ignore' },
  from: { example: ".from('SHOWTIME')", section: 'which-edges-are-emitted' },
  notFrom: { example: ".notFrom('IDLE')", section: 'which-edges-are-emitted' },
  to: { example: ".to('DOWN')", section: 'which-edges-are-emitted' },
  notTo: { example: ".notTo('IDLE')", section: 'which-edges-are-emitted' },
  rising: { example: '.rising()', section: 'which-edges-are-emitted' },
  falling: { example: '.falling()', section: 'which-edges-are-emitted' },
  deadband: { example: '.deadband(1.0)', section: 'numbers-deadband' },
  deadbandPercent: { example: '.deadbandPercent(5.0)', section: 'numbers-deadband' },
  hold: { example: '.hold(30s)', section: 'how-sure-it-must-be-hold-and-confirm' },
  holdTo: { example: ".holdTo('DOWN', 5m)", section: 'how-sure-it-must-be-hold-and-confirm' },
  confirm: { example: '.confirm(3)', section: 'how-sure-it-must-be-hold-and-confirm' },
  confirmTo: { example: ".confirmTo('DOWN', 5)", section: 'how-sure-it-must-be-hold-and-confirm' },
  limit: { example: '.limit(3, 10m)', section: 'how-many-limit-every-initial' },
  initial: { example: '.initial(FALSE)', section: 'how-many-limit-every-initial' },
  every: { example: '.every(1h)', section: 'how-many-limit-every-initial' },
  silent: { example: ".silent('SILENT', 5m)", section: 'a-device-that-falls-silent-silent' },
  ttl: { example: '.ttl(24h)', section: 'what-is-remembered-ttl-and-maxgroups' },
  maxGroups: { example: '.maxGroups(10000)', section: 'what-is-remembered-ttl-and-maxgroups' },
  late: { example: ".late('drop')", section: 'points-that-come-late-late' },
  as: { example: ".as('state')", section: 'what-is-added-to-an-edge' },
  previousAs: { example: ".previousAs('was')", section: 'what-is-added-to-an-edge' },
  durationAs: { example: ".durationAs('lasted')", section: 'what-is-added-to-an-edge' },
  unit: { example: '.unit(1m)', section: 'what-is-added-to-an-edge' },
  sinceAs: { example: ".sinceAs('since')", section: 'what-is-added-to-an-edge' },
  countAs: { example: ".countAs('changes')", section: 'what-is-added-to-an-edge' },
};

function literal(value: Argument, type: string | undefined): string {
  if (typeof value === 'bigint') return type === 'DURATION' ? formatTickscriptDuration(value) : String(value);
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  return typeof value === 'string' ? `'${value}'` : value.toFixed(1);
}

function defaultOf(spec: OptionSpec): string {
  if (spec.default === undefined) return '–';
  return typeof spec.default === 'object'
    ? spec.default.words
    : code(literal(spec.default, spec.arguments[0]));
}

function rangeOf(spec: OptionSpec): string {
  const ranges = (spec.ranges ?? []).map((range, index) => {
    const said = (value: Argument): string => code(literal(value, spec.arguments[index]));
    if (range === undefined) return '';
    if (range.isName === true) return 'a name';
    if (range.oneOf !== undefined) return range.oneOf.map(said).join(' or ');
    if (range.above !== undefined) return `more than ${said(range.above)}`;
    if (range.min !== undefined && range.max !== undefined) return `${said(range.min)} to ${said(range.max)}`;
    return range.min === undefined ? '' : `${said(range.min)} or more`;
  });
  return ranges.filter((range) => range !== '').join(', ');
}

/** The options of `@edgeDetect()`, in the order of {@link USES}. */
export function optionsTable(): string {
  const specs: Readonly<Record<string, OptionSpec>> = OPTIONS;
  return table(
    ['option', 'in a TICKscript', 'what it does', 'default', 'allowed'],
    Object.entries(USES).map(([name, { example, section }]) => {
      const spec = specs[name];
      return [
        `[${code(name)}](#${section})`,
        code(example),
        spec.repeatable === undefined ? spec.summary : `${spec.summary}; repeatable`,
        defaultOf(spec),
        rangeOf(spec),
      ];
    }),
  );
}
