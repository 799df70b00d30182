/** What other dialects of regular expressions write, and what stands for it in JavaScript's. */
type Advice = readonly [written: RegExp, instead: (...groups: readonly string[]) => string];

const CLASSES: ReadonlyMap<string, string> = new Map([
  ['alpha', '\\p{L}'],
  ['digit', '\\d'],
  ['alnum', '\\p{L}\\d'],
  ['word', '\\w'],
  ['space', '\\s'],
  ['blank', ' \\t'],
  ['upper', '\\p{Lu}'],
  ['lower', '\\p{Ll}'],
  ['punct', '\\p{P}\\p{S}'],
  ['xdigit', '0-9A-Fa-f'],
  ['cntrl', '\\p{Cc}'],
  ['graph', '!-~'],
  ['print', ' -~'],
  ['ascii', '\\x00-\\x7f'],
]);

/** Escapes of one letter that others have. What stands for a place in the text comes with the ends of lines. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['A', '^, which is the beginning of any line (or (?<![^]) for that of the text)'],
  ['Z', '$, which is the end of any line (or (?![^]) for that of the text)'],
  ['z', '$, which is the end of any line (or (?![^]) for that of the text)'],
  ['a', '\\x07'],
  ['e', '\\x1b (but escape sequences are taken off before the pattern sees the text)'],
  ['h', '[ \\t]'],
  ['H', '[^ \\t]'],
  ['R', '\\n, as every line ends so here'],
  ['N', '.'],
  ['X', '.'],
  ['<', '\\b'],
  ['>', '\\b'],
  ['y', '\\b'],
  ['m', '\\b'],
  ['M', '\\b'],
  ['K', 'a named group around what is wanted'],
  ['G', 'nothing'],
  ['Q', 'each special character with a backslash of its own'],
  ['E', 'each special character with a backslash of its own'],
]);

const ADVICE: readonly Advice[] = [
  [/\(\?P<([A-Za-z_]\w*)>/, (name) => `(?<${name}>…)`],
  [/\(\?'([A-Za-z_]\w*)'/, (name) => `(?<${name}>…)`],
  [/\(\?P=([A-Za-z_]\w*)\)/, (name) => `\\k<${name}>`],
  [/\(\?(?:P>|&)\w+\)|\(\?(?:R|\d+)\)/, () => 'the part that is meant once more (there is no recursion)'],
  [/\(\?<([^>=!][^>]*)>/, (name) => (/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? '' : groupName(name))],
  [/\(\?\^?([a-zA-Z]*)(?:-([a-zA-Z]+))?\)/, (on) => flagsAdvice(on)],
  [/\(\?([a-zA-Z]*[^ims:\W-][a-zA-Z]*)(?:-[a-zA-Z]+)?:/, (flags) => flagsAdvice(flags)],
  [/\(\?#[^)]*\)/, () => 'nothing: there are no comments in a pattern'],
  [/\(\?>/, () => '(?:…)'],
  [/\(\?\|/, () => '(?:…), in which each alternative may have a group of the same name'],
  [/\[:\^?(\w+):\]/, (name) => CLASSES.get(name) ?? 'the characters themselves'],
  [
    /%\{(\w+)(?::([\w.[\]-]+))?[^}]*\}/,
    (_, name) => `(?<${name || 'name'}>\\S+) or the like: grok's names are not known here`,
  ],
  [/\{,(\d+)\}/, (most) => `{0,${most}}`],
  [
    /\\p\{(?:Is)?(Alpha|Digit|Alnum|Upper|Lower|Punct|Space|XDigit)\}/,
    (name) => `[${CLASSES.get(name.toLowerCase()) ?? ''}]`,
  ],
  [/\\p([LNPSZCM])/, (category) => `\\p{${category}}`],
  [/\\x\{([0-9A-Fa-f]+)\}/, (code) => `\\u{${code}}`],
];

/** What JavaScript takes without a complaint, for a set of these letters and colons. */
const LONE_CLASS = /(?<!\[)\[\^?:(?:alpha|digit|alnum|word|space|blank|upper|lower|punct|xdigit):\](?!\])/;

/** What JavaScript would take for something else than whoever wrote it. */
export function misreadPart(source: string): string | undefined {
  return LONE_CLASS.exec(source)?.[0];
}

/** Quantifiers that give nothing back, which looks like a quantifier of a quantifier. */
const POSSESSIVE = /(?<!\\)[*+?}]\+/;

/**
 * What a pattern that JavaScript refuses should say instead, where it is written as others write it.
 * @param complaint JavaScript's own
 * @returns undefined where nothing of that kind is in it
 */
export function dialectAdvice(source: string, complaint: string): string | undefined {
  for (const [written, instead] of ADVICE) {
    const match = written.exec(source);
    if (match === null) continue;
    const [found, ...groups] = match;
    const advice = instead(...groups.map((group) => group ?? ''));
    if (advice !== '') return `for ${found} write ${advice}`;
  }
  if (complaint.includes('Nothing to repeat')) {
    const found = POSSESSIVE.exec(source)?.[0];
    if (found !== undefined) return `for ${found} write ${found[0]}`;
  }
  return complaint.includes('Invalid escape') ? escapeAdvice(source) : undefined;
}

/** Escapes that mean nothing: of letters that others have, and of characters that need none. */
function escapeAdvice(source: string): string | undefined {
  for (const [written, character = ''] of source.matchAll(/\\(.)/gsu)) {
    const instead = ESCAPES.get(character);
    if (instead !== undefined) return `for ${written} write ${instead}`;
    if (/[^\p{L}\p{N}^$\\.*+?()[\]{}|/-]/u.test(character))
      return `for ${written} write ${character === ' ' ? 'a blank' : character} alone: it needs no backslash`;
  }
  return source.includes('\\-')
    ? 'for \\- write - alone outside of [ ]: it needs no backslash there'
    : undefined;
}

function groupName(name: string): string {
  const better = name.replace(/[^\p{L}\p{N}_$]/gu, '_').replace(/^(?=\p{N})/u, '_');
  return `(?<${better}>…): a group's name has letters, digits and _ only, and what it becomes can be renamed`;
}

function flagsAdvice(flags: string): string {
  const advice = [
    flags.includes('i') && '(?i:…) around what may be in capitals or not',
    flags.includes('s') && '[^] in place of . where line breaks may be',
    flags.includes('m') && 'nothing: ^ and $ are the ends of lines here',
    flags.includes('x') && 'the pattern without blanks and comments',
    flags.includes('U') && '*? and +? where as little as possible is meant',
  ].filter((each) => each !== false);
  return advice.length === 0 ? 'the pattern without it' : advice.join(', and ');
}
