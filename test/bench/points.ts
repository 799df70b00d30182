import { RequestEncoder } from '../../src/kapacitor/host/request-encoder.ts';
import type { FieldValue } from '../../src/line-protocol/parser.ts';

const STATES = ['SHOWTIME', 'TRAINING', 'HANDSHAKE', 'IDLE'];
const START_NS = 1_600_000_000_000_000_000n;

/** Pseudo-random numbers from 0 to 1, the same in every run (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface PointsOptions {
  readonly points: number;
  readonly groups: number;
  /** The part of points that change their group's state, 0 to 1. */
  readonly edges: number;
  /** Whether the numbers of a group stay the same, instead of changing at every point. */
  readonly areNumbersSteady: boolean;
  /** Points in batches of one group each, of this size; 0 for a stream. */
  readonly batchSize: number;
}

/**
 * Points of a polled router as Kapacitor writes them: two tags, six numbers, the state as a string, 263 bytes each
 * with the frame; the entries of a map in random order.
 */
export function encodePoints(options: PointsOptions): Buffer {
  const next = random(1);
  const encoder = new RequestEncoder();
  const parts: Buffer[] = [];
  const states = new Uint8Array(options.groups);
  for (let i = 0; i < options.points; i++) {
    const isBatch = options.batchSize > 0;
    const group = (isBatch ? Math.floor(i / options.batchSize) : i) % options.groups;
    if (next() < options.edges) states[group] = (states[group] + 1) % STATES.length;
    const host = `router-${String(group).padStart(9, '0')}`;
    const tags = new Map(shuffled(next, [['host', host] as const, ['region', 'north'] as const]));
    const time = START_NS + BigInt(i) * 1_000_000n;
    const id = `host=${host}`;
    const batchTags = new Map([['host', host]]);
    if (isBatch && i % options.batchSize === 0) {
      encoder.begin({
        name: 'adsl_connection',
        group: id,
        tags: batchTags,
        size: options.batchSize,
        byName: false,
      });
    }
    encoder.point({
      time,
      name: isBatch ? '' : 'adsl_connection',
      database: isBatch ? '' : 'telegraf',
      retentionPolicy: isBatch ? '' : 'autogen',
      group: isBatch ? '' : id,
      dimensions: isBatch ? [] : ['host'],
      byName: false,
      tags,
      fields: new Map(
        fieldsOf(next, options.areNumbersSteady ? random(group + 2) : next, STATES[states[group]]),
      ),
    });
    if (isBatch && i % options.batchSize === options.batchSize - 1) {
      encoder.end({ name: 'adsl_connection', group: id, tmax: time, tags: batchTags });
    }
    if (encoder.length > 1024 * 1024) parts.push(encoder.take());
  }
  parts.push(encoder.take());
  return Buffer.concat(parts);
}

/** @param next for the order @param numbers for the values */
function fieldsOf(
  next: () => number,
  numbers: () => number,
  state: string,
): (readonly [string, FieldValue])[] {
  const doubles = ['snr_down', 'snr_up', 'attn_down', 'attn_up'].map(
    (name) => [name, numbers() * 50] as const,
  );
  const ints = [
    ['rate_down', BigInt(Math.floor(numbers() * 9e6) + 1_000_000)] as const,
    ['crc_errors', BigInt(Math.floor(numbers() * 9000) + 1000)] as const,
  ];
  return [...shuffled(next, doubles), ...shuffled(next, ints), ['value', state] as const];
}

function shuffled<T>(next: () => number, list: readonly T[]): T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}
