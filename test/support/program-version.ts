import { execFileSync } from 'node:child_process';

/** What a program says when asked for its version; undefined when it can't be run. */
export function versionOf(program: string): string | undefined {
  try {
    return execFileSync(program, ['version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
}
