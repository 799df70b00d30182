import type { LinePoint } from '../../line-protocol/parser.ts';

/**
 * Why InfluxDB would not give a point back as it is, or would lose others over it, though it takes them without a
 * word; undefined if all is well.
 * @param text the point in line protocol
 */
export function reasonNotKept(
  { fields, measurement }: Pick<LinePoint, 'fields' | 'measurement'>,
  text: string,
): string | undefined {
  if (fields.has('time')) return 'InfluxDB keeps no field called time';
  if (!text.includes('\\')) return undefined;
  // It takes escapes off measurements twice.
  if (/\\[,= "]/.test(measurement))
    return `InfluxDB would not keep the backslash in the measurement ${JSON.stringify(measurement)}`;
  if (!endsAsOneLine(text))
    return 'InfluxDB would take the lines after it for a part of it: a backslash stands before a space';
  return undefined;
}

/**
 * Whether a server that splits a batch into lines ends this one where it ends.
 *
 * InfluxDB and Kapacitor split first and parse later, by other rules: a backslash and whatever follows are passed
 * over as a pair, the first space outside of a pair begins the fields, and there a quote after a field's `=` opens a
 * string in which line breaks are text. So a name with `\` in front of a space, written `\\ `, begins the fields in
 * its middle, and quotes after it are counted wrongly.
 */
function endsAsOneLine(text: string): boolean {
  let isInFields = false;
  let isQuoted = false;
  let equals = 0;
  let commas = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') at++;
    else if (character === '\n' && !isQuoted) return false;
    else if (character === ' ') isInFields = true;
    else if (isInFields && !isQuoted && character === '=') equals++;
    else if (isInFields && !isQuoted && character === ',') commas++;
    else if (isInFields && character === '"' && equals > commas) isQuoted = !isQuoted;
  }
  return !isQuoted;
}
