import type { FieldValue, LinePoint } from '../line-protocol/parser.ts';
import type { AlertSpec, Expectations, NodeSpec, PointListSpec, SentSpec } from './case-schema.ts';
import type { Written } from './ends.ts';
import { entriesOf } from './entries.ts';
import { type Difference, matchList, matchText, matchTime, nearest, textOf } from './match.ts';
import type { Outcome, OutcomeAlert, Sent } from './outcome.ts';
import { WAYS } from './outcome.ts';
import { parsePoints, type TimedPoint } from './points.ts';
import { formatCaseTime } from './times.ts';

/** What a comparison needs to know of its case. */
export interface Frame {
  readonly startNs: bigint;
  /** By how much floats may differ. */
  readonly tolerance: number;
}

/**
 * What came that was not expected, and the other way round.
 * @throws CaseTextError for an expectation that can't be read
 */
export function differences(expected: Expectations, outcome: Outcome, frame: Frame): Difference[] {
  const found: Difference[] = [];
  if (expected.error !== undefined) found.push(...errorDifferences(expected.error, outcome));
  else if (outcome.error !== undefined)
    found.push({ path: [], title: 'the script fails', lines: [`  ${outcome.error}`] });
  if (expected.none === true) found.push(...nothingDifferences(outcome, frame));
  if (expected.alerts !== undefined) {
    found.push(
      ...matchList(['alerts'], expected.alerts, outcome.alerts, {
        describeExpected: (alert) => describeAlertSpec(alert),
        describeActual: (alert) => describeAlert(alert, frame),
        mismatches: (spec, alert) => alertMismatches(spec, alert, frame),
      }),
    );
  }
  for (const [level, count] of Object.entries(expected.levels ?? {})) {
    const came = outcome.alerts.filter(({ event }) => event.level === level);
    if (came.length !== count)
      found.push({
        path: ['levels', level],
        title: `${came.length} alerts are ${level}, expected ${count}`,
        lines: came.map((alert) => `+ ${describeAlert(alert, frame)}`),
      });
  }
  if (expected.writes !== undefined) found.push(...writeDifferences(expected.writes, outcome, frame));
  for (const [name, spec] of Object.entries(expected.nodes ?? {}))
    found.push(...nodeDifferences(name, spec, outcome, frame));
  for (const way of WAYS) {
    const sent = expected[way];
    if (sent === undefined) continue;
    found.push(
      ...matchList([way], sent, outcome.sent[way], {
        describeExpected: (each) => textOf(each),
        describeActual: (each) => describeSent(each, frame),
        mismatches: (spec, each) => sentMismatches(spec, each, frame),
      }),
    );
  }
  for (const [endpoint, spec] of Object.entries(expected.states ?? {}))
    found.push(...pointDifferences(['states', endpoint], spec, outcome.states.get(endpoint) ?? [], frame));
  return found;
}

function errorDifferences(expected: string, { error }: Outcome): Difference[] {
  if (error === undefined)
    return [{ path: ['error'], title: 'the script is taken', lines: [`  expected an error: ${expected}`] }];
  // An error's place and Kapacitor's words around it are seldom written out whole.
  const isMet = isPattern(expected) ? matchText(expected, error) : error.includes(expected);
  return isMet ? [] : [{ path: ['error'], title: 'another error', lines: [`- ${expected}`, `+ ${error}`] }];
}

function isPattern(text: string): boolean {
  return text.length > 2 && text.startsWith('/') && text.endsWith('/');
}

function nothingDifferences(outcome: Outcome, frame: Frame): Difference[] {
  const lines = [
    ...outcome.alerts.map((alert) => `+ alert: ${describeAlert(alert, frame)}`),
    ...outcome.writes.map(({ point }) => `+ write: ${describePoint(point, frame)}`),
    ...WAYS.flatMap((way) => outcome.sent[way].map((sent) => `+ ${way}: ${describeSent(sent, frame)}`)),
  ];
  return lines.length === 0 ? [] : [{ path: ['none'], title: 'nothing was expected', lines }];
}

