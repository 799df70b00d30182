import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, startAgent } from '../agent/agent.ts';
import { OperationError } from '../errors.ts';
import type { UdfFunction } from '../function/contract.ts';
import { Ends } from './ends.ts';
import type { Kapacitord } from './kapacitord.ts';
import { OwnKapacitor } from './own-kapacitor.ts';
import { SnapshotWatch } from './snapshot-watch.ts';

export interface StageOptions extends Kapacitord {
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
  readonly ends: Ends;
  readonly snapshots = new SnapshotWatch();
  readonly #options: StageOptions;
  readonly #folder: string;
  readonly #remove = (): void => rmSync(this.#folder, { recursive: true, force: true });
  #agent: Agent | undefined;
  #kapacitor: OwnKapacitor | undefined;

  private constructor(options: StageOptions, folder: string, ends: Ends) {
    this.#options = options;
    this.#folder = folder;
    this.ends = ends;
    process.once('exit', this.#remove);
  }

  /**
   * @param prepare puts recordings into a folder where Kapacitor finds them when it starts
   * @throws OperationError where Kapacitor cannot be started
   */
  static async open(options: StageOptions, prepare: (replays: string) => Promise<void>): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), `edge-detect-test-${process.pid}-`));
    const stage = new Stage(options, folder, await Ends.start());
    try {
      mkdirSync(join(folder, 'replay'));
      await prepare(join(folder, 'replay'));
      stage.#agent = await stage.#startAgent();
      stage.#kapacitor = await stage.#startKapacitor();
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  get kapacitor(): OwnKapacitor {
    if (this.#kapacitor === undefined) throw new OperationError('Kapacitor does not run');
    return this.#kapacitor;
  }

  /** Whether a script calls one of the functions that are served here. */
  hasFunctionsIn(script: string): boolean {
    return this.#options.functions.some(({ name }) => script.includes(`@${name}(`));
  }

  /** Stops it and starts it again with what it had. */
  async restartKapacitor(): Promise<void> {
    await this.kapacitor.stop();
    this.#kapacitor = await this.#startKapacitor();
  }

  /** Ends the agent as a kill does, and starts another. */
  async restartAgent(): Promise<void> {
    this.#agent?.abort();
    this.#agent = await this.#startAgent();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kapacitor?.stop();
    await this.#agent?.stop();
    await this.ends[Symbol.asyncDispose]();
    this.#remove();
    process.off('exit', this.#remove);
  }

  #socketOf(name: string): string {
    return join(this.#folder, `${name}.sock`);
  }

  async #startAgent(): Promise<Agent> {
    return await startAgent({
      functions: this.#options.functions.map((fn) => ({
        function: this.snapshots.watched(fn),
        path: this.#socketOf(fn.name),
      })),
      mode: 0o600,
      groupId: undefined,
      maxFrameBytes: MAX_FRAME_BYTES,
      maxGroups: MAX_GROUPS,
      log: errorsOnly(this.#options.onWarning),
    });
  }

  async #startKapacitor(): Promise<OwnKapacitor> {
    const { conf, functions, image, kapacitord, snapshotInterval } = this.#options;
    return await OwnKapacitor.start({
      kapacitord,
      ...(image === undefined ? {} : { image }),
      folder: this.#folder,
      functions: functions.map(({ name }) => ({ name, socket: this.#socketOf(name) })),
      influxDbUrl: this.ends.url,
      snapshotInterval: snapshotInterval ?? NEVER,
      conf,
    });
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
