import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';
import { messageOf } from '../../../src/errors.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where the broker listens; or why there is none. */
    kafka: { readonly address: string } | { readonly missing: string };
  }
}

const VERSION = '4.1.0';
/** What the broker needs, from Maven Central. */
const POM = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.1</version></dependency>
  </dependencies>
</project>
`;

/**
 * Starts a broker for the tests: of the libraries in the folder that `KAFKA_LIBS` names, or of those that Maven brings.
 * @throws Error if there is none, and `REQUIRE_KAFKA` is 1
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'edge-detect-kafka-'));
  try {
    const libraries = process.env.KAFKA_LIBS ?? librariesByMaven();
    const broker = await startBroker(libraries, folder);
    project.provide('kafka', { address: broker.address });
    return async () => {
      await broker.stop();
      rmSync(folder, { recursive: true });
    };
  } catch (error) {
    const missing = messageOf(error).split('\n')[0] ?? '';
    if (process.env.REQUIRE_KAFKA === '1') throw error;
    console.log(`tests with Kafka are skipped: ${missing}`);
    project.provide('kafka', { missing });
    return async () => {};
  }
}

function librariesByMaven(): string {
  const folder = join(tmpdir(), `edge-detect-kafka-libraries-${VERSION}`);
  const libraries = join(folder, 'libs');
  if (existsSync(join(folder, 'complete'))) return libraries;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'pom.xml'), POM);
  const args = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${libraries}`];
  execFileSync('mvn', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], timeout: 240_000 });
  writeFileSync(join(folder, 'complete'), '');
  return libraries;
}

async function startBroker(
  libraries: string,
  folder: string,
): Promise<{ address: string; stop(): Promise<void> }> {
  const [port, controllerPort] = [await freePort(), await freePort()];
  const file = join(folder, 'server.properties');
  writeFileSync(file, propertiesOf(port, controllerPort, join(folder, 'data')));
  const java = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${libraries}/*`];
  const format = ['kafka.tools.StorageTool', 'format', '-t', 'AAAAAAAAAAAAAAAAAAAAAQ', '-c', file];
  execFileSync('java', [...java, ...format], { stdio: ['ignore', 'ignore', 'pipe'] });
  const child = spawn('java', [...java, 'kafka.Kafka', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`the broker has ended with ${child.exitCode}`);
    await setTimeout(200);
  }
  return {
    address: `127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function propertiesOf(port: number, controllerPort: number, data: string): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=${data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=6000
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