function alertMismatches(spec: AlertSpec, { event, node }: OutcomeAlert, frame: Frame): string[] {
  const wrong: string[] = [];
  const text = (name: 'level' | 'id' | 'message' | 'details' | 'previousLevel'): void => {
    const wanted = spec[name];
    if (wanted !== undefined && !matchText(wanted, event[name])) wrong.push(name);
  };
  for (const name of ['level', 'id', 'message', 'details', 'previousLevel'] as const) text(name);
  if (spec.node !== undefined && spec.node !== node) wrong.push('node');
  if (spec.time !== undefined && !matchTime(spec.time, event.time, frame.startNs)) wrong.push('time');
  if (spec.duration !== undefined && !matchDuration(spec.duration, event.duration)) wrong.push('duration');
  const data = firstRow(event.data);
  for (const [name, wanted] of Object.entries(spec.tags ?? {}))
    if (!matchText(wanted, data.tags.get(name) ?? '')) wrong.push(`tags.${name}`);
  for (const [name, wanted] of Object.entries(spec.fields ?? {}))
    if (!matchJson(wanted, data.fields.get(name), frame.tolerance)) wrong.push(`fields.${name}`);
  return wrong;
}

function matchDuration(wanted: string, ns: number): boolean {
  return formatCaseTime(BigInt(ns), 0n).slice(1) === wanted || `${ns}ns` === wanted;
}

function matchJson(wanted: unknown, actual: unknown, tolerance: number): boolean {
  if (typeof wanted === 'number' && typeof actual === 'number') return Math.abs(wanted - actual) <= tolerance;
  if (typeof wanted === 'string' && typeof actual === 'string') return matchText(wanted, actual);
  return wanted === actual;
}

/** The point of an alert: `{series: [{tags, columns, values}]}`. */
function firstRow(data: unknown): { tags: Map<string, string>; fields: Map<string, unknown> } {
  const series: unknown = entriesOf(data).get('series');
  const first = entriesOf(Array.isArray(series) ? series[0] : undefined);
  const columns: unknown = first.get('columns');
  const values: unknown = first.get('values');
  const row: unknown = Array.isArray(values) ? values.at(-1) : undefined;
  const fields = new Map<string, unknown>();
  if (Array.isArray(columns) && Array.isArray(row))
    columns.forEach((column, index) => {
      fields.set(String(column), row[index]);
    });
  return {
    tags: new Map([...entriesOf(first.get('tags'))].map(([name, value]) => [name, String(value)])),
    fields,
  };
}

function sentMismatches(spec: SentSpec, sent: Sent, frame: Frame): string[] {
  const wrong: string[] = [];
  if (spec.to !== undefined && !matchText(spec.to, sent.to)) wrong.push('to');
  if (spec.args !== undefined && textOf(spec.args) !== textOf(sent.args)) wrong.push('args');
  if (spec.points !== undefined && pointDifferences([], spec.points, sent.points, frame).length > 0)
    wrong.push('points');
  for (const name of ['level', 'id', 'message'] as const) {
    const wanted = spec[name];
    if (wanted !== undefined && !matchText(wanted, sent.event?.[name] ?? '')) wrong.push(name);
  }
  if (spec.time !== undefined && !matchTime(spec.time, sent.event?.time ?? '', frame.startNs))
    wrong.push('time');
  return wrong;
}

/** What a case may call the place of a write: the measurement, or with database and policy in front. */
function namesOf({ database, point: { measurement }, policy }: Written): [string, string] {
  return [measurement, `${database}.${policy}.${measurement}`];
}

function writeDifferences(
  expected: Readonly<Record<string, PointListSpec>>,
  { writes }: Outcome,
  frame: Frame,
): Difference[] {
  const found = Object.entries(expected).flatMap(([measurement, spec]) =>
    pointDifferences(
      ['writes', measurement],
      spec,
      writes.filter((each) => namesOf(each).includes(measurement)).map(({ point }) => point),
      frame,
    ),
  );
  const unnamed = writes.filter((each) => !namesOf(each).some((name) => name in expected));
  const others = new Set(unnamed.map((each) => namesOf(each)[1]));
  for (const name of others) {
    const lines = unnamed
      .filter((each) => namesOf(each).includes(name))
      .map(({ point }) => `+ ${describePoint(point, frame)}`);
    found.push({ path: ['writes'], title: `writes to ${name} were not expected`, lines });
  }
  return found;
}

