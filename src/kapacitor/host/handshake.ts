import type { InfoResponse } from '../../wire/messages.ts';
import { connectHost } from './host.ts';

/**
 * What kapacitord does at its start: Info, half-close, and then it waits for the agent's end, without a limit of its
 * own.
 * @throws OperationError saying what the agent at the socket did not do
 */
export async function shakeHands(path: string, timeoutMs: number): Promise<InfoResponse> {
  const host = await connectHost(path, { sink: { emitted() {} }, timeoutMs });
  try {
    const info = await host.info();
    await host.finish();
    return info;
  } finally {
    host.destroy();
  }
}
