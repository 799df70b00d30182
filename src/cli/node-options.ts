import { Option } from 'commander';
import { trackedKeys } from '../edges/edges.ts';
import { UsageError } from '../errors.ts';
import type { UdfFunction } from '../function/contract.ts';
import { valueTypes } from '../function/options.ts';
import { checkOptions, parseOptions, type WrittenOption } from '../tickscript/script-options.ts';
import { addArgument, addListed } from './argument-parsers.ts';
import {
  type FunctionsDirOption,
  functionOf,
  functionsDirOption,
  loadCatalogue,
} from './served-functions.ts';

/** The flags of commands that run a node without Kapacitor: which points it gets, and its options. */
export interface NodeFlags extends FunctionsDirOption {
  readonly measurement?: string;
  readonly groupBy: readonly string[];
  readonly field: readonly string[];
  readonly tag: readonly string[];
  readonly option: readonly string[];
  readonly function?: string;
}

/**
 * @param variable what their variables begin with
 * @param measurement what becomes of the points of a measurement
 * @param functions which function runs where none is named
 */
export function nodeOptions(variable: string, measurement: string, functions: string): Option[] {
  return [
    new Option('--measurement <name>', measurement).env(`${variable}_MEASUREMENT`),
    new Option('--group-by <tag>', "group by this tag, '*' for all; repeatable, or separated by commas")
      .argParser(addListed)
      .default([], 'none')
      .env(`${variable}_GROUP_BY`),
    new Option('--field <name>', 'track this field; repeatable')
      .argParser(addArgument)
      .default([], 'none')
      .env(`${variable}_FIELD`),
    new Option('--tag <name>', 'track this tag; repeatable')
      .argParser(addArgument)
      .default([], 'none')
      .env(`${variable}_TAG`),
    new Option('--option <tickscript>', "an option of the function, for example 'hold(30s)'; repeatable")
      .argParser(addArgument)
      .default([], 'none')
      .env(`${variable}_OPTION`),
    functionsDirOption(),
    new Option('--function <name>', `the function to run (default: ${functions})`).env(
      `${variable}_FUNCTION`,
    ),
  ];
}

/**
 * The options of the function in the order of the flags.
 * @throws InputError where one is not written as a TICKscript has it
 */
export function writtenOptions(flags: NodeFlags): WrittenOption[] {
  return [
    ...flags.field.map((name) => nameOption('field', name)),
    ...flags.tag.map((name) => nameOption('tag', name)),
    ...flags.option.flatMap((text) => parseOptions(text)),
  ];
}

/** An option with a name that needs no quotes of its own. */
function nameOption(option: 'field' | 'tag', name: string): WrittenOption {
  return {
    name: option,
    values: [{ type: 'STRING', value: name }],
    text: `${option}('${name.replaceAll("'", "\\'")}')`,
  };
}

/**
 * Checks the options as Kapacitor would.
 * @param types what the function's options take
 * @throws InputError or UsageError that says what is wrong with them
 */
export function checkNodeOptions(
  given: readonly WrittenOption[],
  types: Parameters<typeof checkOptions>[1],
): void {
  checkOptions(given, types);
  if (Object.hasOwn(types, 'field') && trackedKeys(given).length === 0)
    throw new UsageError('nothing is tracked: name a field with --field, or a tag with --tag');
}

/**
 * The function for points that come one by one, and its options.
 * @throws InputError or UsageError that says what is wrong with the flags
 */
export async function streamFunction(
  flags: NodeFlags,
): Promise<{ fn: UdfFunction; options: WrittenOption[] }> {
  const fn = functionOf(flags.function ?? 'edgeDetect', await loadCatalogue(flags));
  if (fn.wants !== 'STREAM')
    throw new UsageError(`${fn.name} wants batches, and lines are none: take a function that wants a stream`);
  const options = writtenOptions(flags);
  checkNodeOptions(options, valueTypes(fn.options));
  return { fn, options };
}