function nodeDifferences(name: string, spec: NodeSpec, { nodes }: Outcome, frame: Frame): Difference[] {
  const node = nodes.get(name);
  if (node === undefined) {
    const there = [...nodes.keys()].join(', ');
    return [{ path: ['nodes', name], title: `there is no node ${name}`, lines: [`  there are ${there}`] }];
  }
  if (typeof spec === 'string' || Array.isArray(spec) || 'unordered' in spec || 'contains' in spec)
    return pointDifferences(['nodes', name], spec, node.points, frame);
  const found: Difference[] = [];
  for (const count of ['collected', 'emitted'] as const) {
    const wanted = spec[count];
    if (wanted !== undefined && wanted !== node[count])
      found.push({
        path: ['nodes', name, count],
        title: `${name} ${count} ${node[count]}, expected ${wanted}`,
        lines: count === 'emitted' ? node.points.map((point) => `+ ${describePoint(point, frame)}`) : [],
      });
  }
  if (spec.points !== undefined)
    found.push(...pointDifferences(['nodes', name, 'points'], spec.points, node.points, frame));
  return found;
}

/** Compares points; what is left out of an expected line, its measurement and time, is not looked at. */
function pointDifferences(
  path: readonly (string | number)[],
  spec: PointListSpec,
  actual: readonly LinePoint[],
  frame: Frame,
): Difference[] {
  const parse = (lines: string | readonly string[]): TimedPoint[] => parsePoints(lines, frame.startNs);
  const wanted =
    typeof spec === 'string' || Array.isArray(spec)
      ? parse(spec)
      : 'unordered' in spec
        ? { unordered: parse(spec.unordered) }
        : { contains: parse(spec.contains) };
  const isTap = path[0] === 'nodes' || path[0] === 'states';
  return matchList(path, wanted, actual, {
    describeExpected: (point) => describePoint(point, frame),
    describeActual: (point) => describePoint(point, frame),
    mismatches: (point, came) => pointMismatches(point, came, frame, isTap),
  });
}

function pointMismatches(wanted: LinePoint, came: LinePoint, { tolerance }: Frame, isTap: boolean): string[] {
  const wrong: string[] = [];
  // What a node passes on is known by the node, not by a measurement.
  if (!isTap && wanted.measurement !== came.measurement) wrong.push('measurement');
  if (wanted.time !== came.time) wrong.push('time');
  for (const name of new Set([...wanted.tags.keys(), ...came.tags.keys()]))
    if (wanted.tags.get(name) !== came.tags.get(name)) wrong.push(name);
  for (const name of new Set([...wanted.fields.keys(), ...came.fields.keys()]))
    if (!sameValue(wanted.fields.get(name), came.fields.get(name), tolerance)) wrong.push(name);
  return wrong;
}

function sameValue(a: FieldValue | undefined, b: FieldValue | undefined, tolerance: number): boolean {
  if (typeof a === 'number' && typeof b === 'number') return Object.is(a, b) || Math.abs(a - b) <= tolerance;
  return a === b;
}

function describeAlertSpec(spec: AlertSpec): string {
  return textOf(spec);
}

export function describeAlert({ event, node }: OutcomeAlert, { startNs }: Frame): string {
  const { id, level, message, time } = event;
  return textOf({ level, id, message, time: caseTime(time, startNs), node });
}

export function describeSent({ args, event, points, to }: Sent, frame: Frame): string {
  if (event === undefined) return textOf({ to, points: points.map((point) => describePoint(point, frame)) });
  const { id, level, message, time } = event;
  return textOf({
    to,
    ...(args.length === 0 ? {} : { args }),
    level,
    id,
    message,
    time: caseTime(time, frame.startNs),
  });
}

function caseTime(time: string, startNs: bigint): string {
  const [, whole, fraction = ''] = /^(.{19})(?:\.(\d+))?Z$/.exec(time) ?? [];
  if (whole === undefined) return time;
  const ns = BigInt(Date.parse(`${whole}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
  return nearest(ns, startNs) ? formatCaseTime(ns, startNs) : time;
}

/** A point as a case would have it. */
export function describePoint(point: LinePoint, { startNs }: Frame): string {
  const tags = [...point.tags].map(([name, value]) => `,${name}=${value}`).join('');
  const fields = [...point.fields].map(([name, value]) => `${name}=${describeValue(value)}`).join(',');
  const measurement = /^\d+$/.test(point.measurement) ? '_' : point.measurement;
  if (point.time === undefined) return `${measurement}${tags} ${fields}`;
  const time = nearest(point.time, startNs) ? formatCaseTime(point.time, startNs) : String(point.time);
  return `${measurement}${tags} ${fields} ${time}`;
}

function describeValue(value: FieldValue): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'bigint' ? `${value}i` : String(value);
}
