import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GenericContainer, getContainerRuntimeClient, ImageName, Wait } from 'testcontainers';
import { answering, Daemon, freePort } from '../daemon.ts';

/** An InfluxDB to test with: how it is started here, or that it can't be. */
export interface InfluxCandidate {
  readonly how: 'program' | 'container' | 'missing';
  /** The program's path or the image's name. */
  readonly what: string;
  readonly major: 1 | 2;
}

/** Where a server runs. */
export interface InfluxHost {
  readonly url: string;
  stop(): Promise<void>;
  restart(): Promise<void>;
  /** Ends it for good, its data with it. */
  remove(): Promise<void>;
}

const PULL_MS = 120_000;

/** The `influxd` that `INFLUXD` (or another variable) names or that is on the PATH; else a text that says why there is none. */
export function findProgram(variable: 'INFLUXD' | 'INFLUXD2' = 'INFLUXD'): InfluxCandidate | string {
  const named = process.env[variable];
  if (named === undefined && variable === 'INFLUXD2') return 'INFLUXD2 names no program';
  const program = named ?? 'influxd';
  try {
    const version = execFileSync(program, ['version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { how: 'program', what: program, major: / v?1\./.test(version) ? 1 : 2 };
  } catch {
    return named === undefined ? 'no influxd is on the PATH' : `${variable}=${program} does not run`;
  }
}

/** An image that a Docker engine has or can get; else a text that says why there is none. */
export async function findImage(image: string): Promise<InfluxCandidate | string> {
  // Its helper container would have to be pulled as well; what is started here is removed here.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  try {
    const runtime = await getContainerRuntimeClient();
    const name = ImageName.fromString(image);
    if (!(await runtime.image.exists(name))) await inTime(runtime.image.pull(name));
    return { how: 'container', what: image, major: /:2/.test(image) ? 2 : 1 };
  } catch (error) {
    const isAbsent = error instanceof Error && /container runtime/.test(error.message);
    return isAbsent ? 'no Docker engine answers' : `the image ${image} can't be had`;
  }
}

export async function startHost(candidate: InfluxCandidate): Promise<InfluxHost> {
  switch (candidate.how) {
    case 'program':
      return startProgram(candidate);
    case 'container':
      return startContainer(candidate);
    case 'missing':
      throw new Error(`${candidate.what} can't be had`);
  }
}

async function startProgram({ major, what }: InfluxCandidate): Promise<InfluxHost> {
  const folder = mkdtempSync(join(tmpdir(), 'influxdb-'));
  const [port, rpcPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const env =
    major === 1
      ? {
          // Not the configuration of the machine's own InfluxDB.
          INFLUXDB_CONFIG_PATH: '/dev/null',
          INFLUXDB_BIND_ADDRESS: `127.0.0.1:${rpcPort}`,
          INFLUXDB_DATA_DIR: join(folder, 'data'),
          INFLUXDB_DATA_WAL_DIR: join(folder, 'wal'),
          INFLUXDB_HTTP_AUTH_ENABLED: 'true',
          INFLUXDB_HTTP_BIND_ADDRESS: `127.0.0.1:${port}`,
          INFLUXDB_HTTP_LOG_ENABLED: 'false',
          INFLUXDB_META_DIR: join(folder, 'meta'),
          INFLUXDB_MONITOR_STORE_ENABLED: 'false',
          INFLUXDB_REPORTING_DISABLED: 'true',
        }
      : {
          INFLUXD_BOLT_PATH: join(folder, 'influxd.bolt'),
          INFLUXD_ENGINE_PATH: join(folder, 'engine'),
          INFLUXD_HTTP_BIND_ADDRESS: `127.0.0.1:${port}`,
          INFLUXD_REPORTING_DISABLED: 'true',
          INFLUXD_SQLITE_PATH: join(folder, 'influxd.sqlite'),
        };
  const daemon = new Daemon({ program: what, args: [], env, readyUrl: `${url}/ping` });
  await daemon.start();
  return {
    url,
    stop: () => daemon.stop(),
    restart: () => daemon.start(),
    async remove() {
      await daemon.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

async function startContainer({ what }: InfluxCandidate): Promise<InfluxHost> {
  // A port of our own choice: one chosen by Docker would be another after each start.
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const container = await new GenericContainer(what)
    .withEnvironment({
      INFLUXDB_HTTP_AUTH_ENABLED: 'true',
      INFLUXDB_MONITOR_STORE_ENABLED: 'false',
      INFLUXDB_REPORTING_DISABLED: 'true',
      INFLUXD_REPORTING_DISABLED: 'true',
    })
    .withExposedPorts({ container: 8086, host: port })
    .withWaitStrategy(Wait.forHttp('/ping', 8086).forStatusCode(204))
    .start();
  const runtime = await getContainerRuntimeClient();
  const handle = runtime.container.getById(container.getId());
  return {
    url,
    stop: () => runtime.container.stop(handle, { timeout: 15 }),
    async restart() {
      await runtime.container.start(handle);
      await answering(`${url}/ping`, () => {});
    },
    async remove() {
      await container.stop({ removeVolumes: true });
    },
  };
}

async function inTime(pulling: Promise<unknown>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('pulling takes too long')), PULL_MS);
  try {
    await Promise.race([pulling, promise]);
  } finally {
    clearTimeout(timer);
  }
}
