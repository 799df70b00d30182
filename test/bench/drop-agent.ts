// The yardstick: a Node process that reads and drops. Answers nothing but the end.
import { createServer } from 'node:net';

createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('data', () => undefined);
  socket.on('end', () => socket.end());
  socket.on('error', () => undefined);
}).listen(process.argv[2]);
