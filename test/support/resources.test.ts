import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expectNothingLeft, resources } from './resources.ts';

const FEW_TURNS = 5;

test('a timer that is left is found and named by its place', async () => {
  const before = resources();
  const timer = setTimeout(() => undefined, 60_000);
  await expect(expectNothingLeft(before, 'it', FEW_TURNS)).rejects.toThrow(
    /^it leaves behind: a timer set at .*resources\.test\.ts/,
  );
  clearTimeout(timer);
  await expectNothingLeft(before, 'it', FEW_TURNS);
});

test('a socket that is left is found, at either end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-'));
  const path = join(folder, 'a.sock');
  const server = createServer();
  const before = resources();
  server.listen(path);
  await once(server, 'listening');
  await expect(expectNothingLeft(before, 'it', FEW_TURNS)).rejects.toThrow(/^it leaves behind: 1 × /);
  const socket = connect(path);
  const [accepted] = await once(server, 'connection');
  server.close();
  await expect(expectNothingLeft(before, 'it', FEW_TURNS)).rejects.toThrow(/^it leaves behind: 2 × /);
  socket.destroy();
  accepted.destroy();
  await expectNothingLeft(before, 'it');
  rmSync(folder, { recursive: true });
});

test('a process that is left is found', async () => {
  const before = resources();
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  await expect(expectNothingLeft(before, 'it', FEW_TURNS)).rejects.toThrow('1 × ProcessWrap');
  child.kill();
  await once(child, 'close');
  await expectNothingLeft(before, 'it');
});
