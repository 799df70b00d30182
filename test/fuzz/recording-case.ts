import { readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { InputError } from '../../src/errors.ts';
import { openRecording } from '../../src/kapacitor/recordings/recording.ts';
import { Dice } from '../support/scenarios/dice.ts';
import { zipOf } from '../support/zip.ts';
import { mutateBytes } from './byte-mutation.ts';

const RECORDINGS = new URL('../fixtures/recordings/', import.meta.url);

const LINES = `m,host=a f=1,i=-9223372036854775808i,s="a \\"quoted\\"
line",b=t 1514979051065000000
# a comment
m\\ 2,k\\,ey=v\\=al f=1e300,g=.5 -1\r
\u00fcml\u00e4ut,t=\u{1f600} f=true
`;

const BATCHES = JSON.stringify({
  name: 'm',
  tmax: '2018-01-03T11:30:51.065Z',
  group: 'host=a',
  byname: false,
  tags: { host: 'a' },
  points: [
    {
      fields: { value: 'UP', n: 1.5e300, b: true },
      tags: { host: 'a' },
      time: '2018-01-03T11:30:51.065000001Z',
    },
    { fields: { value: 'DO"WN\\' }, tags: null, time: '1677-09-21T00:12:43.145224194Z' },
  ],
});

interface Material {
  readonly extension: string;
  readonly content: Buffer;
  /** Makes a file of the content; damage to the content alone passes its checksums. */
  readonly pack: (content: Buffer) => Buffer;
}

/** Files as Kapacitor and people write them, damaged inside, outside or both. */
function materials(): Material[] {
  const stream = readFileSync(new URL('adsl-stream.srpl', RECORDINGS));
  const batch = readFileSync(new URL('adsl-overlap.brpl', RECORDINGS));
  const asItIs = (content: Buffer): Buffer => content;
  const zipped = (content: Buffer): Buffer => zipOf({ '0': content.toString('latin1') });
  return [
    { extension: 'srpl', content: gunzipSync(stream), pack: gzipSync },
    { extension: 'srpl', content: stream, pack: asItIs },
    { extension: 'brpl', content: Buffer.from(BATCHES.repeat(3)), pack: zipped },
    { extension: 'brpl', content: batch, pack: asItIs },
    { extension: 'line', content: Buffer.from(LINES), pack: asItIs },
    { extension: 'line', content: Buffer.from(LINES), pack: gzipSync },
  ];
}

const MATERIALS = materials();

/** The damaged recording of this number; the same for the same seed. */
export function recordingOf(seedText: string, number: number): { extension: string; bytes: Buffer } {
  const dice = new Dice(`${seedText}/recording/${number}`);
  const { extension, content, pack } = dice.pick(MATERIALS);
  let damaged = content;
  for (let times = dice.count(8); times > 0; times--) damaged = mutateBytes(dice, damaged);
  let bytes = pack(damaged);
  if (dice.chance(0.2)) bytes = mutateBytes(dice, bytes);
  return { extension, bytes };
}

/**
 * Reads a recording to its end or to the first thing that is wrong.
 * @param file where it may be written
 * @returns what should not have happened: anything but points or a message for its user
 */
export async function recordingFault(file: string, bytes: Buffer): Promise<string | undefined> {
  writeFileSync(file, bytes);
  try {
    const recording = await openRecording(file, Readable.from([]));
    for await (const _ of recording.records());
    return undefined;
  } catch (error) {
    if (!(error instanceof InputError))
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    return error.message.startsWith(file) ? undefined : `a message without the file: ${error.message}`;
  }
}
