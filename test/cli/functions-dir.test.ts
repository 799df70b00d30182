import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AgentProcess, startAgentProcess } from '../support/agent/agent-process.ts';
import { initRequest, pointRequest, stringOption } from '../support/agent/functions.ts';
import { Peer } from '../support/agent/peer.ts';
import type { Request, Value } from '../support/protocol/protocol.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

let folder: string;
let functions: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-functions-'));
  functions = join(folder, 'functions');
  mkdirSync(functions);
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(file: string, text: string): void {
  writeFileSync(join(functions, file), text);
}

/** A function that does at each point what its text says. */
function functionText(name: string, atPoint: string, head = ''): string {
  return `import { defineFunction } from 'kapacitor-edge-detect/udf';
${head}
export const ${name} = defineFunction({
  name: '${name}',
  wants: 'STREAM',
  provides: 'STREAM',
  options: {},
  begin: () => ({ seen: 0 }),
  point(point, group: { seen: number }, { emit }) {
    ${atPoint}
  },
});
`;
}

const COUNT = 'emit.forward(point, { seen: ++group.seen });';

async function withAgent(use: (agent: AgentProcess) => Promise<void>, ...args: string[]): Promise<void> {
  const agent = await startAgentProcess({ args: ['--functions-dir', functions, ...args] });
  try {
    await use(agent);
  } finally {
    await agent.stop();
  }
}

const int = (v: bigint): Value => ({ type: 'int', v });
const up: Request = pointRequest({ fields: { value: int(1n) } });

/** Sends points and says what the last one of them came back with. */
async function fieldsAfter(agent: AgentProcess, name: string, points: number) {
  const peer = await Peer.reading(agent.socketOf(name));
  peer.send(initRequest(), ...Array.from({ length: points }, () => up));
  peer.halfClose();
  await peer.closed();
  const emitted = peer.answers.flatMap(({ response }) => (response.kind === 'point' ? [response.point] : []));
  return emitted.at(-1)?.fields;
}

describe('serve --functions-dir', () => {
  test('serves what each file exports, TypeScript and JavaScript, beside the agent’s own', async () => {
    write('_shared.ts', 'export const STEP: number = 10;');
    write(
      'one.ts',
      functionText(
        'one',
        'emit.forward(point, { seen: (group.seen += STEP) });',
        "import { STEP } from './_shared.ts';",
      ),
    );
    write('two.mjs', functionText('two', COUNT).replace(': { seen: number }', ''));
    write('three.js', functionText('three', COUNT).replace(': { seen: number }', ''));
    write('one.test.ts', 'throw new Error("a test is no function")');
    write('types.d.ts', 'nonsense');
    write('notes.txt', 'nonsense');
    await withAgent(async (agent) => {
      expect(await fieldsAfter(agent, 'one', 2)).toMatchObject({ seen: { type: 'float', v: 20 } });
      expect(await fieldsAfter(agent, 'two', 3)).toMatchObject({ seen: { type: 'float', v: 3 } });
      expect(await fieldsAfter(agent, 'three', 1)).toMatchObject({ seen: { type: 'float', v: 1 } });
      const edges = await Peer.reading(agent.socketOf('edgeDetect'));
      edges.send(initRequest('task', [stringOption('field', 'value')]), up);
      await edges.answered('point');
      edges.destroy();
    });
  });

  test('serves the agent’s own alone where the folder is empty', () =>
    withAgent(async (agent) => {
      const peer = await Peer.reading(agent.socketOf('edgeDetect'));
      peer.send({ kind: 'info' });
      await peer.answered('info');
      peer.destroy();
    }));

  test('--watch loads a changed file into a fresh process; a broken one leaves the old one serving', async () => {
    const using = (step: string): string =>
      functionText(
        'own',
        'emit.forward(point, { seen: (group.seen += STEP) });',
        `import { STEP } from './lib/${step}.ts';`,
      );
    mkdirSync(join(functions, 'lib'));
    write('lib/step.ts', 'export const STEP = 1;');
    write('own.ts', using('step'));
    await withAgent(async (agent) => {
      const seen = async () => (await fieldsAfter(agent, 'own', 1))?.seen;
      const renewed = () => agent.logged(({ msg }) => String(msg).startsWith('functions are loaded anew'));
      // It begins behind the last of the lines that a start is waited for.
      if (!agent.lastLines.some((line) => line.includes('watches the folder')))
        await agent.logged(({ msg }) => String(msg).startsWith('watches the folder'));
      const old = await Peer.reading(agent.socketOf('own'));
      old.send(initRequest('own'), up);
      await old.answered('point');

      let done = renewed();
      write('lib/step.ts', 'export const STEP = 100;');
      await done;
      await old.ended();
      old.destroy();
      expect(await seen()).toMatchObject({ v: 100 });

      const refused = agent.logged(({ msg }) => /own\.ts:2: .*functions of before go on/.test(String(msg)));
      write('own.ts', 'export const a = 1;\nexport const b = = 2;');
      await refused;
      expect(await seen()).toMatchObject({ v: 100 });

      const missed = agent.logged(({ msg }) => /@own is not there any more/.test(String(msg)));
      write('own.ts', functionText('another', COUNT));
      await missed;
      expect(await seen()).toMatchObject({ v: 100 });

      done = renewed();
      write('own.ts', functionText('own', COUNT));
      await done;
      expect(await seen()).toMatchObject({ v: 1 });
    }, '--watch');
  });

  test.each<[string, string, string | RegExp]>([
    [
      'an enum',
      'enum Level { low }\nexport const level = Level.low;',
      /own\.ts:1: TypeScript enum is not supported.*as const/,
    ],
    ['a syntax error', 'export const a = 1;\nexport const b = = 2;', 'own.ts:2: '],
    ['an error at the start', '\nthrow new Error("not today");', 'own.ts:2:7: not today'],
    ['an import that is not there', "import './none.ts';", 'none.ts'],
    [
      'nothing to serve',
      'export const a = 1;',
      'own.ts: it exports no function made by defineFunction(); name it _own.ts',
    ],
    [
      'a name that is no identifier',
      functionText('own', '').replace("'own'", "'no-name'"),
      /own\.ts:\d+:\d+: 'no-name' is no name of a function/,
    ],
    [
      'the name of a function of the agent',
      functionText('edgeDetect', ''),
      'own.ts: @edgeDetect is taken by the agent itself',
    ],
    [
      'the name of the status socket',
      functionText('status', ''),
      "own.ts: @status is taken by the agent's status socket",
    ],
    ['the name of another file’s', functionText('other', ''), 'own.ts: @other is taken by other.ts'],
    [
      'an end of the process',
      'process.exit(0);',
      'own.ts: the process ended while it was loaded (exit code 0)',
    ],
  ])('refuses %s by naming the file, and serves nothing', (_, text, message) => {
    write('other.ts', functionText('other', COUNT));
    write('own.ts', text);
    const args = ['serve', '--socket-dir', join(folder, 'sockets'), '--functions-dir', functions];
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' });
    const lines = stderr.trimEnd().split('\n');
    expect(lines.filter((line) => line.startsWith('edge-detect: '))).toEqual([
      typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    ]);
    expect(status).toBe(2);
  });

  test('refuses a folder that is not there', () => {
    const args = ['serve', '--socket-dir', folder, '--functions-dir', join(folder, 'none')];
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' });
    expect(stderr).toContain(`--functions-dir ${join(folder, 'none')}: there is no such folder`);
    expect(status).toBe(2);
  });
});

