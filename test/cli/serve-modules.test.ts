import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startAgentProcess } from '../support/agent/agent-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HOOK = fileURLToPath(new URL('../support/agent/note-modules.ts', import.meta.url));

test('an agent that waits has loaded what it needs for that, and nothing else', async () => {
  const file = join(temporaryFolder(), 'modules.json');
  const agent = await startAgentProcess({ nodeArgs: ['--import', HOOK], env: { NOTE_MODULES: file } });
  await agent.stop();
  const { packages, parts } = JSON.parse(readFileSync(file, 'utf8'));
  // The command line and the log; protobufjs comes with the first message that needs it.
  expect(packages).toEqual([
    '@pinojs/redact',
    'atomic-sleep',
    'commander',
    'on-exit-leak-free',
    'pino',
    'pino-std-serializers',
    'quick-format-unescaped',
    'safe-stable-stringify',
    'sonic-boom',
    'thread-stream',
  ]);
  // Node's client of WebSockets, which comes with an import of node:http, would be a tenth of the agent.
  expect(parts).not.toContain('NativeModule internal/deps/undici/undici');
  expect(parts).not.toContain('NativeModule https');
});
