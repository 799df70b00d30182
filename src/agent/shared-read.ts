import { Socket } from 'node:net';

/** The most that one read brings. */
export const READ_BYTES = 256 * 1024;

/**
 * All connections read into this one buffer: it is in the processor's cache, where a buffer for each read, as streams
 * make it, is fresh memory every time. What a session wants to keep it copies.
 */
const SHARED = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * Goes on with an accepted connection without the stream machinery on its reading side; `net.Server` has no option for
 * that, so its handle changes hands.
 * @param onBytes called with what was read, valid only during the call
 * @returns the socket to use instead of the accepted one
 */
export function readShared(accepted: Socket, onBytes: (buffer: Buffer, length: number) => void): Socket {
  const handle: unknown = Reflect.get(accepted, '_handle');
  Reflect.set(accepted, '_handle', null);
  // The server no longer counts it, so that it can close.
  accepted.destroy();
  const onread = {
    buffer: SHARED,
    callback: (length: number): boolean => {
      onBytes(SHARED, length);
      return true;
    },
  };
  // The handle is no part of the public types.
  const socket: Socket = Reflect.construct(Socket, [{ handle, allowHalfOpen: true, onread }]);
  socket.read(0);
  return socket.resume();
}
