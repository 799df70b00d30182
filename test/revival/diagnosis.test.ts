import { describe, expect, test } from 'vitest';
import type { NodeExecution, Task } from '../../src/kapacitor/api.ts';
import { type Condition, diagnose, type Evidence } from '../../src/revival/diagnosis.ts';
import type { KnownSession } from '../../src/revival/journal-state.ts';
import { isBlamed } from '../../src/revival/suspects.ts';

const MODIFIED = '2026-11-23T02:54:55.2141836Z';
const BROKEN =
  'edgeDetect2: stopping UDF server: write error: write unix @->/var/run/kapacitor-udf/edgeDetect.sock: write: broken pipe';

function task(changes: Partial<Task> = {}): Task {
  return {
    id: 't',
    status: 'enabled',
    isExecuting: true,
    error: '',
    modified: MODIFIED,
    lastEnabled: MODIFIED,
    ...changes,
  };
}

function failed(error: string): Task {
  return task({ isExecuting: false, error });
}

function session(isLive: boolean, executions: readonly string[], nodeId = 'edgeDetect2'): KnownSession {
  return { functionName: 'edgeDetect', taskId: 't', nodeId, isLive, executions };
}

function executing(id: string, node = 'edgeDetect2'): NodeExecution {
  return { task: 't', node, kind: 'edgeDetect', id };
}

interface Case {
  readonly what: string;
  readonly evidence: Partial<Evidence>;
  readonly unconnectedMs?: number;
  readonly condition: Condition;
}

const lost = session(false, ['old']);
const unknown = session(false, []);

const CASES: readonly Case[] = [
  {
    what: 'the very execution that had the session goes on without it',
    evidence: { task: task(), sessions: [lost], executions: [executing('old')] },
    condition: 'dead',
  },
  {
    what: 'it was started anew since, by a restart of Kapacitor or a person',
    evidence: { task: task(), sessions: [lost], executions: [executing('new')] },
    condition: 'connecting',
  },
  {
    what: 'one of two nodes lost its session',
    evidence: {
      task: task(),
      sessions: [session(true, ['a']), session(false, ['b'], 'edgeDetect3')],
      executions: [executing('a'), executing('b', 'edgeDetect3')],
    },
    condition: 'dead',
  },
  {
    what: 'a replay with the same ids goes on beside it',
    evidence: {
      task: task(),
      sessions: [session(false, ['live', 'replay'])],
      executions: [executing('other replay'), executing('live')],
    },
    condition: 'dead',
  },
  {
    what: 'the node that lost its session is no longer in its script',
    evidence: { task: task(), sessions: [lost], executions: [executing('new', 'edgeDetect3')] },
    condition: 'live',
  },
  {
    what: 'nobody could find out of which execution its session was, and it may still be dialing',
    evidence: { task: task(), sessions: [unknown], executions: [executing('x')] },
    unconnectedMs: 90_000,
    condition: 'connecting',
  },
  {
    what: 'nobody could find out of which execution its session was, and by now it would have connected',
    evidence: { task: task(), sessions: [unknown], executions: [executing('x')] },
    unconnectedMs: 100_000,
    condition: 'dead',
  },
  {
    what: 'another execution than that of the session is still dialing',
    evidence: { task: task(), sessions: [lost], executions: [executing('new')] },
    unconnectedMs: 300_000,
    condition: 'connecting',
  },
  {
    what: 'another execution goes on for longer than Kapacitor dials',
    evidence: { task: task(), sessions: [lost], executions: [executing('new')] },
    unconnectedMs: 400_000,
    condition: 'elsewhere',
  },
  { what: 'Kapacitor noticed', evidence: { task: failed(BROKEN), sessions: [lost] }, condition: 'dead' },
  {
    what: 'Kapacitor gave up dialing',
    evidence: {
      task: failed(
        'edgeDetect2: dial unix /var/run/kapacitor-udf/edgeDetect.sock: connect: no such file or directory',
      ),
    },
    condition: 'dead',
  },
  {
    what: 'its options were refused',
    evidence: {
      task: failed('edgeDetect2: failed to initialize processes hold: -30s is negative'),
      sessions: [lost],
    },
    condition: 'refused',
  },
  {
    what: 'Kapacitor is stopping',
    evidence: {
      task: failed('edgeDetect2: stopping UDF server: node aborted'),
      sessions: [lost],
    },
    condition: 'stopping',
  },
  {
    what: 'Kapacitor has not yet said why it ended',
    evidence: { task: failed(''), sessions: [lost] },
    condition: 'stopping',
  },
  {
    what: 'another node failed',
    evidence: { task: failed('eval3: no such function'), sessions: [lost], isBlamed: false },
    condition: 'failed',
  },
  {
    what: 'somebody disabled it',
    evidence: { task: task({ status: 'disabled', isExecuting: false }), sessions: [lost] },
    condition: 'disabled',
  },
  {
    what: 'it was disabled here',
    evidence: { task: task({ status: 'disabled', isExecuting: false }), step: MODIFIED },
    condition: 'half-way',
  },
  {
    what: 'it was being disabled here when the agent was killed',
    evidence: { task: task({ status: 'disabled', isExecuting: false }), step: '' },
    condition: 'half-way',
  },
  {
    what: 'somebody changed it after it was disabled here',
    evidence: {
      task: task({ status: 'disabled', isExecuting: false }),
      step: '2026-11-23T02:54:55.2141835Z',
    },
    condition: 'disabled',
  },
  {
    what: 'it was enabled again, but could not be started',
    evidence: { task: failed('cannot add child mismatched edges'), step: MODIFIED, isBlamed: false },
    condition: 'dead',
  },
];

describe('diagnose', () => {
  test.each(CASES)('finds a task $condition where $what', ({ evidence, unconnectedMs = 0, condition }) => {
    const { condition: found, reason } = diagnose({
      task: task(),
      step: undefined,
      isBlamed: true,
      sessions: [],
      executions: [],
      unconnectedMs: () => unconnectedMs,
      ...evidence,
    });
    expect(found).toBe(condition);
    expect(reason).not.toBe('');
  });
});

describe('isBlamed', () => {
  const sockets = ['/run/udf/edgeDetect.sock', '/run/udf/edgeDetectBatch.sock'];

  test.each([
    ['the error names our socket, in whatever folder Kapacitor sees it', failed(BROKEN), [], true],
    [
      'the error is that of a node whose name connected before',
      failed('edges4: stopping UDF server: keepalive timedout, last keepalive received was: 2026'),
      [session(false, [], 'edges2')],
      true,
    ],
    ['the error names another socket', failed(BROKEN.replace('edgeDetect.sock', 'goEdge.sock')), [], false],
    [
      'the error is that of a function served elsewhere',
      failed('goEdge2: stopping UDF server: keepalive timedout'),
      [session(false, [], 'edges2')],
      false,
    ],
    ['the error names no node', failed('cannot add child mismatched edges'), [lost], false],
    ['the task goes on', task({ error: BROKEN }), [lost], false],
    ['somebody disabled it', task({ status: 'disabled', isExecuting: false, error: BROKEN }), [lost], false],
  ] as const)('where %s', (_, suspect, known, verdict) => {
    expect(isBlamed(suspect, known, sockets)).toBe(verdict);
  });
});
