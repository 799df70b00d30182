import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent } from '../agent/agent.ts';
import type { UdfFunction } from '../function/contract.ts';
import { Ends } from './ends.ts';
import { OwnKapacitor } from './own-kapacitor.ts';

export interface StageOptions {
  readonly kapacitord: string;
  readonly functions: readonly UdfFunction[];
  /** More of kapacitor.conf. */
  readonly conf: string;
  /** How often states are stored, as Kapacitor writes durations. */
  readonly snapshotInterval?: string;
  readonly onWarning: (text: string) => void;
}

const MAX_FRAME_BYTES = 256 * 1024 * 1024;
const MAX_GROUPS = 1_000_000;
/** States are kept for restarts, and most cases have none. */
const NEVER = '8760h';

/** A Kapacitor with the agent beside it and our ends around it, in a folder that is gone afterwards. */
export class Stage implements AsyncDisposable {
  readonly kapacitor: OwnKapacitor;
  readonly ends: Ends;
  readonly #close: () => Promise<void>;

  private constructor(kapacitor: OwnKapacitor, ends: Ends, close: () => Promise<void>) {
    this.kapacitor = kapacitor;
    this.ends = ends;
    this.#close = close;
  }

  /**
   * @param prepare puts recordings into a folder where Kapacitor finds them when it starts
   * @throws OperationError where Kapacitor cannot be started
   */
  static async open(options: StageOptions, prepare: (replays: string) => Promise<void>): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), `edge-detect-test-${process.pid}-`));
    const remove = (): void => rmSync(folder, { recursive: true, force: true });
    process.once('exit', remove);
    const closers: (() => unknown)[] = [() => process.off('exit', remove), remove];
    const close = async (): Promise<void> => {
      for (const closer of closers.toReversed()) await closer();
    };
    try {
      mkdirSync(join(folder, 'replay'));
      await prepare(join(folder, 'replay'));
      const ends = await Ends.start();
      closers.push(() => ends[Symbol.asyncDispose]());
      const functions = options.functions.map((fn) => ({
        function: fn,
        path: join(folder, `${fn.name}.sock`),
      }));
      const agent = await startAgent({
        functions,
        mode: 0o600,
        groupId: undefined,
        maxFrameBytes: MAX_FRAME_BYTES,
        maxGroups: MAX_GROUPS,
        log: errorsOnly(options.onWarning),
      });
      closers.push(() => agent.stop());
      const kapacitor = await OwnKapacitor.start({
        program: options.kapacitord,
        folder,
        functions: functions.map(({ function: { name }, path }) => ({ name, socket: path })),
        influxDbUrl: ends.url,
        snapshotInterval: options.snapshotInterval ?? NEVER,
        conf: options.conf,
      });
      closers.push(() => kapacitor.stop());
      return new Stage(kapacitor, ends, close);
    } catch (error) {
      await close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

/** A refused option is the case's own result; only what nobody expects is told beside it. */
function errorsOnly(onWarning: (text: string) => void) {
  const error = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    const details = Object.entries(fields)
      .filter(([name]) => !['task', 'node', 'function'].includes(name))
      .map(([name, value]) => `${name}: ${String(value)}`);
    onWarning(details.length === 0 ? message : `${message} (${details.join('; ')})`);
  };
  const log = { debug() {}, info() {}, warn() {}, error };
  return { ...log, child: () => log };
}
