import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SimulationOptions, simulateAdsl } from '../../../src/feed/sources/simulation.ts';
import { parseLine } from '../../../src/line-protocol/parser.ts';

const DAY: SimulationOptions = {
  devices: 4,
  seed: 'x',
  startNs: 1_514_979_051_065_000_000n,
  everyNs: 90_000_000_000n,
  polls: 960,
};

function lines(options: Partial<SimulationOptions> = {}): string[] {
  return [...simulateAdsl({ ...DAY, ...options })].flat().map(({ text, timeNs }) => `${text} ${timeNs}`);
}

function ofHost(all: readonly string[], host: string): string[] {
  return all.filter((line) => line.startsWith(`adsl_connection,host=${host} `));
}

function statesOf(all: readonly string[]): string[] {
  return all.map((line) => /value="(\w+)"/.exec(line)?.[1] ?? '');
}

describe('simulateAdsl', () => {
  test('gives the same points for the same seed, and others for another', () => {
    expect(lines()).toEqual(lines());
    expect(lines({ seed: 'y' })).not.toEqual(lines());
  });

  test('leaves routers as they are when there are more of them', () => {
    const quality = (all: readonly string[]) =>
      ofHost(all, 'router2').map((line) => line.replace(/ \d+$/, ''));
    expect(quality(lines({ devices: 9 }))).toEqual(quality(lines()));
  });

  test('has bad lines that lose their connection and come back, and good ones that seldom do', () => {
    const all = lines({ polls: 7 * 960 });
    const edges = (host: string) => {
      const states = statesOf(ofHost(all, host));
      expect(states[0]).toBe('SHOWTIME');
      return states.filter((state, at) => at > 0 && state !== states[at - 1]).length;
    };
    expect(Math.min(edges('router1'), edges('router4'))).toBeGreaterThan(20);
    expect(Math.max(edges('router2'), edges('router3'))).toBeLessThan(10);
    expect(new Set(statesOf(all))).toContain('TRAINING');
  });

  test('says what the line is like only while it is up', () => {
    for (const line of lines()) {
      const { fields } = parseLine(line, { file: 'simulated', line: 1 });
      const isUp = fields.get('value') === 'SHOWTIME';
      expect(fields.has('snr_margin_down')).toBe(isUp);
      expect(fields.has('rate_down')).toBe(isUp);
      expect(typeof fields.get('crc_errors')).toBe('bigint');
    }
  });

  test('is in the order of time, at any rate and from any start', () => {
    const startNs = fc.bigInt({ min: -(10n ** 18n), max: 2n * 10n ** 18n });
    const everyNs = fc.bigInt({ min: 1_000_000n, max: 86_400_000_000_000n });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), startNs, everyNs, (devices, start, every) => {
        const times = [...simulateAdsl({ ...DAY, devices, startNs: start, everyNs: every, polls: 3 })]
          .flat()
          .map(({ timeNs }) => timeNs ?? 0n);
        expect(times).toHaveLength(3 * devices);
        expect(times.every((time, at) => at === 0 || time > (times[at - 1] ?? time))).toBe(true);
        expect(times[0]).toBe(start);
        expect(times[2 * devices]).toBe(start + 2n * every);
      }),
    );
  });
});
