import type { NodeExecution, Task } from '../kapacitor/api.ts';
import type { KnownSession } from './journal-state.ts';

/**
 * Kapacitor dials a socket that is not there again and again, in pauses of a minute and a half at most. What has not
 * connected within this long to a socket that answers is not dialing.
 */
const DIALING_MS = 100_000;
/** After five minutes it gives up, and the task fails: what is executing then is connected, if not here. */
const DIALED_MS = 400_000;

/** What the task of a UDF may be found to be. */
export type Condition =
  /** Every one of its nodes has a session. */
  | 'live'
  /** It lost its session, and Kapacitor will not dial again. */
  | 'dead'
  /** It was disabled here, and has not been enabled again. */
  | 'half-way'
  /** It has no session yet: Kapacitor is dialing, or about to. */
  | 'connecting'
  /** It executes without a session, so somebody else must serve its function now. */
  | 'elsewhere'
  /** Somebody disabled it. */
  | 'disabled'
  /** Its options or its snapshot were refused: a person must change something. */
  | 'refused'
  /** Kapacitor stopped it, or is about to say why it failed. */
  | 'stopping'
  /** It failed for a reason that is not the UDF's. */
  | 'failed';

export interface Diagnosis {
  readonly condition: Condition;
  /** Why, for people. */
  readonly reason: string;
}

/** Whether a task in this condition is to be brought back: nobody else will do it. */
export function isToBringBack(condition: Condition): condition is 'dead' | 'half-way' {
  return condition === 'dead' || condition === 'half-way';
}

/** What is known of a task that uses, or used, a function served here. */
export interface Evidence {
  readonly task: Task;
  /** What `modified` was after it was disabled here, empty if unknown; undefined where no such step is open. */
  readonly step: string | undefined;
  /** Whether its error, if any, is that of a node that calls a function served here. */
  readonly isBlamed: boolean;
  readonly sessions: readonly KnownSession[];
  /** What executes of it; asked for only where a session was lost and the task is executing. */
  readonly executions: readonly NodeExecution[];
  /** For how long an execution without a session could have connected, at least, in milliseconds. */
  unconnectedMs(execution: NodeExecution): number;
  /** Whether a session of which no execution is known is sure to have come since the task was last started. */
  isOfThisRun?(session: KnownSession): boolean;
}

const REFUSED = /: (?:failed to initialize processes|error restoring snapshot:) /;
const STOPPED = /: node aborted$/;

/** Tells a task that lost its UDF from one that never had it, is about to get it, or is nobody's business. */
export function diagnose(evidence: Evidence): Diagnosis {
  const { task, step } = evidence;
  if (task.status === 'disabled') {
    if (step === undefined) return found('disabled', 'somebody disabled it');
    // An answer that never came leaves the moment open; then nobody else is known to have done it.
    return step === '' || step === task.modified
      ? found('half-way', 'it was disabled to bring it back, and not enabled again')
      : found('disabled', 'somebody changed it after it was disabled to bring it back');
  }
  return task.isExecuting ? diagnoseExecuting(evidence) : diagnoseFailed(evidence);
}

/** The node that a task's error names, such as `edgeDetect2`; undefined where it names none. */
export function blamedNode({ error }: Task): string | undefined {
  return /^(\w+\d): /.exec(error)?.[1];
}

/** The name of a function in Kapacitor's configuration, from that of a node that calls it. */
export function kindOf(node: string): string {
  return node.replace(/\d+$/, '');
}

function diagnoseFailed({ task, step, isBlamed }: Evidence): Diagnosis {
  const { error } = task;
  if (step !== undefined) return found('dead', 'it was to be brought back, and is not executing');
  // Kapacitor stops a task first and writes down why after that.
  if (error === '' || STOPPED.test(error)) return found('stopping', 'Kapacitor stopped it');
  if (!isBlamed) return found('failed', error);
  if (REFUSED.test(error)) return found('refused', error);
  return found('dead', error);
}

function diagnoseExecuting(evidence: Evidence): Diagnosis {
  let connecting: NodeExecution | undefined;
  for (const session of evidence.sessions) {
    if (session.isLive) continue;
    for (const execution of evidence.executions) {
      if (execution.node !== session.nodeId) continue;
      if (session.executions.includes(execution.id))
        return found('dead', `${execution.node} lost its connection, and Kapacitor has not noticed yet`);
      if (session.executions.length === 0 && evidence.isOfThisRun?.(session))
        return found('dead', `${execution.node} has lost its connection since the task was started`);
      const unconnectedMs = evidence.unconnectedMs(execution);
      // Where it is not known of which execution the session was, only time can tell.
      if (session.executions.length === 0 && unconnectedMs >= DIALING_MS)
        return found('dead', `${execution.node} has not connected for ${DIALING_MS / 1000} s`);
      if (unconnectedMs >= DIALED_MS)
        return found('elsewhere', `${execution.node} executes, but does not connect here`);
      connecting = execution;
    }
  }
  return connecting === undefined
    ? found('live', 'connected')
    : found('connecting', `${connecting.node} is left to connect by itself`);
}

function found(condition: Condition, reason: string): Diagnosis {
  return { condition, reason };
}
