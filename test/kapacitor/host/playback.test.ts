import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { connectHost } from '../../../src/kapacitor/host/host.ts';
import { replay, type Selection, Survey } from '../../../src/kapacitor/host/playback.ts';
import { openRecording } from '../../../src/kapacitor/recordings/recording.ts';
import { readCapture } from '../../support/protocol/capture.ts';
import { cutFrames, decodeRequest, type Point, type Request } from '../../support/protocol/protocol.ts';

const RECORDINGS = new URL('../../fixtures/recordings/', import.meta.url);

/** What a replay writes to the socket. */
async function requestsOf(
  file: string,
  selection: Selection,
  stdin = Readable.from([]),
): Promise<{ messages: Buffer[]; survey: Survey }> {
  const folder = mkdtempSync(join(tmpdir(), 'edge-detect-replay-'));
  const path = join(folder, 'agent.sock');
  const chunks: Buffer[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    const host = await connectHost(path, { sink: { emitted() {} }, timeoutMs: 60_000 });
    const survey = new Survey();
    await replay(await openRecording(file, stdin), host, selection, survey, () => {});
    await host.finish();
    const { messages, rest } = cutFrames(Buffer.concat(chunks));
    expect(rest).toHaveLength(0);
    return { messages, survey };
  } finally {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  }
}

function dataOf(requests: readonly Request[]): Request[] {
  return requests.filter(({ kind }) => kind === 'begin' || kind === 'point' || kind === 'end');
}

async function pointsOf(lines: string, selection: Partial<Selection>): Promise<Point[]> {
  const stdin = Readable.from([Buffer.from(lines)]);
  const { messages } = await requestsOf('-', { measurement: undefined, groupBy: [], ...selection }, stdin);
  return messages.flatMap((message) => {
    const request = decodeRequest(message);
    return request.kind === 'point' ? [request.point] : [];
  });
}

describe('the replay of a recording', () => {
  test('writes the points of a stream byte for byte as Kapacitor does', async () => {
    const { messages, survey } = await requestsOf(new URL('adsl-stream.srpl', RECORDINGS).pathname, {
      measurement: 'adsl_connection',
      groupBy: ['host'],
    });
    const capture = readCapture('adsl-stream');
    const expected = capture.messages.filter((_, index) => capture.requests[index]?.kind === 'point');
    expect(messages.map((message) => message.toString('hex'))).toEqual(
      expected.map((message) => message.toString('hex')),
    );
    expect([survey.points, survey.sent, [...survey.groups]]).toEqual([17, 17, ['host=router1']]);
  });

  test('writes the batches of a query as Kapacitor does, but for its random order of fields', async () => {
    const { messages, survey } = await requestsOf(new URL('adsl-overlap.brpl', RECORDINGS).pathname, {
      measurement: undefined,
      groupBy: [],
    });
    expect(dataOf(messages.map(decodeRequest))).toEqual(dataOf(readCapture('batch-overlap').requests));
    expect([survey.batches, survey.groups.size]).toEqual([45, 3]);
  });

  test('keeps integers and times exact, and every type of field', async () => {
    const [point] = await pointsOf('m,t=x i=-9223372036854775808i,f=-0,s="é",b=f -5\n', {});
    expect(point).toMatchObject({
      time: -5n,
      tags: { t: 'x' },
      fields: {
        i: { type: 'int', v: -(2n ** 63n) },
        f: { type: 'float', v: -0 },
        s: { type: 'string', v: 'é' },
        b: { type: 'bool', v: false },
      },
    });
  });

  test('sends only the measurement asked for', async () => {
    expect(await pointsOf('a f=1 1\nb f=1 2\na f=1 3\n', { measurement: 'a' })).toMatchObject([
      { name: 'a', time: 1n },
      { name: 'a', time: 3n },
    ]);
  });

  test.each([
    [[], [], ''],
    [['zone', 'host'], ['host', 'zone'], 'host=a,b=c,zone='],
    [['*'], ['Z', 'host', '\u{ff5e}', '\u{1f600}'], 'Z=1,host=a,b=c,\u{ff5e}=3,\u{1f600}=2'],
  ])(
    'groups by %j as Kapacitor does: sorted by bytes, nothing escaped, a missing tag empty',
    async (groupBy, dimensions, group) => {
      const [point] = await pointsOf('m,\u{1f600}=2,\u{ff5e}=3,host=a\\,b\\=c,Z=1 f=1 1\n', { groupBy });
      expect(point).toMatchObject({ dimensions, group });
    },
  );

  test('gives a point without a timestamp the present time', async () => {
    const before = BigInt(Date.now()) * 1_000_000n;
    const [point] = await pointsOf('m f=1\n', {});
    const after = BigInt(Date.now()) * 1_000_000n;
    const time = point?.time ?? 0n;
    expect(time >= before && time <= after).toBe(true);
  });
});
