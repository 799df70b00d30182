import { isDeepStrictEqual } from 'node:util';
import { connect, type Emitted, type Host } from '../agent/host.ts';
import { literal } from '../protocol/literal.ts';
import { decodeRequest, encodeRequest, type Option, type Request } from '../protocol/protocol.ts';
import { Oracle } from './oracle.ts';
import type { Arrival, Scenario, ScenarioPoint } from './scenario.ts';

/** A message that the agent has to emit. */
interface Expected {
  readonly response: Emitted['response'];
  /** Where the message must be the request's own bytes. */
  readonly bytes: Buffer | undefined;
}

function pointRequest(edge: Scenario['edge'], group: string, point: ScenarioPoint): Request {
  // Within a batch Kapacitor sets no more than this.
  const ofBatch = { name: '', database: '', retentionPolicy: '', dimensions: [], byName: false };
  const ofStream = {
    name: 'm',
    database: 'telegraf',
    retentionPolicy: 'autogen',
    dimensions: ['host', 'port'],
    byName: group.startsWith('m\n'),
  };
  const meta = edge === 'stream' ? ofStream : ofBatch;
  return { kind: 'point', point: { ...meta, ...point, group, unknown: [] } };
}

function requestsOf(edge: Scenario['edge'], { group, points }: Arrival): Request[] {
  const requests = points.map((point) => pointRequest(edge, group, point));
  if (edge === 'stream') return requests;
  const meta = { name: 'm', group, tags: { host: 'a' }, byName: group.startsWith('m\n') };
  const tmax = points.at(-1)?.time ?? 0n;
  return [
    { kind: 'begin', begin: { ...meta, size: BigInt(points.length) } },
    ...requests,
    { kind: 'end', end: { ...meta, byName: false, tmax } },
  ];
}

/** An agent that serves edgeDetect and edgeDetectBatch. */
export interface AgentUnderTest {
  socketOf(functionName: string): string;
}

interface Sent {
  readonly arrival: number;
  readonly request: Request;
  /** The request as it is written, without its length. */
  readonly message: Buffer;
}

function encodeArrivals({ edge, arrivals, style }: Scenario): Sent[] {
  return arrivals.flatMap((arrival, index) =>
    requestsOf(edge, arrival).map((request) => {
      const message = encodeRequest(request, style);
      return { arrival: index, request: decodeRequest(message), message };
    }),
  );
}

const addsFields = ({ name }: Option) => name === 'as' || name.endsWith('As');

function runOracle({ edge, options }: Scenario, frames: readonly Sent[]): Oracle {
  const oracle = new Oracle(options, edge);
  // No scenario's times are near this, so nothing is fresh, and how long it takes has no effect.
  const clock = { wallNs: BigInt(Date.now()) * 1_000_000n, monotonicNs: 0n };
  for (const [frame, { request }] of frames.entries()) {
    if (request.kind === 'begin') oracle.beginBatch(request.begin.group);
    if (request.kind === 'point') oracle.point(frame, request.point, clock);
  }
  return oracle;
}

/** What the oracle says that the agent emits. */
function predict(scenario: Scenario, frames: readonly Sent[]): Expected[] {
  const { edge, options } = scenario;
  const oracle = runOracle(scenario, frames);
  const areUnchanged = !options.some(addsFields);
  const points = oracle.emissions.map(({ frame, after, add, made }) => {
    if (made !== undefined)
      return { after, expected: { response: { kind: 'point' as const, point: made }, bytes: undefined } };
    const sent = frames[frame];
    if (sent?.request.kind !== 'point') throw new Error(`the oracle emits frame ${frame}, which is no point`);
    const { point } = sent.request;
    const response = { kind: 'point' as const, point: { ...point, fields: { ...point.fields, ...add } } };
    return { after, expected: { response, bytes: areUnchanged ? sent.message : undefined } };
  });
  if (edge === 'stream') return points.map(({ expected }) => expected);

  const expected: Expected[] = [];
  let begun = 0;
  for (const [frame, { request, message }] of frames.entries()) {
    if (request.kind === 'begin') {
      begun = expected.length;
      expected.push({ response: { kind: 'begin', begin: { ...request.begin, size: 0n } }, bytes: undefined });
    }
    expected.push(...points.filter(({ after }) => after === frame).map((point) => point.expected));
    if (request.kind === 'end') {
      // A batch with nothing to emit is left out whole.
      if (expected.length === begun + 1) expected.pop();
      else expected.push({ response: request, bytes: message });
    }
  }
  return expected;
}

