import type { Handler, UdfFunction } from '../function/contract.ts';

/** Sends every point on as it came: the smallest function, for trying a connection and as an example. */
export const mirror: UdfFunction = {
  name: 'mirror',
  wants: 'STREAM',
  provides: 'STREAM',
  options: {},
  open(): Handler {
    return {
      point: (point, emit) => emit.forward(point),
      snapshot: () => [],
      restore: () => [],
    };
  },
};
