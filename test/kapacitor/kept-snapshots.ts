import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Kapacitor, until } from '../support/kapacitor.ts';

/** How often Kapacitor asks for a snapshot where a test waits for one; the first comes after one to two of these. */
export const SNAPSHOT_INTERVAL = '1s';

/** Waits until a snapshot with a state is kept. @param state a text that is nowhere else in Kapacitor's database */
export async function kept(kapacitor: Kapacitor, state: string): Promise<void> {
  await until(`a snapshot with ${state} is kept`, () => (isKept(kapacitor, state) ? true : undefined));
}

/** Whether a snapshot with a state was ever kept. */
export function isKept(kapacitor: Kapacitor, state: string): boolean {
  return readFileSync(join(kapacitor.folder, 'kapacitor.db')).includes(state);
}

/** Starts Kapacitor again so that it takes no snapshot any more: what it has kept is all that it will ever restore. */
export async function restartWithoutSnapshots(kapacitor: Kapacitor): Promise<void> {
  await kapacitor.stop();
  const path = join(kapacitor.folder, 'kapacitor.conf');
  const conf = readFileSync(path, 'utf8');
  writeFileSync(path, conf.replace(/snapshot-interval = ".*"/, 'snapshot-interval = "0s"'));
  await kapacitor.up();
}
