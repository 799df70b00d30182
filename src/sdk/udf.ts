/**
 * Functions of one's own for Kapacitor: `import { defineFunction, option } from 'kapacitor-edge-detect/udf'`.
 *
 * @packageDocumentation
 */
export type {
  BatchEndView,
  BatchView,
  Emit,
  GroupState,
  Handler,
  NodeContext,
  NodeLimits,
  NodeLog,
  StatesPage,
  StatesQuery,
  UdfFunction,
} from '../function/contract.ts';
export type { DefinedFunction } from '../function/defined.ts';
export {
  type Argument,
  type ArgumentRange,
  GivenOptions,
  type OptionSpec,
  type OptionSpecs,
  OptionsError,
} from '../function/options.ts';
export { AddedFields } from '../wire/added-fields.ts';
export { Keys } from '../wire/keys.ts';
export type { EdgeType, NamedOption, OptionValue, ValueType } from '../wire/messages.ts';
export { type FieldValue, KIND, type Point } from '../wire/point.ts';
export { PointReader, type PointView } from '../wire/point-view.ts';
export { fromFloat, text, toBigInt, toFloat } from '../wire/scalars.ts';
export { varint64 } from '../wire/varint.ts';
export {
  type BatchDefinition,
  defineFunction,
  type FastDefinition,
  type StreamDefinition,
  type UdfBatch,
  type UdfContext,
  type UdfLog,
} from './definition.ts';
export type { Fields, MadePoint, UdfEmit } from './emitter.ts';
export {
  type ArgumentsSettings,
  type BoolSettings,
  type DoubleSettings,
  type DurationSettings,
  type IntSettings,
  type OptionDeclaration,
  type OptionDeclarations,
  type OptionSettings,
  type OptionValues,
  option,
  type StringSettings,
} from './options.ts';
export type { UdfPoint } from './points.ts';
