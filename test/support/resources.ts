/** How often the event loop may turn until what was closed is gone. */
const TURNS = 200;
const TURN_MS = 4;

/** What keeps the process alive at one moment. */
export interface Resources {
  /** How many sockets, servers, processes and the like, by type. */
  readonly counts: ReadonlyMap<string, number>;
  readonly timers: ReadonlySet<NodeJS.Timeout>;
}

/** Timers that were set, and where. Those of vitest, which come and go, are not taken from globalThis. */
const timers = new Map<NodeJS.Timeout, string>();
const setTimer = globalThis.setTimeout;

const noting: ProxyHandler<typeof setTimeout & typeof setInterval> = {
  apply(target, self, args) {
    const timer: NodeJS.Timeout = Reflect.apply(target, self, args);
    timers.set(timer, new Error().stack?.split('\n')[2]?.trim() ?? 'somewhere');
    return timer;
  },
};

/** Notes from now on which timers are set. */
export function noteTimers(): void {
  globalThis.setTimeout = new Proxy(globalThis.setTimeout, noting);
  globalThis.setInterval = new Proxy(globalThis.setInterval, noting);
}

/** What there is now. */
export function resources(): Resources {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) {
    if (type !== 'Timeout') counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  // That a timer has fired or was cleared shows in no public property.
  for (const timer of timers.keys()) {
    if (!timer.hasRef() || Reflect.get(timer, '_destroyed') === true) timers.delete(timer);
  }
  return { counts, timers: new Set(timers.keys()) };
}

function moreThan(before: Resources): string[] {
  const now = resources();
  const kinds = [...now.counts]
    .map(([type, count]) => ({ type, more: count - (before.counts.get(type) ?? 0) }))
    .filter(({ more }) => more > 0)
    .map(({ type, more }) => `${more} × ${type}`);
  const set = [...now.timers]
    .filter((timer) => !before.timers.has(timer))
    .map((timer) => `a timer set ${timers.get(timer)}`);
  return [...kinds, ...set];
}

/** Waits for what is closed to go, and throws where something stays that was not there before. */
export async function expectNothingLeft(before: Resources, whose: string, turns = TURNS): Promise<void> {
  let left = moreThan(before);
  for (let i = 0; left.length > 0 && i < turns; i++) {
    await new Promise((resolve) => setTimer(resolve, TURN_MS));
    left = moreThan(before);
  }
  if (left.length > 0) throw new Error(`${whose} leaves behind: ${left.join(', ')}`);
}
