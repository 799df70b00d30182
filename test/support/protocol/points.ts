import { encodeRequest, type Point } from './protocol.ts';

/** A point where only what is given matters. */
export function plainPoint(given: Partial<Point>): Point {
  return {
    time: 0n,
    name: 'adsl_connection',
    database: 'telegraf',
    retentionPolicy: 'autogen',
    group: '',
    dimensions: [],
    tags: {},
    fields: {},
    byName: false,
    unknown: [],
    ...given,
  };
}

/** A point of a task that groups by host. */
export function hostPoint(host: string, given: Pick<Point, 'fields' | 'time'>): Point {
  return plainPoint({ group: `host=${host}`, dimensions: ['host'], tags: { host }, ...given });
}

/** The same as a message. */
export function hostPointMessage(host: string, given: Pick<Point, 'fields' | 'time'>): Buffer {
  return encodeRequest({ kind: 'point', point: hostPoint(host, given) });
}
