import type { TestProject } from 'vitest/node';
import { findImage, findProgram, type InfluxCandidate } from '../../support/influxdb/influxdb-host.ts';
import { findKapacitor, type KapacitorCandidate } from '../../support/kapacitor/kapacitor-host.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Every InfluxDB to test with; what can't be had is `missing`, so that its tests count as skipped. */
    influxdb: InfluxCandidate[];
    /** Undefined where it can't be had. */
    kapacitor: KapacitorCandidate | undefined;
  }
}

/**
 * Looks for servers to test with: the image that `INFLUXDB_IMAGE` names; or else an `influxd` of this machine, or
 * InfluxDB 1.8 in a container, and the program that `INFLUXD2` names or InfluxDB 2.7 in a container; and a Kapacitor
 * for the whole way.
 * @throws Error if there is none, and `REQUIRE_INFLUXDB` is 1
 */
export async function setup(project: TestProject): Promise<void> {
  const named = process.env.INFLUXDB_IMAGE;
  const image = 'influxdb:2.7';
  const found =
    named === undefined
      ? [await findFirst(), await findSecond(image)]
      : [orMissing(await findImage(named), named, 1)];
  if (process.env.REQUIRE_INFLUXDB === '1' && found.every(({ how }) => how === 'missing'))
    throw new Error('REQUIRE_INFLUXDB=1, and there is no InfluxDB to test with');
  project.provide('influxdb', found);
  const kapacitor = await findKapacitor();
  if (typeof kapacitor === 'string') console.log(`tests with Kapacitor are skipped: ${kapacitor}`);
  project.provide('kapacitor', typeof kapacitor === 'string' ? undefined : kapacitor);
}

async function findFirst(): Promise<InfluxCandidate> {
  const program = findProgram();
  if (typeof program !== 'string') return program;
  const image = await findImage('influxdb:1.8');
  return orMissing(typeof image === 'string' ? `${program}, and ${image}` : image, 'InfluxDB 1.x', 1);
}

async function findSecond(image: string): Promise<InfluxCandidate> {
  const program = findProgram('INFLUXD2');
  return typeof program === 'string' ? orMissing(await findImage(image), image, 2) : program;
}

function orMissing(found: InfluxCandidate | string, what: string, major: 1 | 2): InfluxCandidate {
  if (typeof found !== 'string') return found;
  console.log(`tests with ${what} are skipped: ${found}`);
  return { how: 'missing', what, major };
}
