import { defineFunction, option, type UdfPoint } from 'kapacitor-edge-detect/udf';

interface Entry {
  readonly value: number;
  readonly point: UdfPoint;
}

/** The middle of a sorted list: its value, and the places to the left and right of which the halves lie. */
function middle(entries: readonly Entry[]): { left: number; right: number; median: number } {
  const half = Math.floor(entries.length / 2);
  if (entries.length % 2 === 1) return { left: half, right: half, median: entries[half].value };
  const right = Math.min(half + 1, entries.length - 1);
  return { left: half, right, median: (entries[half].value + entries[right].value) / 2 };
}

/**
 * The points of a batch that lie far from the others: further from the middle half than `scale` times its width, with
 * the very choice of Kapacitor's own example in Python.
 */
export const outliers = defineFunction({
  name: 'outliers',
  wants: 'BATCH',
  provides: 'BATCH',
  options: {
    field: option.string({ summary: 'the field to look at' }),
    scale: option.double({
      default: 1.5,
      min: 1,
      summary: 'widths of the middle half that are still no outlier',
    }),
  },
  batch({ points }, _, { options, emit }) {
    const entries = points
      .flatMap((point): Entry[] => {
        const value = point.field(options.field);
        return typeof value === 'number' && !Number.isNaN(value) ? [{ value, point }] : [];
      })
      .sort((a, b) => a.value - b.value);
    if (entries.length < 4) return;
    const { left, right } = middle(entries);
    const lowerHalf = entries.slice(0, right);
    const upperHalf = entries.slice(left + 1);
    if (lowerHalf.length === 0 || upperHalf.length === 0) return;
    const first = middle(lowerHalf);
    const third = middle(upperHalf);
    const margin = (third.median - first.median) * options.scale;
    const low = entries.slice(0, first.right).filter(({ value }) => value < first.median - margin);
    const high = entries.slice(third.left + 1).filter(({ value }) => value > third.median + margin);
    for (const { point } of [...low, ...high]) emit.forward(point);
  },
});
