import { execFileSync } from 'node:child_process';
import type { TestProject } from 'vitest/node';
import { findProgram, type InfluxCandidate } from '../../support/influxdb/influxdb-host.ts';
import { findKapacitor, type KapacitorCandidate } from '../../support/kapacitor/kapacitor-host.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Every InfluxDB of this machine to test with; what can't be had is `missing`, so that its tests count as skipped. */
    webInfluxdb: InfluxCandidate[];
    /** Undefined where it can't be had. */
    webKapacitor: KapacitorCandidate | undefined;
    /** The program of schemathesis; undefined where it can't be had. */
    schemathesis: string | undefined;
  }
}

/**
 * Looks for servers to test with: the `influxd` that `INFLUXD` names or that is on the PATH, the one of 2.x that `INFLUXD2`
 * names, and `SCHEMATHESIS`, which fuzzes the API by its description.
 */
export async function setup(project: TestProject): Promise<void> {
  project.provide('webInfluxdb', [
    candidate(findProgram(), 'InfluxDB 1.x', 1),
    process.env.INFLUXD2 === undefined
      ? { how: 'missing', what: 'InfluxDB 2.x (INFLUXD2 names it)', major: 2 }
      : { how: 'program', what: process.env.INFLUXD2, major: 2 },
  ]);
  project.provide('schemathesis', fuzzer());
  const kapacitor = await findKapacitor();
  if (typeof kapacitor === 'string') console.log(`tests with Kapacitor are skipped: ${kapacitor}`);
  project.provide('webKapacitor', typeof kapacitor === 'string' ? undefined : kapacitor);
}

function candidate(found: InfluxCandidate | string, what: string, major: 1 | 2): InfluxCandidate {
  if (typeof found !== 'string') return found;
  console.log(`tests with ${what} are skipped: ${found}`);
  return { how: 'missing', what, major };
}

function fuzzer(): string | undefined {
  const program = process.env.SCHEMATHESIS ?? 'schemathesis';
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return program;
  } catch {
    console.log(`the fuzzing of the API is skipped: ${program} does not run (pip install schemathesis)`);
    return undefined;
  }
}
