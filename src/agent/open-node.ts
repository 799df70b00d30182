import type { NodeLog, UdfFunction } from '../function/contract.ts';
import { Node } from '../function/node.ts';
import { MESSAGE } from '../wire/envelope.ts';
import type { InitRequest } from '../wire/messages.ts';
import type { SessionEnvironment, SessionLog } from './environment.ts';
import type { Outbox } from './outbox.ts';

/** Where the node of a session belongs. */
export interface NodePlace {
  readonly environment: SessionEnvironment;
  readonly log: SessionLog;
  /** Takes what it emits. */
  readonly outbox: Outbox;
  /** It has warned of something. */
  onWarning(): void;
}

/**
 * The node that an Init asks for: what it says is logged with its ids, what it emits goes out, and to those who listen.
 * @throws OptionsError
 */
export function openNode(fn: UdfFunction, { nodeId, options, taskId }: InitRequest, place: NodePlace): Node {
  const { environment, log, outbox } = place;
  const { clockMs, edges, hints, limits } = environment;
  const ids = { task: taskId, node: nodeId };
  const nodeLog: NodeLog = {
    info: (fields, message) => log.info({ ...ids, ...fields }, message),
    warn: (fields, message) => {
      place.onWarning();
      log.warn({ ...ids, ...fields }, message);
    },
    hint: (fields, message) => {
      if (hints.isNew([fn.name, taskId, nodeId, options, message])) log.warn({ ...ids, ...fields }, message);
    },
  };
  const told = { ...ids, function: fn.name };
  return new Node(
    fn,
    { options, limits, log: nodeLog, clockMs },
    {
      beginBatch: (bytes, start, end) => outbox.writeMessage(MESSAGE.begin, bytes, start, end),
      point: (bytes, start, end) => {
        outbox.writeMessage(MESSAGE.point, bytes, start, end);
        if (edges.isHeard) edges.tell(told, bytes, start, end);
      },
      endBatch: (bytes, start, end) => outbox.writeMessage(MESSAGE.end, bytes, start, end),
    },
  );
}
