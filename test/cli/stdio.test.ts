import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readCapture, readExpected } from '../support/protocol/capture.ts';
import { cutFrames, decodeResponse } from '../support/protocol/protocol.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const EXAMPLES = fileURLToPath(new URL('../../examples/functions/', import.meta.url));

function stdio(args: readonly string[], input: Buffer) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'stdio', ...args], { input });
  const { messages, rest } = cutFrames(stdout);
  expect(rest).toHaveLength(0);
  return { status, err: String(stderr), answers: messages.map(decodeResponse) };
}

test('stdio is a function on standard input and output, with the answers that a socket gives', () => {
  const { status, err, answers } = stdio(['edgeDetect'], readCapture('adsl-stream').bytes);
  expect([status, err]).toEqual([0, '']);
  expect(answers.filter(({ kind }) => kind === 'point')).toHaveLength(readExpected('adsl-stream').length);
});

test('stdio serves functions of a folder too', () => {
  const { status, answers } = stdio(['mirror', '--functions-dir', EXAMPLES], readCapture('info-probe').bytes);
  expect(status).toBe(0);
  expect(answers).toMatchObject([{ kind: 'info', wants: 'STREAM', provides: 'STREAM' }]);
});

test('stdio refuses a function that there is not', () => {
  const { status, err } = stdio(['none'], Buffer.alloc(0));
  expect(err).toContain("there is no function 'none'");
  expect(status).toBe(2);
});
