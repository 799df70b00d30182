import type { CellValue, Selection } from './state-source.ts';

// InfluxQL, as text. Everything that comes from somebody is quoted here and nowhere else.

/** A name: what ends the quotes, and a line break, is escaped. */
export function identifier(name: string): string {
  return `"${name.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

export function textLiteral(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n')}'`;
}

/** A value to compare a field with. */
export function literal(value: CellValue): string {
  switch (typeof value) {
    case 'string':
      return textLiteral(value);
    case 'number':
      return plainNumber(value);
    default:
      return String(value);
  }
}

/** InfluxQL knows no exponents. */
function plainNumber(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  return Math.abs(value) >= 1 ? String(BigInt(value)) : value.toFixed(100).replace(/0+$/, '');
}

/** All points that are meant, told apart by their group. */
export function selectByGroup(selection: Selection): string {
  return `SELECT ${fieldsOf(selection)} ${restOf(selection)}${groupBy(selection)}`;
}

/** All points that are meant in the order of time, with their group's tags as columns. */
export function selectByTime(selection: Selection): string {
  const tags = selection.group.map((tag) => `, ${identifier(tag)}::tag`).join('');
  return `SELECT ${fieldsOf(selection)}${tags} ${restOf(selection)}`;
}

/** The first or last point of each group; of one field only. */
export function selectOne(which: 'first' | 'last', selection: Selection): string {
  return `SELECT ${which}(${fieldsOf(selection)}) ${restOf(selection)}${groupBy(selection)}`;
}

function fieldsOf({ fields }: Selection): string {
  return fields.map((field) => `${identifier(field)}::field`).join(', ');
}

function groupBy({ group }: Selection): string {
  return group.length === 0 ? '' : ` GROUP BY ${group.map(identifier).join(', ')}`;
}

function restOf({ except, fields, fromNs, measurement, toNs, where }: Selection): string {
  const conditions: string[] = [];
  if (fromNs !== undefined) conditions.push(`time >= ${fromNs}`);
  if (toNs !== undefined) conditions.push(`time < ${toNs}`);
  for (const [tag, values] of where)
    conditions.push(
      `(${values.map((value) => `${identifier(tag)}::tag = ${textLiteral(value)}`).join(' OR ')})`,
    );
  if (except !== undefined) conditions.push(`${identifier(fields[0] ?? '')}::field != ${literal(except)}`);
  const text = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return `FROM ${identifier(measurement)}${text}`;
}
