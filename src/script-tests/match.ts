import { parseCaseTime, parseDate } from './times.ts';

/** One thing that is not as expected. */
export interface Difference {
  /** Which expectation, within `expect`. */
  readonly path: readonly (string | number)[];
  readonly title: string;
  /** What was expected (`-`), what came (`+`), and the rest (two blanks). */
  readonly lines: readonly string[];
}

/** A list that must be met whole and in order, or in one of two looser ways. */
export type ListSpec<T> =
  | readonly T[]
  | { readonly unordered: readonly T[] }
  | { readonly contains: readonly T[] };

export interface Matching<E, A> {
  describeExpected(expected: E): string;
  describeActual(actual: A): string;
  /** What of the two is not the same; nothing where all is. */
  mismatches(expected: E, actual: A): readonly string[];
}

/** A text, or what a regular expression between slashes matches. */
export function matchText(expected: string, actual: string): boolean {
  const [, pattern] = /^\/(.+)\/$/s.exec(expected) ?? [];
  return pattern === undefined ? expected === actual : new RegExp(pattern, 's').test(actual);
}

export function matchTime(expected: string | number, actual: string, startNs: bigint): boolean {
  const wanted = parseCaseTime(String(expected), startNs);
  return wanted !== undefined && wanted === parseDate(actual);
}

const YEAR_NS = 31_536_000_000_000_000n;

/** Whether a time is better told from the start of the case than as a date. */
export function nearest(timeNs: bigint, startNs: bigint): boolean {
  const offset = timeNs - startNs;
  return offset > -YEAR_NS && offset < YEAR_NS;
}

/** How cases are written: short, in one line. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return /^[\w+./:-]+$/.test(value) ? value : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    return `{ ${entries.map(([name, each]) => `${name}: ${textOf(each)}`).join(', ')} }`;
  }
  return String(value);
}

/** Compares a list with what came. */
export function matchList<E, A>(
  path: readonly (string | number)[],
  spec: ListSpec<E>,
  actual: readonly A[],
  matching: Matching<E, A>,
): Difference[] {
  if (isStrict(spec)) return strictDifferences(path, spec, actual, matching);
  const isLoose = 'contains' in spec;
  const wanted = isLoose ? spec.contains : spec.unordered;
  const rest = [...actual];
  const missing = wanted.filter((expected) => {
    const at = rest.findIndex((each) => matching.mismatches(expected, each).length === 0);
    if (at < 0) return true;
    // In order: what lies before the one found can't be met any more.
    rest.splice(isLoose ? 0 : at, isLoose ? at + 1 : 1);
    return false;
  });
  const surplus = isLoose ? [] : rest;
  if (missing.length === 0 && surplus.length === 0) return [];
  const lines = missing.flatMap((expected) => [
    `- ${matching.describeExpected(expected)}`,
    ...nearestMiss(expected, actual, matching),
  ]);
  lines.push(...surplus.map((each) => `+ ${matching.describeActual(each)}`));
  return [{ path, title: titleOf(path, missing.length, surplus.length), lines }];
}

function isStrict<E>(spec: ListSpec<E>): spec is readonly E[] {
  return Array.isArray(spec);
}

function titleOf(path: readonly (string | number)[], missing: number, surplus: number): string {
  const parts = [
    ...(missing > 0 ? [`${missing} missing`] : []),
    ...(surplus > 0 ? [`${surplus} not expected`] : []),
  ];
  return `${path.join('.')}: ${parts.join(', ')}`;
}

/** Pairs what is the same, in order, as a line-by-line comparison does. */
function strictDifferences<E, A>(
  path: readonly (string | number)[],
  expected: readonly E[],
  actual: readonly A[],
  matching: Matching<E, A>,
): Difference[] {
  const isMet =
    expected.length === actual.length &&
    expected.every((each, index) => isSame(each, actual[index], matching));
  if (isMet) return [];
  const lines: string[] = [];
  let missing = 0;
  let surplus = 0;
  for (const { left, right } of aligned(expected, actual, matching)) {
    if (left !== undefined && right !== undefined) lines.push(`  ${matching.describeActual(right)}`);
    else if (left !== undefined) {
      missing++;
      lines.push(`- ${matching.describeExpected(left)}`, ...nearestMiss(left, actual, matching));
    } else if (right !== undefined) {
      surplus++;
      lines.push(`+ ${matching.describeActual(right)}`);
    }
  }
  return [{ path, title: titleOf(path, missing, surplus), lines }];
}

function isSame<E, A>(expected: E, actual: A | undefined, matching: Matching<E, A>): boolean {
  return actual !== undefined && matching.mismatches(expected, actual).length === 0;
}

/** Longer lists are compared place by place: the table of an alignment would take too long. */
const MAX_ALIGNED = 1000;

/** The longest common subsequence, with what lies between. */
function aligned<E, A>(
  expected: readonly E[],
  actual: readonly A[],
  matching: Matching<E, A>,
): { left: E | undefined; right: A | undefined }[] {
  if (expected.length > MAX_ALIGNED || actual.length > MAX_ALIGNED)
    return inPlace(expected, actual, matching);
  const width = actual.length + 1;
  const lengths = new Uint32Array((expected.length + 1) * width);
  for (let i = expected.length - 1; i >= 0; i--)
    for (let j = actual.length - 1; j >= 0; j--) {
      const left = expected[i];
      const same = left !== undefined && isSame(left, actual[j], matching);
      const below = lengths[(i + 1) * width + j] ?? 0;
      const beside = lengths[i * width + j + 1] ?? 0;
      lengths[i * width + j] = same ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1 : Math.max(below, beside);
    }
  const pairs: { left: E | undefined; right: A | undefined }[] = [];
  let i = 0;
  let j = 0;
  while (i < expected.length || j < actual.length) {
    const left = expected[i];
    if (left !== undefined && j < actual.length && isSame(left, actual[j], matching))
      pairs.push({ left: expected[i++], right: actual[j++] });
    else if (
      i < expected.length &&
      (j >= actual.length || (lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0))
    )
      pairs.push({ left: expected[i++], right: undefined });
    else pairs.push({ left: undefined, right: actual[j++] });
  }
  return pairs;
}

function inPlace<E, A>(
  expected: readonly E[],
  actual: readonly A[],
  matching: Matching<E, A>,
): { left: E | undefined; right: A | undefined }[] {
  const pairs: { left: E | undefined; right: A | undefined }[] = [];
  for (let at = 0; at < Math.max(expected.length, actual.length); at++) {
    const left = expected[at];
    const right = actual[at];
    if (left !== undefined && isSame(left, right, matching)) pairs.push({ left, right });
    else {
      if (left !== undefined) pairs.push({ left, right: undefined });
      if (right !== undefined) pairs.push({ left: undefined, right });
    }
  }
  return pairs;
}

/** What came that is most like what was expected, and what is different about it. */
function nearestMiss<E, A>(expected: E, actual: readonly A[], matching: Matching<E, A>): string[] {
  let best: { readonly actual: A; readonly wrong: readonly string[] } | undefined;
  for (const each of actual) {
    const wrong = matching.mismatches(expected, each);
    if (wrong.length > 0 && (best === undefined || wrong.length < best.wrong.length))
      best = { actual: each, wrong };
  }
  if (best === undefined || best.wrong.length > 3) return [];
  return [`  nearest: ${matching.describeActual(best.actual)} (differs in ${best.wrong.join(', ')})`];
}
