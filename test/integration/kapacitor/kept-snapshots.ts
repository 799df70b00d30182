import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kapacitor } from '../../support/kapacitor/kapacitor.ts';

/** Starts Kapacitor again so that it takes no snapshot any more: what it has kept is all that it will ever restore. */
export async function restartWithoutSnapshots(kapacitor: Kapacitor): Promise<void> {
  await kapacitor.stop();
  const path = join(kapacitor.folder, 'kapacitor.conf');
  const conf = readFileSync(path, 'utf8');
  writeFileSync(path, conf.replace(/snapshot-interval = ".*"/, 'snapshot-interval = "0s"'));
  await kapacitor.up();
}
