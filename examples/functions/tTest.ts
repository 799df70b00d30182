import { defineFunction, option } from 'kapacitor-edge-detect/udf';
import { mean, sampleVariance } from 'simple-statistics';
import { twoSided } from './_student.ts';

/**
 * Whether the latest points are of another kind than those before them: Welch's t-test of two samples, as Kapacitor's
 * guide to anomaly detection does it with the temperatures of a 3D printer. What is unusual does not become the usual:
 * points of a window that stands out are not added to those that the next ones are compared with.
 */
export const tTest = defineFunction({
  name: 'tTest',
  wants: 'STREAM',
  provides: 'STREAM',
  options: {
    field: option.string({ summary: 'the field to test' }),
    alpha: option.double({ default: 0.001, above: 0, max: 1, summary: 'how improbable is unusual' }),
    size: option.int({ default: 3600, min: 2, max: 100_000, summary: 'points that are the usual' }),
    window: option.int({
      default: 60,
      min: 2,
      max: 10_000,
      summary: 'latest points that are compared with them',
    }),
  },
  begin: () => ({ history: [] as number[], window: [] as number[] }),
  point(point, group, { options, emit }) {
    const value = point.field(options.field);
    if (typeof value !== 'number' || !Number.isFinite(value)) return;
    const { history, window } = group;
    window.push(value);
    if (window.length <= options.window) {
      if (window.length === options.window && history.length === 0) history.push(...window.splice(0));
      return;
    }
    const oldest = window.shift();
    const { t, pvalue } = compare(history, window);
    const isUnusual = pvalue < options.alpha;
    if (oldest !== undefined && !isUnusual && history.push(oldest) > options.size) history.shift();
    emit.forward(point, { t, pvalue, unusual: isUnusual });
  },
});

/** Welch's test: two samples whose variances may differ. */
function compare(a: readonly number[], b: readonly number[]): { t: number; pvalue: number } {
  const [sharpA, sharpB] = [a, b].map((sample) => sampleVariance([...sample]) / sample.length);
  const difference = mean([...b]) - mean([...a]);
  const sharp = sharpA + sharpB;
  // Where nothing ever varies, everything else is unusual.
  if (sharp === 0) return { t: 0, pvalue: difference === 0 ? 1 : 0 };
  const freedom = sharp ** 2 / (sharpA ** 2 / (a.length - 1) + sharpB ** 2 / (b.length - 1));
  const t = difference / Math.sqrt(sharp);
  return { t, pvalue: twoSided(t, freedom) };
}
