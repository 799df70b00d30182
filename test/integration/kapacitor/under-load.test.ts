import { expect, test } from 'vitest';
import { type Kapacitor, KapacitorError, until } from '../../support/kapacitor/kapacitor.ts';
import { edgeScript, stateLine } from './points.ts';
import { describeWithKapacitor, type Stack, startStack } from './stack.ts';

const LINES_PER_WRITE = 500;

/**
 * Kapacitor's own race: a node that ends while a point it has sent on waits in front of the next node closes what the
 * point waits for, and kapacitord falls (`send on closed channel`). Any node that ends under load can meet it, with any
 * agent. The fall is its own if this is what it says; the test then goes on with it started again.
 */
const OWN_FALL = /send on closed channel|close of closed channel/;

describeWithKapacitor('a Kapacitor under load', () => {
  test('disables, redefines and deletes tasks without hanging or leaking a connection', async () => {
    const { agent, kapacitor, script } = await startLoadable();
    const before = agent.descriptors();
    for (let round = 0; round < 5; round++) {
      const load = startLoad(kapacitor);
      await survives(kapacitor, async () => {
        for (const id of ['one', 'two']) await kapacitor.define(id, script);
        await until(
          'points arrive',
          async () => ((await kapacitor.task('one')).nodes.edgeDetect2?.collected ?? 0) > 1000 || undefined,
        );
        await kapacitor.redefine('one', `${script}    |log()\n`);
        await kapacitor.reenable('one');
        await kapacitor.disable('one');
        await kapacitor.remove('one');
        // Also one that is enabled: as it fails, so to say, in stopping, Kapacitor reports that.
        await kapacitor.remove('two').catch(nodeAborted);
      });
      await load.stop();
      for (const id of await kapacitor.taskIds()) await kapacitor.remove(id).catch(nodeAborted);
      await until('every connection is closed', () => agent.descriptors() === before || undefined);
    }
    expect(agent.isRunning).toBe(true);
  });

  test('ends at SIGTERM, and the agent goes on', async () => {
    const { agent, kapacitor, script } = await startLoadable();
    const before = agent.descriptors();
    await kapacitor.define('one', script);
    const load = startLoad(kapacitor);
    await until(
      'points arrive',
      async () => ((await kapacitor.task('one')).nodes.edgeDetect2?.collected ?? 0) > 1000 || undefined,
    );
    const code = await kapacitor.stop();
    await load.stop();
    if (!OWN_FALL.test(kapacitor.log)) expect(code).toBe(0);
    await until('every connection is closed', () => agent.descriptors() === before || undefined);
    await kapacitor.up();
    expect((await kapacitor.task('one')).executing).toBe(true);
  });
});

async function startLoadable(): Promise<Stack & { readonly script: string }> {
  const stack = await startStack();
  // Nobody is to wait for an HTTP request for each edge.
  const script = edgeScript(stack.collector.url).replace(/ {4}\|httpPost.*\n/, '');
  return { ...stack, script };
}

/** Writes as fast as Kapacitor takes it, every second point an edge. */
function startLoad(kapacitor: Kapacitor): { stop(): Promise<void> } {
  let isStopping = false;
  const writing = (async () => {
    for (let second = 0; !isStopping; second += LINES_PER_WRITE) {
      const lines = Array.from({ length: LINES_PER_WRITE }, (_, at) =>
        stateLine(second + at, at % 4 < 2 ? 'UP' : 'DOWN', `router${at % 7}`),
      );
      // It may just be down.
      await kapacitor.feed(lines).catch(() => undefined);
    }
  })();
  return {
    stop() {
      isStopping = true;
      return writing;
    },
  };
}

async function survives(kapacitor: Kapacitor, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!OWN_FALL.test(kapacitor.log)) throw error;
    await kapacitor.stop();
    await kapacitor.up();
  }
}

function nodeAborted(error: unknown): void {
  if (!(error instanceof KapacitorError) || !error.message.includes('node aborted')) throw error;
}
