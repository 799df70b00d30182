import { expect } from 'vitest';
import { hostPointMessage } from '../support/protocol/points.ts';
import { encodeRequest, frame, type Option } from '../support/protocol/protocol.ts';

/** Prints how many edges there were to be and how many there were, and holds one against the other. */
export function expectEdges(where: string, expected: number, got: number): void {
  console.log(`    ${where}: ${expected} edges expected, ${got} got`);
  expect(got, `edges of ${where}`).toBe(expected);
}

/** Tracks the field of the points below. */
export const STATE: readonly Option[] = [{ name: 'field', values: [{ type: 'string', v: 'state' }] }];

/** An Init of a node with these options. */
export function initMessage(taskId: string, options = STATE): Buffer {
  return encodeRequest({ kind: 'init', options, taskId, nodeId: 'edgeDetect2' });
}

/** A point of a router with this state. */
export function pointMessage(host: string, state: string, time: bigint): Buffer {
  return hostPointMessage(host, { time, fields: { state: { type: 'string', v: state } } });
}

/** A point that is an edge every time: its state is another one than before. */
export function edgeMessage(host: string, number: number): Buffer {
  return pointMessage(host, number % 2 === 0 ? 'UP' : 'DOWN', BigInt(number));
}

export const framed = (messages: readonly Buffer[]): Buffer => Buffer.concat(messages.map(frame));
