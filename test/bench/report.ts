import Table from 'cli-table3';
import type { Figure } from './cases.ts';

/** The subject that others are compared with, where a case has one. */
const BASES = ['edge-detect', 'plain', '1', '1 worker', '1,000'];

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

interface Row {
  readonly case: string;
  readonly subject: string;
  readonly unit: string;
  readonly values: number[];
}

export function printJson(machine: string, figures: readonly Figure[], skipped: readonly string[]): void {
  process.stdout.write(`${JSON.stringify({ machine, figures, skipped }, null, 2)}\n`);
}

/** Medians, and beside each how it stands to the base of its case: the median of the ratios turn by turn. */
export function printTable(
  machine: string,
  figures: readonly Figure[],
  turns: number,
  skipped: readonly string[],
): void {
  const rows: Row[] = [];
  for (const figure of figures) {
    const same = rows.find(
      (row) => row.case === figure.case && row.subject === figure.subject && row.unit === figure.unit,
    );
    if (same === undefined) rows.push({ ...figure, values: [figure.value] });
    else same.values.push(figure.value);
  }
  const table = new Table({
    head: ['case', 'subject', 'unit', 'median', 'to the first'],
    colAligns: ['left', 'left', 'left', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const row of rows) {
    const base = rows.find(
      (each) => each.case === row.case && each.unit === row.unit && BASES.includes(each.subject),
    );
    const ratio =
      base === undefined || base === row
        ? ''
        : median(row.values.map((value, i) => value / base.values[i])).toFixed(2);
    table.push([row.case, row.subject, row.unit, format(median(row.values)), ratio]);
  }
  process.stdout.write(`${machine}; medians of ${turns} turns\n${table.toString()}\n`);
  for (const reason of skipped) process.stdout.write(`skipped: ${reason}\n`);
}

function format(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3);
}
