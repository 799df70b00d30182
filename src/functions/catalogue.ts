import type { UdfFunction } from '../function/contract.ts';
import { edgeDetect, edgeDetectBatch } from './edge-detect/index.ts';
import { mirror } from './mirror.ts';

/** Every function that there is. */
export const FUNCTIONS: readonly UdfFunction[] = [edgeDetect, edgeDetectBatch, mirror];

/** Those that are served unless others are asked for. */
export const DEFAULT_FUNCTIONS: readonly UdfFunction[] = [edgeDetect, edgeDetectBatch];
