import { expect, test } from 'vitest';
import { LiveSessionTable } from '../../src/agent/live-sessions.ts';

// Sessions of one process are tested as a whole in replays.test.ts. Here: those of which another process knows for how
// long they have been silent, so that the answer takes a while in which much can happen.

const IDS = { functionName: 'edgeDetect', taskId: 'task', nodeId: 'node1' };
const SILENT_MS = 30_001;

/** A session that is asked from afar; `answer` says for how long it was silent. */
class RemoteSession {
  answer: (ms: number) => void = () => undefined;
  silentMs(): Promise<number> {
    return new Promise((resolve) => {
      this.answer = resolve;
    });
  }
}

function sessions(): { table: LiveSessionTable; live: RemoteSession } {
  const table = new LiveSessionTable();
  const live = new RemoteSession();
  expect(table.claim(IDS, live)).toBe(true);
  return { table, live };
}

test('a session that was heard lately stays the live one', async () => {
  const { table, live } = sessions();
  const claimed = table.claim(IDS, new RemoteSession());
  live.answer(30_000);
  expect(await claimed).toBe(false);
});

test('of two that ask for the place of a silent one, one gets it', async () => {
  const { table, live } = sessions();
  const answers: ((ms: number) => void)[] = [];
  const claims = [new RemoteSession(), new RemoteSession()].map((session) => {
    const claim = table.claim(IDS, session);
    answers.push(live.answer);
    return claim;
  });
  for (const answer of answers) answer(SILENT_MS);
  expect(await Promise.all(claims)).toEqual([true, false]);
});

test('a session that ends while it is asked about makes room, whatever was said of it', async () => {
  const { table, live } = sessions();
  const claim = table.claim(IDS, new RemoteSession());
  table.release(IDS, live);
  live.answer(0);
  expect(await claim).toBe(true);
});

test('the end of a session whose place was taken frees nothing', async () => {
  const { table, live } = sessions();
  const next = new RemoteSession();
  const claim = table.claim(IDS, next);
  live.answer(SILENT_MS);
  expect(await claim).toBe(true);
  table.release(IDS, live);
  const another = table.claim(IDS, new RemoteSession());
  next.answer(0);
  expect(await another).toBe(false);
});

test('ids that look alike when they are put together are different ones', () => {
  const { table } = sessions();
  expect(table.claim({ ...IDS, taskId: 'task","node1', nodeId: '' }, new RemoteSession())).toBe(true);
  expect(table.claim({ ...IDS, taskId: '', nodeId: 'tasknode1' }, new RemoteSession())).toBe(true);
});
