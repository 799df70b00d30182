import { defineFunction } from 'kapacitor-edge-detect/udf';

/** Sends every point on as it came, on the contract as it is: the fastest function that answers at all. */
export const mirror = defineFunction({
  name: 'mirror',
  wants: 'STREAM',
  provides: 'STREAM',
  options: {},
  open: () => ({
    point: (point, emit) => emit.forward(point),
    snapshot: () => [],
    restore: () => [],
  }),
});
