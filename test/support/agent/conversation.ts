import { once } from 'node:events';
import { connect } from 'node:net';

/** Sends chunks one by one, half-closes, and returns everything that came back until the agent's end. */
export async function converse(path: string, chunks: Iterable<Uint8Array>): Promise<Buffer> {
  const socket = connect({ path, allowHalfOpen: true });
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  for (const chunk of chunks) {
    // Awaiting each write keeps the chunks apart as far as the system does.
    await new Promise<void>((resolve, reject) =>
      socket.write(chunk, (error) => (error ? reject(error) : resolve())),
    );
  }
  socket.end();
  await closed;
  return Buffer.concat(received);
}
