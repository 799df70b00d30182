/** What may stand between columns; a comma, unless another one does better. */
const CANDIDATES = [',', ';', '\t', '|'] as const;

/**
 * What stands between the columns of CSV.
 * @param header the line with the names
 * @param row a line below it, if there is one
 * @returns undefined if the header seems to have one column, and the row more
 */
export function delimiterOf(header: string, row: string | undefined): string | undefined {
  const counts = CANDIDATES.map((delimiter) => ({
    delimiter,
    count: countOf(header, delimiter),
    isKept: row === undefined || countOf(header, delimiter) === countOf(row, delimiter),
  })).filter(({ count }) => count > 0);
  const kept = counts.filter(({ isKept }) => isKept).sort((one, other) => other.count - one.count);
  const best = kept[0] ?? counts[0];
  if (best !== undefined) return best.delimiter;
  const isWider = row !== undefined && CANDIDATES.some((delimiter) => countOf(row, delimiter) > 0);
  return isWider ? undefined : ',';
}

/** How often a delimiter stands in a line, outside of quotes. */
export function countOf(line: string, delimiter: string): number {
  let count = 0;
  let isQuoted = false;
  for (const character of line) {
    if (character === '"') isQuoted = !isQuoted;
    else if (character === delimiter && !isQuoted) count++;
  }
  return count;
}
