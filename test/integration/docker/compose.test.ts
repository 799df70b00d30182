import { randomUUID } from 'node:crypto';
import { DockerComposeEnvironment, type StartedDockerComposeEnvironment } from 'testcontainers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMPOSE_FILE, call, findCompose } from './compose.ts';
import { BASE_IMAGE, buildImage, findEngine, hasImage, ROOT, removeImage } from './engine.ts';

const IMAGE = 'kapacitor-edge-detect:compose-test';
const CHECK_IMAGE = 'kapacitor-edge-detect-check:compose-test';
/** Those that are started here; telegraf and chronograf add nothing to what is tested. */
const FROM_REGISTRY = {
  influxdb: process.env.INFLUXDB_IMAGE ?? 'influxdb:1.8',
  kapacitor: process.env.KAPACITOR_IMAGE ?? 'kapacitor:1.8',
};
const WAITING = { timeout: 60_000, interval: 500 };
/** The states, and how many milliseconds after the first one they began: the demo brings them up to now. */
const EDGES = [
  ['SHOWTIME', 0],
  ['TRAINING', 90_005],
  ['SHOWTIME', 180_000],
  ['TRAINING', 629_975],
  ['SHOWTIME', 989_955],
  ['TRAINING', 1_169_945],
];

const engine = await findEngine();
const compose = engine === undefined ? undefined : await findCompose();
const missing: string[] = [];
if (engine !== undefined) {
  for (const [service, image] of Object.entries(FROM_REGISTRY)) {
    if (await hasImage(engine, image)) continue;
    missing.push(service);
    console.log(`docker-compose.yml is tested without ${service}: the image ${image} cannot be had`);
  }
}

