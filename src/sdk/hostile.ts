import type { FieldValue, Point } from '../wire/point.ts';

const MAX_INT = 2n ** 63n - 1n;

/** Values that a field may have as well. */
const VALUES: readonly FieldValue[] = [
  0,
  -0,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.MAX_VALUE,
  Number.MIN_VALUE,
  0n,
  -1n,
  MAX_INT,
  -MAX_INT - 1n,
  true,
  false,
  '',
  'text',
  '\0',
  'Größe 🚀 \u{202e}',
  '__proto__',
  'x'.repeat(70_000),
];

const TIMES: readonly bigint[] = [0n, 1n, -1n, MAX_INT, -MAX_INT - 1n, 1_500_000_000_000_000_000n];

const GROUPS: readonly string[] = ['', 'host=a', 'host=', 'host=ä,port=1', '__proto__', 'x'.repeat(1000)];

/** Points of every kind that is legal and unlikely. @param names of the fields that the function may look at */
export function hostilePoints(usual: readonly Point[], names: readonly string[]): Point[] {
  const plain = pointWith({}, 0n, '');
  const points: Point[] = [plain, ...usual];
  let index = 0;
  const other = <T>(all: readonly T[]): T => all[index++ % all.length];
  for (const name of names) {
    for (const value of VALUES) {
      const fields = { [name]: value, other: other(VALUES) };
      points.push(pointWith(fields, other(TIMES), other(GROUPS)));
      const [like] = usual;
      if (like !== undefined) points.push({ ...like, fields: new Map([...like.fields, [name, value]]) });
    }
  }
  return [...points, ...usual, plain];
}

function pointWith(fields: Readonly<Record<string, FieldValue>>, time: bigint, group: string): Point {
  return {
    time,
    name: 'hostile',
    database: '',
    retentionPolicy: '',
    group,
    dimensions: group === '' ? [] : ['host'],
    byName: false,
    tags: new Map(group === '' ? [] : [['host', group]]),
    fields: new Map(Object.entries(fields)),
  };
}

/** Places in a snapshot that are damaged, spread over it. */
const DAMAGES = 64;

/** Snapshots that are none, or none any more, and what each is. */
export function* hostileSnapshots(snapshot: Uint8Array): Generator<readonly [what: string, bytes: Buffer]> {
  yield ['an empty snapshot', Buffer.alloc(0)];
  yield ['a snapshot of one byte', Buffer.from([0])];
  yield ['text for a snapshot', Buffer.from('{"state":"somebody else"}')];
  yield ['zeros for a snapshot', Buffer.alloc(1000)];
  yield ['the snapshot twice', Buffer.concat([snapshot, snapshot])];
  const step = Math.max(1, Math.floor(snapshot.length / DAMAGES));
  for (let at = 0; at < snapshot.length; at += step) {
    yield [`the first ${at} bytes of its snapshot`, Buffer.from(snapshot.subarray(0, at))];
    const damaged = Buffer.from(snapshot);
    damaged[at] ^= 0x55;
    yield [`its snapshot with byte ${at} damaged`, damaged];
  }
}
