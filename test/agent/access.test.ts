import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { accessProblem, whoMayConnect, writingProblem } from '../../src/agent/access.ts';
import { AgentProcess, startAgentProcess } from '../support/agent/agent-process.ts';
import { atEnd } from '../support/at-end.ts';

const IS_ROOT = process.getuid?.() === 0;
/** Whether a process can be started as another user. */
const HAS_SETPRIV = spawnSync('setpriv', ['--version']).status === 0;
const AGENT = 10092;
const KAPACITOR = 999;

interface Owned {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** A folder and what stands for a socket in it, as they are told to be. */
function place(folder: Owned, socket: Owned): { readonly folder: string; readonly socket: string } {
  const above = mkdtempSync(join(tmpdir(), 'edge-access-'));
  atEnd(() => rmSync(above, { recursive: true }));
  chmodSync(above, 0o755);
  const paths = { folder: join(above, 'udf'), socket: join(above, 'udf', 'x.sock') };
  mkdirSync(paths.folder);
  writeFileSync(paths.socket, '');
  for (const [path, { uid, gid, mode }] of [
    [paths.socket, socket],
    [paths.folder, folder],
  ] as const) {
    chownSync(path, uid, gid);
    chmodSync(path, mode);
  }
  return paths;
}

function owned(uid: number, gid: number, mode: number): Owned {
  return { uid, gid, mode };
}

const CASES: readonly [
  what: string,
  folder: Owned,
  socket: Owned,
  who: string,
  problem: string | undefined,
][] = [
  [
    "Kapacitor's group has the folder, and the sockets have it by setgid",
    owned(AGENT, KAPACITOR, 0o2750),
    owned(AGENT, KAPACITOR, 0o660),
    'user 10092 and group 999',
    undefined,
  ],
  [
    'the folder is the group of the agent alone',
    owned(AGENT, AGENT, 0o2750),
    owned(AGENT, AGENT, 0o660),
    'user 10092 and group 10092',
    undefined,
  ],
  [
    'the setgid bit is missing',
    owned(AGENT, KAPACITOR, 0o750),
    owned(AGENT, AGENT, 0o660),
    'user 10092 alone',
    "group 999 can't connect to SOCKET: the folder FOLDER is of that group, but without the setgid bit, so the socket has group 10092; chown :999 FOLDER && chmod 2750 FOLDER mends it (in a container: on the host, for the folder that is mounted there), and start the agent anew",
  ],
  [
    'the folder lets nobody in',
    owned(AGENT, AGENT, 0o700),
    owned(AGENT, AGENT, 0o660),
    'user 10092 alone',
    "nobody but user 10092 (and root) can connect to SOCKET: FOLDER belongs to user 10092 and group 10092 with mode 0700; chown :GID FOLDER && chmod 2750 FOLDER mends it (in a container: on the host, for the folder that is mounted there; GID: that of Kapacitor's group, by id -g kapacitor where it runs), and start the agent anew",
  ],
  [
    'the sockets are for their user only',
    owned(AGENT, KAPACITOR, 0o2750),
    owned(AGENT, KAPACITOR, 0o600),
    'user 10092 alone',
    'nobody but user 10092 (and root) can connect to SOCKET: SOCKET belongs to user 10092 and group 999 with mode 0600; ',
  ],
  ['everybody is let in', owned(AGENT, AGENT, 0o755), owned(AGENT, AGENT, 0o666), 'everybody', undefined],
  [
    'the folder is of root, as /tmp',
    owned(0, 0, 0o1777),
    owned(AGENT, AGENT, 0o660),
    'user 10092 and group 10092',
    undefined,
  ],
  ['all is of root', owned(0, 0, 0o700), owned(0, 0, 0o660), 'root alone', 'nobody but root can connect'],
];

describe.runIf(IS_ROOT)('who may connect', () => {
  test.each(CASES)('is told where %s', (_what, folder, socket, who, problem) => {
    const paths = place(folder, socket);
    expect(whoMayConnect(paths.socket)).toBe(who);
    const told = accessProblem(paths.socket, undefined)
      ?.replaceAll(paths.socket, 'SOCKET')
      .replaceAll(paths.folder, 'FOLDER');
    if (problem === undefined) expect(told).toBeUndefined();
    else expect(told).toContain(problem);
  });

  test.each([
    ["Kapacitor's", owned(AGENT, KAPACITOR, 0o2750), owned(AGENT, KAPACITOR, 0o660), undefined],
    [
      'the agent alone',
      owned(AGENT, AGENT, 0o2750),
      owned(AGENT, AGENT, 0o660),
      "group 999 can't connect to SOCKET: FOLDER belongs to user 10092 and group 10092 with mode 2750; chown :999 FOLDER && chmod 2750 FOLDER mends it",
    ],
    [
      'Kapacitor, without a setgid bit',
      owned(AGENT, KAPACITOR, 0o750),
      owned(AGENT, AGENT, 0o660),
      'FOLDER belongs to user 10092 and group 999 with mode 0750 and no setgid bit; chown :999',
    ],
    ['anybody', owned(0, 0, 0o755), owned(0, 0, 0o666), undefined],
  ] as const)(
    "is tried as Kapacitor's group where the folder is for %s",
    (_what, folder, socket, problem) => {
      const paths = place(folder, socket);
      const told = accessProblem(paths.socket, KAPACITOR)
        ?.replaceAll(paths.socket, 'SOCKET')
        .replaceAll(paths.folder, 'FOLDER');
      if (problem === undefined) expect(told).toBeUndefined();
      else expect(told).toContain(problem);
    },
  );

  test('names a folder above that lets nobody pass', () => {
    const { folder, socket } = place(owned(AGENT, KAPACITOR, 0o2750), owned(AGENT, KAPACITOR, 0o660));
    const above = join(folder, '..');
    chmodSync(above, 0o700);
    expect(accessProblem(socket, KAPACITOR)).toContain(
      `with mode 0700; chmod o+x ${join(above)} lets others pass`,
    );
  });

  test('tells who wants to write, whose the folder is, and the commands that let it', () => {
    const { folder } = place(owned(0, KAPACITOR, 0o755), owned(0, 0, 0o660));
    expect(writingProblem(folder, undefined)).toContain(
      `this process is user 0 and group 0, and ${folder} belongs to user 0 and group 999 with mode 0755; ` +
        `chown 0:999 ${folder} && chmod 2750 ${folder} mends it`,
    );
    expect(writingProblem(join(folder, 'new', 'deep'), 123)).toContain(`chown 0:123 ${folder}/new/deep`);
  });

  test.runIf(HAS_SETPRIV)('is what an agent of another user says that may not write', async () => {
    const { folder } = place(owned(0, 0, 0o755), owned(0, 0, 0o660));
    const wrapper = ['setpriv', '--reuid=10092', '--regid=10092', '--clear-groups'];
    const agent = new AgentProcess({
      folder,
      wrapper,
      args: ['--function', 'mirror', '--kapacitor-gid', '999'],
    });
    await agent.exited;
    expect(agent.lastLines.join('\n')).toContain(
      `listen EACCES: permission denied ${folder}/mirror.sock; this process is user 10092 and group 10092, and ` +
        `${folder} belongs to user 0 and group 0 with mode 0755; chown 10092:999 ${folder} && chmod 2750 ${folder} mends it`,
    );
  });

  test.runIf(HAS_SETPRIV)('is warned of at the start of an agent, and told in its log', async () => {
    const { folder, socket } = place(owned(AGENT, KAPACITOR, 0o750), owned(AGENT, KAPACITOR, 0o660));
    rmSync(socket);
    const wrapper = ['setpriv', '--reuid=10092', '--regid=10092', '--clear-groups'];
    const agent = await startAgentProcess({ folder, wrapper, args: ['--function', 'mirror'] });
    agent.child.kill('SIGTERM');
    await agent.exited;
    const log = agent.lastLines.join('\n');
    expect(log).toContain('"mayConnect":"user 10092 alone","msg":"listening"');
    expect(log).toMatch(/"level":"warn".*group 999 can't connect to .*without the setgid bit/);
  });
});
