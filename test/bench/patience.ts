// A thread that asks the agent for a sign of life every millisecond until it is told to stop, and says its longest wait.
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { encodeKeepaliveRequest } from '../../src/kapacitor/host/host-messages.ts';
import { MESSAGE } from '../../src/wire/envelope.ts';
import { open } from './asker.ts';

if (parentPort === null) throw new Error('this is a thread of the benchmark');
const { path, id }: { path: string; id: string } = workerData;
const keepalive = encodeKeepaliveRequest(1n);
const asker = await open(path, id);
// What the first turns cost is this thread's own start.
for (let i = 0; i < 20; i++) await asker.ask(MESSAGE.keepalive, keepalive);
let isOver = false;
once(parentPort, 'message').then(() => {
  isOver = true;
});
parentPort.postMessage('ready');
let longestMs = 0;
while (!isOver) {
  const asked = performance.now();
  await asker.ask(MESSAGE.keepalive, keepalive);
  longestMs = Math.max(longestMs, performance.now() - asked);
  await pause(1);
}
await asker.close();
parentPort.postMessage(longestMs);
