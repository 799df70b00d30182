import type { TestProject } from 'vitest/node';
import { findImage, findProgram, type InfluxCandidate } from '../../support/influxdb/influxdb-host.ts';
import { findKapacitor, type KapacitorCandidate } from '../../support/kapacitor/kapacitor-host.ts';

/** What the tests run against. */
export interface Servers {
  readonly kapacitor: KapacitorCandidate;
  readonly influxDb: InfluxCandidate;
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** Undefined where one of them can't be had: the tests are skipped. */
    servers: Servers | undefined;
  }
}

/** Looks for a Kapacitor and an InfluxDB. @throws Error if there are none, and `REQUIRE_KAPACITOR` is 1 */
export async function setup(project: TestProject): Promise<void> {
  const kapacitor = await findKapacitor();
  const influxDb = await findInfluxDb();
  if (typeof kapacitor !== 'string' && typeof influxDb !== 'string') {
    project.provide('servers', { kapacitor, influxDb });
    return;
  }
  const reason = [kapacitor, influxDb].filter((found) => typeof found === 'string').join('; ');
  if (process.env.REQUIRE_KAPACITOR === '1') throw new Error(`REQUIRE_KAPACITOR=1, but ${reason}`);
  console.log(`Tests with a real Kapacitor are skipped: ${reason}.`);
  project.provide('servers', undefined);
}

async function findInfluxDb(): Promise<InfluxCandidate | string> {
  const program = findProgram();
  if (typeof program !== 'string' || process.env.INFLUXD !== undefined) return program;
  const image = await findImage('influxdb:1.8');
  return typeof image === 'string' ? `${program}, and ${image}` : image;
}
