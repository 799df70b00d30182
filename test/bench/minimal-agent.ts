// The least that Kapacitor takes for a UDF: answers what is asked of it, and drops every point.
import { createServer, type Socket } from 'node:net';
import { body, frameOf, MESSAGE, readEnvelope } from '../../src/wire/envelope.ts';
import { FrameReader } from '../../src/wire/frames.ts';
import { messageType } from '../../src/wire/messages.ts';

const MAX_FRAME_BYTES = 2 ** 20;
const STRING = 3;

const response = messageType('Response');
const info = response.encodeDelimited(
  response.fromObject({ info: { wants: 0, provides: 0, options: { field: { valueTypes: [STRING] } } } }),
);
const answers = new Map<number, Uint8Array>([
  [MESSAGE.info, info.finish()],
  [MESSAGE.init, response.encodeDelimited(response.fromObject({ init: { success: true } })).finish()],
  [MESSAGE.snapshot, frameOf(MESSAGE.snapshot, Buffer.alloc(0))],
  [MESSAGE.restore, response.encodeDelimited(response.fromObject({ restore: { success: true } })).finish()],
]);

createServer({ allowHalfOpen: true }, serve).listen(process.argv[2]);

function serve(socket: Socket): void {
  const reader = new FrameReader(MAX_FRAME_BYTES);
  const frame = (bytes: Uint8Array, start: number, end: number): void => {
    const kind = readEnvelope(bytes, start, end);
    if (kind === MESSAGE.keepalive) socket.write(frameOf(kind, bytes.subarray(body[0], body[1])));
    const answer = answers.get(kind);
    if (answer !== undefined) socket.write(answer);
  };
  socket.on('data', (chunk: Buffer) => reader.push(chunk, { frame }));
  socket.on('end', () => socket.end());
  socket.on('error', () => undefined);
}
