import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Journal, readJournal } from '../../src/revival/journal.ts';
import type { JournalContent, SessionIds } from '../../src/revival/journal-state.ts';
import { atEnd } from '../support/at-end.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-journal-'));
  path = join(folder, 'edgeDetect.journal');
  atEnd(() => rmSync(folder, { recursive: true }));
});

function ids(taskId: string, nodeId = 'edgeDetect2'): SessionIds {
  return { functionName: 'edgeDetect', taskId, nodeId };
}

function open(problems: string[] = []): Journal {
  const journal = new Journal(path, (message) => problems.push(message));
  atEnd(() => journal.close());
  return journal;
}

/** A copy that can be compared, and that lasts. */
function contentOf({ startedMs, revives, sessions, steps, tries }: JournalContent): unknown {
  return structuredClone({ startedMs, revives, sessions, steps, tries });
}

/** What can happen to a journal, each as a function of it. */
const happening: fc.Arbitrary<(journal: Journal) => void> = fc
  .record({
    task: fc.constantFrom('a', 'b', 'ö "{}\n', ''),
    node: fc.constantFrom('edgeDetect2', 'edges3'),
    text: fc.constantFrom('', '2026-11-23T02:54:55.2141836Z', 'x'),
    count: fc.nat(12),
    which: fc.nat(8),
  })
  .map(({ task, node, text, count, which }) => (journal: Journal) => {
    const session = journal.state.sessions.values().next().value;
    switch (which) {
      case 0:
        return journal.got(ids(task, node));
      case 1:
        return journal.lost(ids(task, node));
      case 2:
        return session === undefined ? undefined : journal.setExecutions(session, [text, 'y']);
      case 3:
        return journal.forget(ids(task, node));
      case 4:
        return journal.beginStep(task, text);
      case 5:
        return journal.endStep(task);
      case 6:
        return journal.setTries(task, { count, atMs: 1_700_000_000_123, hasGivenUp: count > 9 });
      case 7:
        return journal.forgetTries(task);
      default:
        return journal.start(1_700_000_000_456 + count, count > 5);
    }
  });