async function initialise(host: Host, options: readonly Option[], taskId: string): Promise<void> {
  const init = await host.init(options, taskId);
  if (!init.success) throw new Error(`Init was refused: ${init.error}`);
}

async function restore(host: Host, snapshot: Buffer): Promise<void> {
  const { success, error } = await host.restore(snapshot);
  if (!success) throw new Error(`Restore was refused: ${error}`);
}

/**
 * What the agent emits of all parts, each of which goes through a connection of its own, at once, that takes up the
 * snapshot of the one before.
 */
async function emittedOf(
  socketPath: string,
  options: readonly Option[],
  parts: readonly (readonly Sent[])[],
) {
  const taskId = nextTaskId();
  const emitted: Emitted[] = [];
  let stored: Buffer = Buffer.alloc(0);
  for (const part of parts) {
    const host = await connect(socketPath);
    try {
      const initialised = initialise(host, options, taskId);
      // Kapacitor stores no snapshot that is empty, and restores none then.
      const restored = stored.length > 0 ? restore(host, stored) : undefined;
      host.send(part.map(({ message }) => message));
      const answered = host.snapshot();
      const finished = host.finish();
      const [, , { snapshot }, ofPart] = await Promise.all([initialised, restored, answered, finished]);
      emitted.push(...ofPart);
      if (snapshot.length > 0) stored = snapshot;
    } finally {
      await host.destroy();
    }
  }
  return emitted;
}

function agrees(emitted: Emitted | undefined, expected: Expected | undefined): boolean {
  if (emitted === undefined || expected === undefined) return emitted === expected;
  if (expected.bytes !== undefined) return emitted.bytes.equals(expected.bytes);
  return isDeepStrictEqual(emitted.response, expected.response);
}

function assertAgreement(emitted: readonly Emitted[], expected: readonly Expected[], how: string): void {
  const length = Math.max(emitted.length, expected.length);
  const index = Array.from({ length }, (_, at) => at).find((at) => !agrees(emitted[at], expected[at]));
  if (index === undefined) return;
  throw new Error(
    [
      `${how}, the agent and the oracle disagree about message ${index} of those emitted, counted from 0.`,
      `  oracle: ${literal(expected[index]?.response)}`,
      `  agent:  ${literal(emitted[index]?.response)}`,
    ].join('\n'),
  );
}

let tasks = 0;

/** One that no other session has, since a session with the ids of a live one is taken for a replay. */
function nextTaskId(): string {
  tasks += 1;
  return `task${tasks}`;
}

/** What the oracle makes of a scenario; frames count all messages, also the begin and end of batches. */
export function oracleOf(scenario: Scenario): Oracle {
  return runOracle(scenario, encodeArrivals(scenario));
}

/**
 * Runs a scenario through an agent's socket, once in one go and once with its restarts, and throws where what the agent
 * emits isn't what the oracle says.
 */
export async function expectAgreement(agent: AgentUnderTest, scenario: Scenario): Promise<void> {
  const { edge, options, arrivals, restarts } = scenario;
  const socketPath = agent.socketOf(edge === 'stream' ? 'edgeDetect' : 'edgeDetectBatch');
  const frames = encodeArrivals(scenario);
  const expected = predict(scenario, frames);
  assertAgreement(await emittedOf(socketPath, options, [frames]), expected, 'In one go');
  if (restarts.length === 0) return;
  const ends = [...restarts, arrivals.length];
  const parts = ends.map((end, index) => {
    const start = ends[index - 1] ?? 0;
    return frames.filter(({ arrival }) => arrival >= start && arrival < end);
  });
  const emitted = await emittedOf(socketPath, options, parts);
  assertAgreement(emitted, expected, `With a restart after ${restarts.join(' and ')} arrivals`);
}

/** The scenario as a test of its own, ready to be pasted. */
export function testOf(scenario: Scenario): string {
  const arrivals = scenario.arrivals.map((arrival) => `        ${literal(arrival)},\n`).join('');
  const options = scenario.options.map((option) => `        ${literal(option)},\n`).join('');
  return [
    `test('the agent agrees with the oracle about …', () =>`,
    '  withAgent((agent) =>',
    '    expectAgreement(agent, {',
    `      edge: ${literal(scenario.edge)},`,
    `      style: ${literal(scenario.style)},`,
    `      restarts: ${literal(scenario.restarts)},`,
    `      options: [\n${options}      ],`,
    `      arrivals: [\n${arrivals}      ],`,
    '    }),',
    '  ));',
  ].join('\n');
}
