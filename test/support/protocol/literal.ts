/** Writes a value of plain objects, arrays, numbers, bigints and strings as TypeScript would have it. */
export function literal(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return stringLiteral(value);
  if (typeof value === 'number') return numberLiteral(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, element]) => `${nameLiteral(key)}: ${literal(element)}`);
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  return String(value);
}

function numberLiteral(number: number): string {
  if (Object.is(number, -0)) return '-0';
  return Number.isFinite(number) || Number.isNaN(number)
    ? String(number).replace('NaN', 'Number.NaN')
    : `Number.${number > 0 ? 'POSITIVE' : 'NEGATIVE'}_INFINITY`;
}

function stringLiteral(text: string): string {
  const [character] = text;
  const isLongRow = character !== undefined && text.length > 40 && text === character.repeat(text.length);
  return isLongRow ? `${JSON.stringify(character)}.repeat(${text.length})` : JSON.stringify(text);
}

function nameLiteral(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
}
