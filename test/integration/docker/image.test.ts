import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageName, type StartedTestContainer } from 'testcontainers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AgentContainer, discard, RECORDINGS, SOCKET_DIR, Visitor, volumeName } from './container.ts';
import { BASE_IMAGE, buildImage, findEngine, ROOT, removeImage } from './engine.ts';

const IMAGE = 'kapacitor-edge-detect:image-test';
const SSH_IMAGE = 'kapacitor-edge-detect:ssh-test';
// The agent, and the libraries of the commands that come in the same image (the page and its API, feed, kafka).
const MAX_ADDED_BYTES = 40_000_000;
/** The agent's user and group. */
const AGENT_ID = 10_092;
const KAPACITOR_ID = 4711;
const RECORDINGS_HERE = join(ROOT, 'test/fixtures/recordings');
/** A task's conversation: a recorded router through the socket, its edges as line protocol. */
const REPLAY = [
  ...['edge-detect', 'replay', `${RECORDINGS}/adsl-stream.srpl`, '--socket', `${SOCKET_DIR}/edgeDetect.sock`],
  ...['--group-by', 'host', '--field', 'value', '--format', 'lp'],
];
const WAITING = { timeout: 60_000, interval: 250 };
const PROBE = ['edge-detect', 'probe'];
const EDGES = [
  'adsl_connection,host=router1 value="SHOWTIME" 1514979051065000000',
  'adsl_connection,host=router1 value="TRAINING" 1514979141070000000',
  'adsl_connection,host=router1 value="SHOWTIME" 1514979231065000000',
  'adsl_connection,host=router1 value="TRAINING" 1514979681040000000',
  'adsl_connection,host=router1 value="SHOWTIME" 1514980041020000000',
  'adsl_connection,host=router1 value="TRAINING" 1514980221010000000',
];

const engine = await findEngine();

