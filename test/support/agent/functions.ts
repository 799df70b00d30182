import type { Handler, UdfFunction } from '../../../src/function/contract.ts';
import type { EdgeType } from '../../../src/wire/messages.ts';
import { plainPoint } from '../protocol/points.ts';
import type { Point, Request } from '../protocol/protocol.ts';

/** A function of a test's own, with a handler that does nothing but what is given. */
export function functionOf(name: string, handler: Partial<Handler>, type: EdgeType = 'STREAM'): UdfFunction {
  return {
    name,
    wants: type,
    provides: type,
    options: {},
    open: () => ({ point: () => undefined, snapshot: () => [], restore: () => [], ...handler }),
  };
}

export function pointRequest(point: Partial<Point> = {}): Request {
  return { kind: 'point', point: plainPoint(point) };
}

/** An Init; without options the functions here accept it. */
export function initRequest(
  taskId = 'task',
  options: Extract<Request, { kind: 'init' }>['options'] = [],
): Request {
  return { kind: 'init', taskId, nodeId: 'node1', options };
}

/** The option of a STRING argument. */
export function stringOption(name: string, v: string) {
  return { name, values: [{ type: 'string', v }] } as const;
}

export const BEGIN = {
  kind: 'begin',
  begin: { name: 'm', group: 'host=a', tags: { host: 'a' }, size: 0n, byName: false },
} as const satisfies Request;

export const END = {
  kind: 'end',
  end: { name: 'm', group: 'host=a', tags: { host: 'a' }, tmax: 0n, byName: false },
} as const satisfies Request;
