import { connect, type Socket } from 'node:net';
import type { Plan } from './plan.ts';

/** How a conversation went. */
export interface Outcome {
  readonly received: Buffer;
  /** Whether everything that the agent said was read: the peer did not leave, nor fail to write, before. */
  readonly isComplete: boolean;
  /** The agent did not close the connection in time. */
  readonly isHung: boolean;
}

/** Kapacitor waits for the agent's end without limit; here it must come within this time of the last that went or came. */
const PATIENCE_MS = 20_000;
/** How long a peer that waits says nothing. */
const WAIT_MS = 20;
/** A peer that reads late begins at the latest after this, or both would wait for each other. */
const LATE_MS = 30;

/**
 * Has the conversation.
 * @param isFinal whether what was received so far ends the agent's part, so that it has to close by itself
 */
export function converse(path: string, plan: Plan, isFinal: (received: Buffer) => boolean): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    const received: Buffer[] = [];
    let isComplete = plan.ending !== 'break';
    let isHung = false;
    let isConnected = false;
    const patience = setTimeout(() => {
      isHung = true;
      socket.destroy();
    }, PATIENCE_MS);
    socket.on('data', (chunk: Buffer) => {
      received.push(chunk);
      patience.refresh();
    });
    socket.on('end', () => socket.end());
    socket.on('error', (error) => {
      isComplete = false;
      if (!isConnected) reject(error);
    });
    socket.on('close', () => {
      clearTimeout(patience);
      resolve({ received: Buffer.concat(received), isComplete, isHung });
    });
    socket.on('connect', () => {
      isConnected = true;
      void speak(socket, plan, patience, () => isFinal(Buffer.concat(received)));
    });
  });
}

async function speak(
  socket: Socket,
  plan: Plan,
  patience: NodeJS.Timeout,
  isFinal: () => boolean,
): Promise<void> {
  let late: NodeJS.Timeout | undefined;
  if (plan.readsLate) {
    socket.pause();
    late = setTimeout(() => socket.resume(), LATE_MS);
  }
  for (const chunk of plan.chunks) {
    if (!socket.writable) break;
    await new Promise<void>((resolve) => socket.write(chunk, () => resolve()));
    patience.refresh();
  }
  clearTimeout(late);
  socket.resume();
  if (plan.ending === 'wait' && socket.writable) await pause(socket, WAIT_MS);
  if (plan.ending === 'break') socket.destroy();
  else if (socket.writable && (plan.ending === 'half-close' || !isFinal())) socket.end();
}

/** Resolves after a while, or earlier when the connection closes. */
function pause(socket: Socket, timeMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      socket.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, timeMs);
    socket.once('close', done);
  });
}
