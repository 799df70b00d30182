import { readFileSync } from 'node:fs';
import { codeOf } from './errors.ts';

/** How many file descriptors this process may have: Node raises it to the most that is allowed. */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    if (soft !== undefined) return Number(soft);
  } catch {
    // Not Linux, or there is no descriptor left to look with.
  }
  return Number.POSITIVE_INFINITY;
}

/** Read at the start: once all are used up there is none left to read it with. */
const LIMIT = descriptorLimit();

/** What to do where a process has too few. */
export const RAISE_DESCRIPTORS = `raise the limit (ulimit -n, LimitNOFILE= of systemd, ulimits: nofile: of compose), or see who holds so many connections`;

/** What an error says where it is one for want of file descriptors; undefined where it is another one. */
export function wantOfDescriptors(error: unknown): string | undefined {
  switch (codeOf(error)) {
    case 'EMFILE':
      return `the ${LIMIT} file descriptors that this process may have are used up; ${RAISE_DESCRIPTORS}`;
    case 'ENFILE':
      return 'all file descriptors of this machine are used up; raise fs.file-max, or see who holds so many';
    default:
      return undefined;
  }
}