describe.skipIf(engine === undefined)('the image', () => {
  if (engine === undefined) {
    test('needs a Docker engine', () => undefined);
    return;
  }
  const { dockerode } = engine.container;

  /** What a test made, in the order in which it is undone. */
  const undo: (() => Promise<unknown>)[] = [];
  const started: StartedTestContainer[] = [];

  beforeAll(() => buildImage(IMAGE, 'agent'));
  afterAll(() => removeImage(engine, IMAGE));
  afterEach(async () => {
    for (const container of started.splice(0).reverse()) await discard(container);
    for (const step of undo.splice(0).reverse()) await step();
  });

  function newVolume(): string {
    const name = volumeName();
    undo.push(() => dockerode.getVolume(name).remove());
    return name;
  }

  async function startAgent(source: string): Promise<StartedTestContainer> {
    const agent = await new AgentContainer(IMAGE, source).start();
    started.push(agent);
    return agent;
  }

  async function startVisitor(source: string, user: string, group?: string): Promise<StartedTestContainer> {
    const visitor = new Visitor(IMAGE, source, user, RECORDINGS_HERE);
    if (group !== undefined) visitor.withGroup(group);
    const container = await visitor.start();
    started.push(container);
    return container;
  }

  async function stateOf(container: StartedTestContainer) {
    const { State } = await dockerode.getContainer(container.getId()).inspect();
    return State;
  }

  async function healthOf(container: StartedTestContainer): Promise<string | undefined> {
    return (await stateOf(container)).Health?.Status;
  }

  test('adds at most 15 MB, in few layers, to the layers of its base', async () => {
    const image = await engine.image.inspect(ImageName.fromString(IMAGE));
    const base = await engine.image.inspect(ImageName.fromString(BASE_IMAGE));
    expect(image.Size - base.Size).toBeLessThan(MAX_ADDED_BYTES);
    const baseLayers = base.RootFS.Layers ?? [];
    const layers = image.RootFS.Layers ?? [];
    expect(layers.slice(0, baseLayers.length)).toEqual(baseLayers);
    expect(layers.length - baseLayers.length).toBeLessThanOrEqual(5);
  });

  test('holds what production needs, and neither sources, tests nor compilers', async () => {
    const visitor = await startVisitor(newVolume(), `${KAPACITOR_ID}:${KAPACITOR_ID}`);
    const packages = await visitor.exec([
      'sh',
      '-c',
      'cd /opt/edge-detect/node_modules && ls -d [!@.]* @*/*',
    ]);
    const lock: { packages: Record<string, { dev?: boolean; optional?: boolean }> } = JSON.parse(
      readFileSync(join(ROOT, 'package-lock.json'), 'utf8'),
    );
    const there = packages.stdout.trim().split('\n').sort();
    const production = Object.entries(lock.packages)
      .filter(([path, { dev }]) => path.startsWith('node_modules/') && dev !== true)
      // Of add-ons that are built for each platform only this one's are there.
      .filter(
        ([path, { optional }]) => optional !== true || there.includes(path.slice('node_modules/'.length)),
      )
      .map(([path]) => path.slice('node_modules/'.length))
      .filter((name) => !name.includes('/node_modules/'));
    expect(there).toEqual(production.sort());
    const files = await visitor.exec([
      ...['find', '/opt/edge-detect', '-name', '*.ts', '-o', '-name', '*.map', '-o', '-name', '*.test.js'],
    ]);
    expect(files.stdout).toBe('');
  });

  test('runs as a user of its own, without capabilities, on a root that it cannot write to', async () => {
    const agent = await startAgent(newVolume());
    const { stdout: status } = await agent.exec(['cat', '/proc/1/status']);
    expect(status).toMatch(new RegExp(`^Uid:(\\t${AGENT_ID}){4}$`, 'm'));
    expect(status).toMatch(new RegExp(`^Gid:(\\t${AGENT_ID}){4}$`, 'm'));
    expect(status).toMatch(/^CapEff:\t0{16}$/m);
    expect(status).toMatch(/^CapBnd:\t0{16}$/m);
    expect((await agent.exec(['touch', '/tmp/file'])).exitCode).not.toBe(0);
  });

  test('becomes healthy by a check that fails where no agent answers', async () => {
    const agent = await startAgent(newVolume());
    await expect.poll(() => healthOf(agent), WAITING).toBe('healthy');
    const { Config } = await dockerode.getImage(IMAGE).inspect();
    const [kind, ...check] = Config.Healthcheck?.Test ?? [];
    expect(kind).toBe('CMD');
    expect((await agent.exec(check)).exitCode).toBe(0);
    const idle = await startVisitor(newVolume(), `${AGENT_ID}:${AGENT_ID}`);
    expect((await idle.exec(check)).exitCode).toBe(1);
  });

  test('makes of a fresh volume a folder for the agent and its group alone', async () => {
    const agent = await startAgent(newVolume());
    const folder = await agent.exec(['stat', '-c', '%a %u %g', SOCKET_DIR]);
    expect(folder.stdout.trim()).toBe(`2750 ${AGENT_ID} ${AGENT_ID}`);
    const socket = await agent.exec(['stat', '-c', '%F %a %u %g', `${SOCKET_DIR}/edgeDetect.sock`]);
    expect(socket.stdout.trim()).toBe(`socket 660 ${AGENT_ID} ${AGENT_ID}`);
  });

  test('talks with a container of another user that is in the group', async () => {
    const volume = newVolume();
    await startAgent(volume);
    const kapacitor = await startVisitor(volume, `${KAPACITOR_ID}:${KAPACITOR_ID}`, String(AGENT_ID));
    const { stdout, exitCode } = await kapacitor.exec(REPLAY);
    expect(stdout.trim().split('\n')).toEqual(EDGES);
    expect(exitCode).toBe(0);
  });

  test('refuses a user who is not in the group', async () => {
    const volume = newVolume();
    await startAgent(volume);
    const stranger = await startVisitor(volume, `${KAPACITOR_ID}:${KAPACITOR_ID}`);
    const { output, exitCode } = await stranger.exec(PROBE);
    expect(output).toContain('not allowed');
    expect(exitCode).toBe(1);
  });

  test('gives its sockets the group of a mounted folder, and so lets in a Kapacitor that knows nothing of it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'edge-'));
    // Only root may give a folder away, in a container if not here.
    const owner = await startVisitor(folder, '0:0');
    const prepare = `chown ${AGENT_ID}:${KAPACITOR_ID} ${SOCKET_DIR} && chmod 2750 ${SOCKET_DIR}`;
    expect((await owner.exec(['sh', '-c', prepare])).exitCode).toBe(0);
    try {
      const agent = await startAgent(folder);
      const kapacitor = await startVisitor(folder, `${KAPACITOR_ID}:${KAPACITOR_ID}`);
      const { stdout } = await kapacitor.exec(REPLAY);
      expect(stdout.trim().split('\n')).toEqual(EDGES);
      const stranger = await startVisitor(folder, '4712:4712');
      expect((await stranger.exec(PROBE)).exitCode).toBe(1);
      await agent.stop();
    } finally {
      const { uid, gid } = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
      await owner.exec(['sh', '-c', `rm -f ${SOCKET_DIR}/*; chown ${uid}:${gid} ${SOCKET_DIR}`]);
      chmodSync(folder, 0o700);
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('stops within two seconds with exit 0 while a task talks to it', async () => {
    const volume = newVolume();
    const agent = await startAgent(volume);
    const kapacitor = await startVisitor(volume, `${KAPACITOR_ID}:${AGENT_ID}`);
    // Standard input that does not end keeps the conversation open.
    const replay = REPLAY.join(' ').replace(`${RECORDINGS}/adsl-stream.srpl`, '-');
    const talking = kapacitor.exec([
      'sh',
      '-c',
      `(echo '${EDGES[0]}'; sleep infinity) | ${replay} >/tmp/edges`,
    ]);
    await expect
      .poll(async () => (await kapacitor.exec(['cat', '/tmp/edges'])).stdout.trim(), WAITING)
      .toBe(EDGES[0]);
    // The engine kills after these two seconds, and a killed process has another exit code.
    await dockerode.getContainer(agent.getId()).stop({ t: 2 });
    expect((await stateOf(agent)).ExitCode).toBe(0);
    await discard(kapacitor);
    await talking.catch(() => undefined);
  });

  test('starts over the sockets that a killed agent left behind', async () => {
    const volume = newVolume();
    const agent = await startAgent(volume);
    const container = dockerode.getContainer(agent.getId());
    await container.kill();
    await container.wait();
    const kapacitor = await startVisitor(volume, `${KAPACITOR_ID}:${AGENT_ID}`);
    const left = await kapacitor.exec(['ls', SOCKET_DIR]);
    // Beside the journal of the tasks that it had.
    const sockets = left.stdout.split('\n').filter((name) => name.endsWith('.sock'));
    expect(sockets).toEqual(['edgeDetect.sock', 'edgeDetectBatch.sock', 'status.sock']);
    expect((await kapacitor.exec(PROBE)).exitCode).toBe(1);
    await container.start();
    await expect.poll(() => healthOf(agent), WAITING).toBe('healthy');
    expect((await kapacitor.exec(REPLAY)).stdout.trim().split('\n')).toEqual(EDGES);
  });

  test('has an ssh client in the target ssh, for the same user', async ({ skip }) => {
    const volume = newVolume();
    const base = await startVisitor(volume, '0:0');
    const packages = await base.exec(['apt-get', 'update', '--error-on=any']);
    skip(packages.exitCode !== 0, "Debian's packages cannot be had");
    await buildImage(SSH_IMAGE, 'ssh');
    undo.push(() => removeImage(engine, SSH_IMAGE));
    const container = await new AgentContainer(SSH_IMAGE, volume).start();
    started.push(container);
    expect((await container.exec(['ssh', '-V'])).exitCode).toBe(0);
    expect((await container.exec(['id', '-u'])).stdout.trim()).toBe(String(AGENT_ID));
  });
});
