import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { CapturedIo } from '../support/captured-io.ts';

/** What `feed` says on standard error of the variables that it finds. */
async function saidOf(variables: Readonly<Record<string, string>>, ...argv: string[]): Promise<string[]> {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const io = new CapturedIo('m v=1 1\n');
  await run(argv.length > 0 ? argv : ['feed', '--file', '-'], io);
  return io.err.split('\n').filter((line) => line.includes('variable'));
}

// All commands are loaded where a variable belongs to none of them, which a busy machine takes its time for.
describe('variables that nothing reads', { timeout: 120_000 }, () => {
  beforeEach(() => {
    for (const name of Object.keys(process.env))
      if (name.startsWith('EDGE_DETECT_')) vi.stubEnv(name, undefined);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test.each([
    ['EDGE_DETECT_FEED_MEASURMENT', '; is EDGE_DETECT_FEED_MEASUREMENT meant?'],
    ['EDGE_DETECT_FEED_TAGS', '; is EDGE_DETECT_FEED_TAG meant?'],
    ['EDGE_DETECT_FEED_NOTHING_OF_THE_KIND', ''],
    ['EDGE_DETECT_SOKET_DIR', '; is EDGE_DETECT_SOCKET_DIR meant?'],
    ['EDGE_DETECT_KAPACITOR_TOKENFILE', '; is EDGE_DETECT_KAPACITOR_TOKEN_FILE meant?'],
  ])('are said once: %s', async (name, advice) => {
    expect(await saidOf({ [name]: 'x' })).toEqual([
      `edge-detect: nothing reads the variable ${name}${advice}`,
    ]);
  });

  test.each([
    ['of its own options', 'EDGE_DETECT_FEED_MEASUREMENT', undefined],
    ['of secrets', 'EDGE_DETECT_KAPACITOR_PASSWORD_FILE', undefined],
    ['of another command', 'EDGE_DETECT_MAX_GROUPS', undefined],
    ['that other commands share', 'EDGE_DETECT_REVIVE_TRIES', ['revive']],
    ['that begin with the name of another command, which judges them', 'EDGE_DETECT_REPLAY_FEILD', undefined],
    ['of the secrets of web', 'EDGE_DETECT_WEB_TOKEN_FILE', ['web', 'token', 'list']],
    ['of the compose file', 'EDGE_DETECT_IMAGE', undefined],
    ['of anybody else', 'EDGE_DETECTOR', undefined],
  ])('are not those %s', async (_what, name, argv) => {
    expect(await saidOf({ [name]: '3' }, ...(argv ?? []))).toEqual([]);
  });

  test('are not told by a health check, every half minute', async () => {
    expect(await saidOf({ EDGE_DETECT_X: '1' }, 'probe', '--socket', '/no/such.sock')).toEqual([]);
  });
});
