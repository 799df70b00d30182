// A plain second implementation of what /intervals and /summary answer, which looks at every nanosecond range between two
// moments of interest by itself: what is the state there, is it known, is there maintenance?

export interface OraclePoint {
  readonly timeNs: bigint;
  readonly value: string;
}

export interface OracleWindow {
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

export interface OracleSlice {
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** Undefined: nobody knows. */
  readonly value: string | undefined;
  /** Which of the group's states it is, counted from its first point; a state that is heard of again after a silence is another one. */
  readonly number: number;
  readonly isMaintenance: boolean;
}

/** The range in slices within which nothing changes. */
export function slicesOf(
  points: readonly OraclePoint[],
  range: OracleWindow,
  staleNs: bigint | undefined,
  windows: readonly OracleWindow[],
): OracleSlice[] {
  const moments = new Set([range.fromNs, range.toNs]);
  const add = (timeNs: bigint): void => {
    if (timeNs > range.fromNs && timeNs < range.toNs) moments.add(timeNs);
  };
  for (const { timeNs } of points) {
    add(timeNs);
    if (staleNs !== undefined) add(timeNs + staleNs);
  }
  for (const { fromNs, toNs } of windows) {
    add(fromNs);
    add(toNs);
  }
  const sorted = [...moments].sort((a, b) => (a < b ? -1 : 1));
  return sorted.slice(0, -1).map((fromNs, at) => ({
    fromNs,
    toNs: sorted[at + 1] ?? range.toNs,
    ...stateAt(points, fromNs, staleNs),
    isMaintenance: windows.some((window) => window.fromNs <= fromNs && fromNs < window.toNs),
  }));
}

function stateAt(
  points: readonly OraclePoint[],
  timeNs: bigint,
  staleNs: bigint | undefined,
): { value: string | undefined; number: number } {
  let number = 0;
  let last: OraclePoint | undefined;
  for (const point of points) {
    if (point.timeNs > timeNs) break;
    const isSilence = staleNs !== undefined && last !== undefined && point.timeNs - last.timeNs > staleNs;
    if (last === undefined || last.value !== point.value || isSilence) number++;
    last = point;
  }
  const isKnown = last !== undefined && (staleNs === undefined || timeNs - last.timeNs < staleNs);
  return { value: isKnown ? last?.value : undefined, number };
}

export interface OracleFigures {
  readonly baseNs: bigint;
  readonly unknownNs: bigint;
  readonly maintenanceNs: bigint;
  readonly states: Readonly<Record<string, { readonly ns: bigint; readonly count: number }>>;
  readonly upNs: bigint;
  /** In the order of time. */
  readonly outagesNs: readonly bigint[];
}

export function figuresOf(slices: readonly OracleSlice[], up: readonly string[]): OracleFigures {
  const sum = (those: readonly OracleSlice[]): bigint =>
    those.reduce((total, { fromNs, toNs }) => total + (toNs - fromNs), 0n);
  const base = slices.filter(({ isMaintenance, value }) => !isMaintenance && value !== undefined);
  const values = [...new Set(base.map(({ value }) => value ?? ''))];
  const outagesNs: bigint[] = [];
  let isDown = false;
  for (const { fromNs, toNs, value = '' } of base) {
    if (up.includes(value)) isDown = false;
    else {
      if (!isDown) outagesNs.push(0n);
      outagesNs.push((outagesNs.pop() ?? 0n) + (toNs - fromNs));
      isDown = true;
    }
  }
  return {
    baseNs: sum(base),
    maintenanceNs: sum(slices.filter(({ isMaintenance }) => isMaintenance)),
    unknownNs: sum(slices.filter(({ isMaintenance, value }) => !isMaintenance && value === undefined)),
    states: Object.fromEntries(
      values.map((value) => {
        const own = base.filter((slice) => slice.value === value);
        return [value, { ns: sum(own), count: new Set(own.map(({ number }) => number)).size }];
      }),
    ),
    upNs: sum(base.filter(({ value = '' }) => up.includes(value))),
    outagesNs,
  };
}
