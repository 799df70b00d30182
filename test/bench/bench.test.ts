import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findProgram } from '../support/influxdb/influxdb-host.ts';
import { CASES, type Figure } from './cases.ts';

test.each(CASES.map((each) => [each.name, each] as const))(
  'the benchmark case %s runs, with small numbers, and every figure is a number',
  { timeout: 60_000 },
  async (_, each) => {
    const folder = mkdtempSync(join(tmpdir(), 'edge-bench-'));
    const figures: Figure[] = [];
    const skipped: string[] = [];
    try {
      await each.run({
        folder,
        peers: [],
        scale: 0.001,
        note: (figure) => void figures.push(figure),
        skip: (reason) => void skipped.push(reason),
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    const isLacking =
      (each.name === 'kapacitor' && process.env.KAPACITORD === undefined) ||
      (each.name === 'web' && typeof findProgram() === 'string');
    expect(skipped).toHaveLength(isLacking ? 1 : 0);
    expect(figures.length > 0).toBe(!isLacking);
    for (const figure of figures) expect(Number.isFinite(figure.value), JSON.stringify(figure)).toBe(true);
  },
);
