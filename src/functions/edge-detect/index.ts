import type { UdfFunction } from '../../function/contract.ts';
import type { EdgeType } from '../../wire/messages.ts';
import { Detector } from './detector.ts';
import { BATCH_OPTIONS, OPTIONS, readSettings } from './options.ts';

function edgeDetectOf(name: string, type: EdgeType): UdfFunction {
  const isBatch = type === 'BATCH';
  return {
    name,
    wants: type,
    provides: type,
    options: isBatch ? BATCH_OPTIONS : OPTIONS,
    open(context) {
      // The windows of a batch query overlap as a rule, and then every point comes again.
      const defaults = { dropLate: isBatch, maxGroups: context.limits.maxGroups };
      const settings = readSettings(context.options, defaults);
      context.options.check();
      return new Detector(context, settings, isBatch);
    },
  };
}

/** `@edgeDetect()`: of a stream, only the points at which a group's state changes. */
export const edgeDetect = edgeDetectOf('edgeDetect', 'STREAM');

/** `@edgeDetectBatch()`: the same of batches, with the state kept from one to the next. */
export const edgeDetectBatch = edgeDetectOf('edgeDetectBatch', 'BATCH');
