import { findEngine } from './engine.ts';

/** Says it once, for all test files. */
export async function setup(): Promise<void> {
  if ((await findEngine()) === undefined) console.log('test:docker is skipped: no Docker engine answers');
}
