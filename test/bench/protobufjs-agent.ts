// The same detector as anybody would write it: every message decoded and encoded with protobufjs, one map.
import { createServer, type Socket } from 'node:net';
import { frameOf, MESSAGE } from '../../src/wire/envelope.ts';
import { messageType } from '../../src/wire/messages.ts';

const request = messageType('Request');
const response = messageType('Response');

createServer({ allowHalfOpen: true }, serve).listen(process.argv[2]);

function serve(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  const last = new Map<unknown, unknown>();
  const send = (content: Record<string, unknown>): void => {
    socket.write(response.encodeDelimited(response.fromObject(content)).finish());
  };
  const onMessage = (bytes: Buffer): void => {
    const message: Record<string, unknown> = response.toObject(request.decode(bytes), { longs: String });
    if (message.init !== undefined) send({ init: { success: true } });
    else if (message.keepalive !== undefined) send({ keepalive: message.keepalive });
    else if (message.snapshot !== undefined) socket.write(frameOf(MESSAGE.snapshot, Buffer.alloc(0)));
    else if (isPoint(message.point)) {
      const value = message.point.fieldsString?.value;
      if (value === undefined || last.get(message.point.group) === value) return;
      last.set(message.point.group, value);
      send({ point: message.point });
    }
  };
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (;;) {
      let length = 0;
      let shift = 0;
      let p = at;
      while (p < rest.length && rest[p] > 0x7f) {
        length |= (rest[p++] & 0x7f) << shift;
        shift += 7;
      }
      if (p >= rest.length) break;
      length |= rest[p++] << shift;
      if (p + length > rest.length) break;
      onMessage(rest.subarray(p, p + length));
      at = p + length;
    }
    rest = rest.subarray(at);
  });
  socket.on('end', () => socket.end());
  socket.on('error', () => undefined);
}

function isPoint(value: unknown): value is { group?: string; fieldsString?: Record<string, string> } {
  return typeof value === 'object' && value !== null;
}
