import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent } from '../../agent/agent.ts';
import type { AgentLog } from '../../agent/environment.ts';
import type { UdfFunction } from '../../function/contract.ts';
import type { Io } from '../io.ts';
import { logText } from '../text-log.ts';

/** An agent of this process, for one function, on a socket that goes with it. */
export interface OwnAgent {
  readonly path: string;
  /** From now on warnings are shown: before the task runs, what it is refused for is said by its answer. */
  showWarnings(): void;
  stop(): Promise<void>;
}

const MAX_FRAME_BYTES = 256 * 1024 * 1024;
const MAX_GROUPS = 1_000_000;
/** Starts an agent that writes its warnings to standard error, a line each. */
export async function startOwnAgent(fn: UdfFunction, io: Io): Promise<OwnAgent> {
  const folder = mkdtempSync(join(tmpdir(), `edge-detect-replay-${process.pid}-`));
  const path = join(folder, 'agent.sock');
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  let isShown = false;
  const write = (text: string): void => {
    if (isShown) io.stderr.write(`edge-detect: warning: ${text}\n`);
  };
  try {
    const agent = await startAgent({
      functions: [{ function: fn, path }],
      mode: 0o600,
      groupId: undefined,
      maxFrameBytes: MAX_FRAME_BYTES,
      maxGroups: MAX_GROUPS,
      log: warningLog(write),
    });
    return {
      path,
      showWarnings() {
        isShown = true;
      },
      async stop() {
        await agent.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

function warningLog(write: (text: string) => void): AgentLog {
  const warn = (fields: Readonly<Record<string, unknown>>, message: string): void =>
    write(logText(fields, message));
  const log = { debug() {}, info() {}, warn, error: warn };
  return { ...log, child: () => log };
}
