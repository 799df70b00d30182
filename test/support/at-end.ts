import { afterEach } from 'vitest';

const releases: (() => unknown)[] = [];

/** Has something released at the end of the test, last in, first out, and before anybody looks what it left behind. */
export function atEnd(release: () => unknown): void {
  releases.push(release);
}

afterEach(async () => {
  for (let release = releases.pop(); release !== undefined; release = releases.pop()) await release();
});