// Each waits for processes to start twice.
describe('a function that goes wrong', { timeout: 60_000 }, () => {
  /** Does it to one function, while edgeDetect and another function beside it are at work. */
  async function beside(
    atPoint: string,
    look: (agent: AgentProcess, bad: Peer) => Promise<void>,
    ...args: string[]
  ): Promise<void> {
    write('bad.ts', functionText('bad', atPoint));
    write('good.ts', functionText('good', COUNT));
    await withAgent(
      async (agent) => {
        const edges = await Peer.reading(agent.socketOf('edgeDetect'));
        edges.send(initRequest('edges', [stringOption('field', 'value')]), up);
        const bad = await Peer.reading(agent.socketOf('bad'));
        bad.send(initRequest('bad'), up);
        await look(agent, bad);
        // edgeDetect has noticed nothing: the same connection, the same state.
        const [one, two] = [1n, 2n].map((v) => pointRequest({ fields: { value: int(v) } }));
        edges.send(one, two);
        await edges.answered('point', 2);
        edges.destroy();
        expect(await fieldsAfter(agent, 'good', 1)).toMatchObject({ seen: { v: 1 } });
        bad.destroy();
      },
      ...args,
    );
  }

  test('by throwing ends its own connection, with its message and place', () =>
    beside('throw new Error("no " + point.name);', async (agent, bad) => {
      const [{ error }] = await bad.answered('error');
      expect(error).toMatch(/^FUNCTION_FAILED at byte \d+: the function failed: no \S+ \(bad\.ts:10:\d+\)$/);
      await bad.ended();
      expect(agent.isRunning).toBe(true);
    }));

  test('by never coming back is ended by the watchdog, and its process replaced', () =>
    beside(
      'for (;;) group.seen++;',
      async (agent, bad) => {
        await agent.logged(({ msg }) => String(msg).includes('a worker stands still'));
        await Promise.race([bad.ended(), bad.closed()]);
        await agent.logged(({ msg }) => msg === 'worker ready');
      },
      '--watchdog',
      '2s',
    ));

  test('by taking memory without an end is ended, and its process replaced', () =>
    beside(
      'const all: unknown[] = []; setInterval(() => all.push(Buffer.alloc(20_000_000, 1)), 20);',
      async (agent, bad) => {
        await agent.logged(({ msg }) => String(msg).includes('takes more memory than it may'));
        await Promise.race([bad.ended(), bad.closed()]);
        await agent.logged(({ msg }) => msg === 'worker ready');
      },
      '--function-memory',
      '200MB',
    ));

  test('by ending its process loses all connections of that process, which comes back', () =>
    beside('process.exit(3);', async (agent, bad) => {
      await agent.logged(({ msg, code }) => String(msg).startsWith('a worker died') && code === 3);
      await Promise.race([bad.ended(), bad.closed()]);
    }));

  test('behind the agent’s back is told of with its place', () =>
    beside('setTimeout(() => { throw new Error("later"); });', async (agent, bad) => {
      await agent.logged(({ msg }) => /behind the agent's back: later \(bad\.ts:10:\d+\)/.test(String(msg)));
      // Until the primary knows, a connection may still be given to the one that is gone.
      await agent.logged(({ msg }) => String(msg).startsWith('a worker died'));
      await Promise.race([bad.ended(), bad.closed()]);
    }));
});
