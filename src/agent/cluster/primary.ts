import { type Agent, type AgentOptions, serveSockets, socketsOf } from '../agent.ts';
import { LiveSessionTable } from '../live-sessions.ts';
import { type PoolOptions, WorkerPool } from './worker-pool.ts';

export interface ClusterOptions extends AgentOptions, Omit<PoolOptions, 'log'> {}

/**
 * Serves functions with several worker processes. This process owns the sockets and hands each connection to the
 * worker that has the fewest; it also knows which task is live where.
 * @throws OperationError naming the socket that could not be opened; no process is left then
 */
export async function startCluster(options: ClusterOptions): Promise<Agent> {
  const place = new WorkerPool(options, new LiveSessionTable(options.watch));
  await place.start();
  return serveSockets([{ place, sockets: socketsOf(options.functions) }], options);
}
