/** How long one turn of a work in pieces may take before other connections get theirs, in milliseconds. */
const TURN_MS = 2;

/**
 * Works through an iterable in turns of the event loop, so that a snapshot of a million groups holds nobody up. What
 * fits into one turn is done at once.
 * @param each called with every piece; returning false ends the work early
 * @param done called at the end, with what was thrown if anything was
 * @returns stops the work, without a call to `done`
 */
export function workInSlices<T>(
  work: Iterable<T>,
  clockMs: () => number,
  each: (piece: T) => boolean,
  done: (error?: unknown) => void,
): () => void {
  const iterator = work[Symbol.iterator]();
  let next: NodeJS.Immediate | undefined;
  const turn = (): void => {
    next = undefined;
    const until = clockMs() + TURN_MS;
    let isDone = false;
    let failure: unknown;
    try {
      while (!isDone) {
        const step = iterator.next();
        isDone = step.done === true;
        if (step.done !== true && !each(step.value)) {
          isDone = true;
          iterator.return?.();
        }
        if (!isDone && clockMs() >= until) break;
      }
    } catch (error) {
      isDone = true;
      failure = error ?? new Error('the work failed for no reason');
    }
    if (isDone) done(failure);
    else next = setImmediate(turn);
  };
  turn();
  return () => {
    if (next === undefined) return;
    clearImmediate(next);
    iterator.return?.();
  };
}
