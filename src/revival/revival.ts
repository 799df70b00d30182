import { setTimeout as pause } from 'node:timers/promises';
import { ApiError, type KapacitorApi, type Task } from '../kapacitor/api.ts';

/** Between two looks at whether Kapacitor is done with the task's end. */
const SETTLE_LOOK_MS = 100;
/** How long it may take to say why the task ended; it need not say anything. */
const SETTLE_MS = 2000;

/** Where it is written down that a task is disabled and must be enabled again. */
export interface Steps {
  /** @param modified what the task's `modified` is since; empty before Kapacitor is told */
  beginStep(task: string, modified: string): Promise<void>;
  endStep(task: string): void;
}

export interface RevivalOptions {
  readonly api: Pick<KapacitorApi, 'task' | 'setStatus'>;
  readonly steps: Steps;
  /** Makes sure that the sockets answer, or rejects saying which does not. */
  readonly knock: () => Promise<void>;
  /** Whether the task has all its sessions after all. */
  readonly isConnected: () => boolean;
  /** Resolves with whether the task has a session, at once or within the time that a connection may take. */
  readonly whenConnected: () => Promise<boolean>;
}

/**
 * What became of a task: it has its UDF again; it is somebody else's affair; it executes, but did not connect here; or
 * it could not be brought back.
 */
export interface Outcome {
  readonly result: 'revived' | 'left' | 'elsewhere' | 'failed';
  /** Why it was left, or could not be brought back. */
  readonly reason: string;
}

/**
 * Brings one task back: disables and enables it, since Kapacitor does nothing where a task that it takes for enabled
 * is enabled. Where it is broken off, the steps say so, and the next call goes on from there.
 * @param isHalfWay whether it is disabled already, from such a step
 * @throws ApiError where Kapacitor refuses or does not answer, OperationError where a socket does not
 */
export async function reviveTask(id: string, isHalfWay: boolean, options: RevivalOptions): Promise<Outcome> {
  const { api, isConnected, knock, steps, whenConnected } = options;
  await knock();
  const before = await api.task(id);
  if (before === undefined) return leave(id, 'it was deleted', steps);
  if (!isHalfWay) {
    if (before.status === 'disabled') return leave(id, 'somebody disabled it', steps);
    if (isConnected()) return leave(id, 'it has connected', steps);
    const objection = await disable(id, options);
    if (objection !== undefined) return leave(id, objection, steps);
  }
  // Without a socket the task's first snapshot would bring all of Kapacitor down.
  await knock();
  await enable(id, options);
  steps.endStep(id);
  if (await whenConnected()) return { result: 'revived', reason: '' };
  const after = await api.task(id);
  return after?.isExecuting
    ? {
        result: 'elsewhere',
        reason: 'it executes, but has not connected here: is its function served elsewhere?',
      }
    : { result: 'failed', reason: after?.error || 'it is not executing' };
}

/** @returns why the task is no longer ours to bring back, if so */
async function disable(id: string, { api, steps }: RevivalOptions): Promise<string | undefined> {
  await steps.beginStep(id, '');
  let ours: Task;
  try {
    ours = await api.setStatus(id, 'disabled');
  } catch (error) {
    // Refused, it was not disabled; without an answer, who knows.
    if (error instanceof ApiError && error.status !== undefined) steps.endStep(id);
    throw error;
  }
  await steps.beginStep(id, ours.modified);
  const deadlineMs = performance.now() + SETTLE_MS;
  // Kapacitor writes down why a task ended some time after it did: it reads the task, stops whatever then executes by
  // that name, and writes all of the task back. Enabled before that, it would be stopped again or shown as disabled.
  for (;;) {
    await pause(SETTLE_LOOK_MS);
    const now: Task | undefined = await api.task(id);
    if (now === undefined) return 'it was deleted meanwhile';
    if (now.status === 'enabled') {
      if (now.isExecuting) return 'somebody enabled it meanwhile';
      ours = await api.setStatus(id, 'disabled');
      await steps.beginStep(id, ours.modified);
    } else if (now.modified !== ours.modified) return 'somebody changed it meanwhile';
    else if (!now.isExecuting && now.error !== '') return undefined;
    if (performance.now() > deadlineMs) return undefined;
  }
}

async function enable(id: string, { api, steps }: RevivalOptions): Promise<void> {
  try {
    await api.setStatus(id, 'enabled');
  } catch (error) {
    // A task that can't be started is enabled all the same; one that was not touched must be enabled later.
    if (error instanceof ApiError && error.status !== undefined && (await api.task(id))?.status === 'enabled')
      steps.endStep(id);
    throw error;
  }
}

function leave(id: string, reason: string, steps: Steps): Outcome {
  steps.endStep(id);
  return { result: 'left', reason };
}
