/** A table of Markdown; its cells are text in which bars may stand. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), `|${heads.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

/** Text as code, where there is any. */
export function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}

const MARK = /(<!-- generated: (\S+) -->\n)[\s\S]*?(<!-- end -->)/g;

/**
 * Puts tables between their marks, `<!-- generated: NAME -->` and `<!-- end -->`.
 * @throws Error for a mark with a name that no table has
 */
export function fill(markdown: string, tables: ReadonlyMap<string, string>): string {
  return markdown.replaceAll(MARK, (_, begin: string, name: string, end: string) => {
    const text = tables.get(name);
    if (text === undefined) throw new Error(`there is no table ${name}: ${[...tables.keys()].join(', ')}`);
    return `${begin}\n${text}\n\n${end}`;
  });
}

/** The names of the tables that a page has. */
export function marksIn(markdown: string): string[] {
  return [...markdown.matchAll(MARK)].map(([, , name = '']) => name);
}