describe('Journal', () => {
  test('says after a kill at any byte what it said after some record, the last one whole', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 40 }), fc.nat(), (happenings, cut) => {
        rmSync(path, { force: true });
        const journal = new Journal(path, () => {});
        const said = [contentOf(journal.state)];
        for (const happen of happenings) {
          happen(journal);
          said.push(contentOf(journal.state));
        }
        journal.close();
        expect(contentOf(readJournal(path))).toEqual(said.at(-1));
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.subarray(0, cut % (bytes.length + 1)));
        expect(said).toContainEqual(contentOf(readJournal(path)));
      }),
      { numRuns: 100 },
    );
  });

  test('takes the sessions that were live when the agent before ended for lost', () => {
    const first = open();
    first.got(ids('a'));
    const [session] = first.state.sessions.values();
    if (session !== undefined) first.setExecutions(session, ['e']);
    const second = open();
    expect([...second.state.sessions.values()]).toEqual([{ ...ids('a'), isLive: false, executions: ['e'] }]);
    expect(contentOf(readJournal(path))).toEqual(contentOf(second.state));
  });

  test('forgets of which execution a session was when the next one comes', () => {
    const journal = open();
    journal.got(ids('a'));
    const [session] = journal.state.sessions.values();
    if (session !== undefined) journal.setExecutions(session, ['e']);
    journal.lost(ids('a'));
    journal.got(ids('a'));
    expect([...journal.state.sessions.values()]).toEqual([{ ...ids('a'), isLive: true, executions: [] }]);
  });

  test('goes on behind a record that was cut short', () => {
    const first = open();
    first.got(ids('a'));
    appendFileSync(path, '{"kind":"session","function":"edgeDe');
    open().got(ids('b'));
    expect([...readJournal(path).sessions.values()].map(({ taskId }) => taskId)).toEqual(['a', 'b']);
  });

  test('makes nothing of what is no journal', () => {
    writeFileSync(
      path,
      '\0\n[]\n7\n{"kind":"session","task":1}\n{"kind":"tries","task":"t","count":"x"}\nnull\n',
    );
    expect(readJournal(path)).toMatchObject({ sessions: new Map(), steps: new Map(), tries: new Map() });
  });

  test('does not grow with what is over', () => {
    const journal = open();
    for (let i = 0; i < 20_000; i++) {
      journal.got(ids('a'));
      journal.lost(ids('a'));
    }
    expect(statSync(path).size).toBeLessThan(500_000);
  });

  test('remembers ten thousand sessions that ended, the latest, and every live one', () => {
    const journal = open();
    for (let i = 0; i < 10_010; i++) {
      journal.got(ids(`live ${i}`));
      journal.got(ids(`lost ${i}`));
      journal.lost(ids(`lost ${i}`));
    }
    const sessions = [...readJournal(path).sessions.values()];
    expect(sessions.filter(({ isLive }) => isLive)).toHaveLength(10_010);
    const lost = sessions.filter(({ isLive }) => !isLive).map(({ taskId }) => taskId);
    expect([lost.length, lost[0]]).toEqual([10_000, 'lost 10']);
  });

  test('complains once where it cannot be written, and writes all of it as soon as it can', () => {
    const problems: string[] = [];
    rmSync(folder, { recursive: true });
    const journal = open(problems);
    journal.got(ids('a'));
    journal.got(ids('b'));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(path);
    mkdirSync(folder);
    journal.beginStep('c', '');
    expect(contentOf(readJournal(path))).toEqual(contentOf(journal.state));
  });

  test('writes all of it again where somebody removed the file', () => {
    const journal = open();
    journal.got(ids('a'));
    rmSync(path);
    journal.got(ids('b'));
    expect(contentOf(readJournal(path))).toEqual(contentOf(journal.state));
  });

  test.each([
    ['removed', () => rmSync(path)],
    ['truncated', () => truncateSync(path)],
    ['written over', () => writeFileSync(path, '{"kind":"tries","task":"a","count":9}\n')],
    ['replaced by a link', () => execFileSync('ln', ['-sf', '/dev/null', path])],
  ])('notices at a look that somebody has %s the file, and writes all of it again', (_, harm) => {
    const journal = open();
    journal.got(ids('a'));
    harm();
    journal.look();
    expect(contentOf(readJournal(path))).toEqual(contentOf(journal.state));
    expect(lstatSync(path).isFile()).toBe(true);
  });

  test('reads of a file that is longer than a journal can be only the end, and writes it anew', () => {
    writeFileSync(path, '{"kind":"tries","task":"old","count":1,"at":"2026-11-26T00:00:00Z"}\n');
    truncateSync(path, 3 * 1024 ** 3);
    appendFileSync(path, '\n{"kind":"tries","task":"new","count":2,"at":"2026-11-26T00:00:00Z"}\n');
    const problems: string[] = [];
    const journal = open(problems);
    expect([...journal.state.tries.keys()]).toEqual(['new']);
    expect(problems).toEqual([expect.stringContaining('longer than it can be')]);
    expect(statSync(path).size).toBeLessThan(1000);
  });

  test('is not held up by a pipe that lies where the journal should', () => {
    execFileSync('mkfifo', [path]);
    const problems: string[] = [];
    const journal = open(problems);
    journal.got(ids('a'));
    expect(problems).toEqual([expect.stringContaining('it is no file')]);
    expect(contentOf(readJournal(path))).toEqual(contentOf(journal.state));
  });

  test('does not believe that a task was tried so often that it would stay dead', () => {
    const forged = [1e308, 1e9, -1, 0.5].map((count) =>
      JSON.stringify({
        kind: 'tries',
        task: `t${count}`,
        count,
        at: '2026-11-26T00:00:00Z',
        hasGivenUp: true,
      }),
    );
    writeFileSync(path, `${forged.join('\n')}\n`);
    expect(open().state.tries.size).toBe(0);
  });

  test('touches no file before it is needed: until the sockets are served it may be that of another agent', () => {
    open();
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });
});
