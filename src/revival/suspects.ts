import { basename } from 'node:path';
import type { Task } from '../kapacitor/api.ts';
import { blamedNode, kindOf } from './diagnosis.ts';
import type { KnownSession } from './journal-state.ts';

/**
 * Whether a task failed, and its error is that of a node that calls a function served here. Kapacitor's configuration
 * gives functions names of their own, so only those that connected before are known; or the error names the socket,
 * whose folder may have another name where Kapacitor runs.
 */
export function isBlamed(task: Task, known: readonly KnownSession[], sockets: readonly string[]): boolean {
  if (task.status !== 'enabled' || task.isExecuting) return false;
  const node = blamedNode(task);
  if (node === undefined) return false;
  const kind = kindOf(node);
  return (
    known.some(({ nodeId }) => kindOf(nodeId) === kind) ||
    sockets.some((socket) => task.error.includes(`/${basename(socket)}:`))
  );
}
