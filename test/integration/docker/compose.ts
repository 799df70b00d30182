import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ROOT } from './engine.ts';

const run = promisify(execFile);

export const COMPOSE_FILE = 'docker-compose.yml';

/** How compose can be called: as a plugin of Docker's client, or as a program of its own. */
export interface Compose {
  readonly isStandalone: boolean;
}

/** Compose, or undefined, said in one line, where there is none. */
export async function findCompose(): Promise<Compose | undefined> {
  for (const isStandalone of [false, true]) {
    try {
      await call({ isStandalone }, ['version'], {});
      return { isStandalone };
    } catch {
      // The other one, or none.
    }
  }
  console.log('docker-compose.yml is not tested: there is neither `docker compose` nor `docker-compose`');
  return undefined;
}

/** Runs one command of compose on the repository's file. @returns what it wrote to standard output */
export async function call(
  compose: Compose,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const [command, ...first] = compose.isStandalone ? ['docker-compose'] : ['docker', 'compose'];
  const { stdout } = await run(command, [...first, '-f', COMPOSE_FILE, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...environment },
  });
  return stdout;
}
