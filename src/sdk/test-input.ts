import type { UdfFunction } from '../function/contract.ts';
import type { OptionSpec } from '../function/options.ts';
import { durationNs } from '../function/options.ts';
import { type LinePoint, parseLine } from '../line-protocol/parser.ts';
import { groupId, sortedNames } from '../wire/group-id.ts';
import type { NamedOption, OptionValue, ValueType } from '../wire/messages.ts';
import type { Point } from '../wire/point.ts';

/** An argument as a test writes it: a duration is `'30s'` or nanoseconds as a bigint, an INT a number or a bigint. */
export type TestArgument = string | number | bigint | boolean;

/**
 * Options as a test writes them: the argument; `true` for one without arguments; a list of arguments for one that takes
 * several; a list of uses for one that is repeatable.
 */
export type TestOptions = Readonly<
  Record<string, TestArgument | readonly (TestArgument | readonly TestArgument[])[]>
>;

/** Which tags make a group: their names, or all of them. */
export type GroupBy = readonly string[] | '*';

/** Where a point without a time lies behind the one before. */
const STEP_NS = 1_000_000_000n;

/** The options as a TICKscript would give them. */
export function namedOptions(fn: UdfFunction, options: TestOptions): NamedOption[] {
  return Object.entries(options).flatMap(([name, given]) => {
    const spec: OptionSpec | undefined = Object.hasOwn(fn.options, name) ? fn.options[name] : undefined;
    const types = spec?.arguments ?? [];
    if (given === false && types.length === 0) return [];
    if (given === true && types.length === 0) return [{ name, values: [] }];
    const uses = spec?.repeatable !== undefined && isList(given) ? given : [given];
    return uses.map((use) => ({
      name,
      values: (isList(use) ? use : [use]).flatMap((each, index) =>
        isList(each) ? each.map((one) => optionValue(one, types[index])) : [optionValue(each, types[index])],
      ),
    }));
  });
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

function optionValue(value: TestArgument, type: ValueType | undefined): OptionValue {
  if (typeof value === 'boolean') return { type: 'BOOL', value };
  if (typeof value === 'string') {
    const ns = type === 'DURATION' ? durationNs(value) : undefined;
    return ns === undefined ? { type: 'STRING', value } : { type: 'DURATION', value: ns };
  }
  if (typeof value === 'bigint') return { type: type === 'DURATION' ? 'DURATION' : 'INT', value };
  return type === 'INT' && Number.isInteger(value)
    ? { type: 'INT', value: BigInt(value) }
    : { type: 'DOUBLE', value };
}

/**
 * Points of line protocol as Kapacitor sends them. One without a time lies a second behind the one before.
 * @throws InputError with line and column where it is none
 */
export function pointsOf(text: string | readonly string[], groupBy: GroupBy): Point[] {
  const lines = typeof text === 'string' ? text.split('\n') : text;
  const points: Point[] = [];
  let time = 0n;
  lines.forEach((line, index) => {
    if (line.trim() === '' || line.trimStart().startsWith('#')) return;
    const point = parseLine(line.trimStart(), { file: 'lines', line: index + 1 });
    time = point.time ?? time + STEP_NS;
    points.push(pointOf(point, time, groupBy));
  });
  return points;
}

function pointOf({ measurement: name, tags, fields }: LinePoint, time: bigint, groupBy: GroupBy): Point {
  const dimensions = sortedNames(groupBy === '*' ? tags.keys() : groupBy);
  const group = groupId(name, tags, dimensions, false);
  return {
    time,
    name,
    database: 'test',
    retentionPolicy: 'autogen',
    group,
    dimensions,
    byName: false,
    tags,
    fields,
  };
}