describe.skipIf(compose === undefined)('docker-compose.yml', () => {
  if (engine === undefined || compose === undefined) {
    test('needs a Docker engine and compose', () => undefined);
    return;
  }
  const { dockerode } = engine.container;
  const project = `edge-detect-test-${randomUUID()}`;
  const environment = {
    COMPOSE_PROJECT_NAME: project,
    BASE_IMAGE,
    EDGE_DETECT_IMAGE: IMAGE,
    // Whatever is free.
    INFLUXDB_PORT: '0',
    INFLUXDB_UDP_PORT: '0',
    KAPACITOR_PORT: '0',
    WEB_PORT: '0',
  };

  test('has a poller that belongs to it, where .env says so', async () => {
    const services = await call(compose, ['config', '--services'], {
      ...environment,
      COMPOSE_PROFILES: 'poll',
    });
    expect(services).toContain('poller');
    const polled = {
      ...environment,
      POLL_COMMAND: "ssh r 'show x'",
      POLL_PASSWORD: 'p',
      COMPOSE_PROFILES: 'poll',
    };
    const config = await call(compose, ['config'], polled);
    expect(config).toContain("ssh r 'show x'");
    expect(config).toMatch(/SSHPASS: p\b/);
  });

  test('is valid, with the demo and without', async () => {
    await call(compose, ['config', '--quiet'], environment);
    const services = await call(compose, ['--profile', 'demo', 'config', '--services'], environment);
    // Older ones list every service, whatever its profile.
    const named = services.trim().split('\n');
    const others = new Set(['check', 'poller']);
    expect(named.filter((service) => !others.has(service)).sort()).toEqual([
      'chronograf',
      'demo',
      'edge-detect',
      'influxdb',
      'kapacitor',
      'telegraf',
      'web',
    ]);
  });

  test('shares the folder that UDF_SOCKET_DIR names, for both sides of the sockets', async () => {
    const config = await call(compose, ['config'], { ...environment, UDF_SOCKET_DIR: '/srv/udf' });
    // The agent, Kapacitor, and the page, which asks the agent.
    expect(config.match(/\/srv\/udf\b/g)).toHaveLength(3);
    expect(config).not.toContain('udf-sockets:/');
  });

  test.skipIf(missing.includes('kapacitor'))(
    'says before Kapacitor starts what it would not take',
    async () => {
      await buildImage(CHECK_IMAGE, 'check');
      const checked = { ...environment, EDGE_DETECT_CHECK_IMAGE: CHECK_IMAGE };
      const check = (...args: string[]) =>
        call(compose, ['--profile', 'check', 'run', '--rm', ...args], checked);
      try {
        expect(await check('check')).toContain('Kapacitor takes all');
        await expect(check('check', 'check', '/tickscripts/tests')).rejects.toMatchObject({ code: 2 });
      } finally {
        await call(compose, ['--profile', 'check', 'down', '--timeout', '5'], checked);
        await removeImage(engine, CHECK_IMAGE);
      }
    },
  );

  describe.skipIf(missing.length > 0)('started', () => {
    let stack: StartedDockerComposeEnvironment;

    beforeAll(async () => {
      await buildImage(IMAGE, 'agent');
      await up();
    });
    afterAll(async () => {
      await call(compose, ['--profile', 'demo', 'down', '--volumes', '--timeout', '5'], environment);
      await removeImage(engine, IMAGE);
    });

    async function up(): Promise<void> {
      stack = await new DockerComposeEnvironment(ROOT, COMPOSE_FILE)
        .withProjectName(project)
        .withEnvironment(environment)
        .withClientOptions(compose?.isStandalone ? { executable: { standalone: true } } : {})
        .up([...Object.keys(FROM_REGISTRY), 'edge-detect']);
    }

    async function containerOf(service: string) {
      const labels = [`com.docker.compose.project=${project}`, `com.docker.compose.service=${service}`];
      const [found] = await dockerode.listContainers({ all: true, filters: { label: labels } });
      if (found === undefined) throw new Error(`compose has made no container for ${service}`);
      return { container: dockerode.getContainer(found.Id), ports: found.Ports };
    }

    async function urlOf(service: string, privatePort: number): Promise<string> {
      const { ports } = await containerOf(service);
      const port = ports.find((each) => each.PrivatePort === privatePort)?.PublicPort;
      return `http://127.0.0.1:${port}`;
    }

    /** Feeds the recorded router as the profile does. */
    async function feed(): Promise<void> {
      await call(compose ?? { isStandalone: false }, ['--profile', 'demo', 'up', '-d', 'demo'], environment);
      const { container } = await containerOf('demo');
      expect(await container.wait()).toMatchObject({ StatusCode: 0 });
    }

    async function edges(): Promise<unknown[]> {
      const query = new URLSearchParams({ db: 'telegraf', q: 'SELECT value FROM adsl_edges' });
      const answer = await fetch(`${await urlOf('influxdb', 8086)}/query?${query}&epoch=ms`);
      const { results }: { results: { series?: { values: [number, string][] }[] }[] } = JSON.parse(
        await answer.text(),
      );
      const values = results[0]?.series?.[0]?.values ?? [];
      const [firstMs = 0] = values[0] ?? [];
      return values.map(([timeMs, value]) => [value, timeMs - firstMs]);
    }

    test('makes the databases telegraf and metrics', async () => {
      const answer = await fetch(`${await urlOf('influxdb', 8086)}/query?q=SHOW+DATABASES`);
      const text = await answer.text();
      expect(text).toContain('["telegraf"]');
      expect(text).toContain('["metrics"]');
    });

    test("brings the demo's six edges into adsl_edges", async () => {
      await feed();
      await expect.poll(edges, WAITING).toEqual(EDGES);
      const query = new URLSearchParams({
        db: 'telegraf',
        q: 'SELECT count(value) FROM adsl_edges WHERE time > now() - 1h AND time < now()',
      });
      const answer = await fetch(`${await urlOf('influxdb', 8086)}/query?${query}`);
      expect(await answer.text()).toContain(',6]');
    });

    test('lets Kapacitor in as a user that is not root', async () => {
      const kapacitor = await containerOf('kapacitor');
      const user = await engine.container.exec(kapacitor.container, ['cat', '/proc/1/status']);
      expect(user.stdout).not.toMatch(/^Uid:.*\t0\b/m);
      expect(user.stdout).toMatch(/^CapEff:\t0{16}$/m);
    });

    test('brings the agent back when it ends', async () => {
      const { container } = await containerOf('edge-detect');
      const { State: before } = await container.inspect();
      await engine.container.exec(container, ['sh', '-c', 'kill -TERM 1']);
      await expect
        .poll(async () => {
          const { State } = await container.inspect();
          return State.StartedAt !== before.StartedAt && State.Health?.Status;
        }, WAITING)
        .toBe('healthy');
    });

    test('keeps what InfluxDB and Kapacitor have over a `down`', async () => {
      await stack.down({ removeVolumes: false, timeout: 10_000 });
      await up();
      expect(await edges()).toEqual(EDGES);
      const tasks = await (await fetch(`${await urlOf('kapacitor', 9092)}/kapacitor/v1/tasks`)).text();
      expect(JSON.parse(tasks)).toMatchObject({
        tasks: expect.arrayContaining([expect.objectContaining({ id: 'adsl_edges', executing: true })]),
      });
    });
  });
});
