import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Admin, Consumer, Producer } from '@platformatic/kafka';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { expectedOf, GROUP_TAG, readLine, type SentLine, sentLines } from '../../support/lines/lines.ts';
import type { Option } from '../../support/protocol/protocol.ts';

const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));
const kafka = inject('kafka');
const address = 'address' in kafka ? kafka.address : '';
const title = 'missing' in kafka ? `a broker (skipped: ${kafka.missing})` : 'a broker';
/** Before this is called done, a hundred. */
const KILLS = Number(process.env.EDGE_DETECT_KILLS ?? 5);
const PARTITIONS = 6;
const S = 1_000_000_000n;

const members: ChildProcess[] = [];
afterEach(() => {
  for (const member of members.splice(0)) member.kill('SIGKILL');
});

interface Member {
  readonly child: ChildProcess;
  /** What it logged. */
  readonly log: Record<string, unknown>[];
}

function startMember(topic: string, ...args: string[]): Member {
  const flags = [
    '--brokers',
    address,
    '--topic',
    topic,
    '--output',
    `${topic}-edges`,
    '--group',
    `${topic}-group`,
  ];
  const node = ['--group-by', GROUP_TAG, '--field', 'v', '--save-every', '500ms', '--session-timeout', '6s'];
  const child = spawn(process.execPath, [MAIN, 'kafka', ...flags, ...node, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  members.push(child);
  const log: Record<string, unknown>[] = [];
  if (child.stderr !== null)
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line.startsWith('{') ? JSON.parse(line) : { msg: line });
    });
  return { child, log };
}

async function stopMember({ child }: Member): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

/** Points of groups that are spread over partitions, each with its state as a string. */
function makeLines(count: number, groups: number, startNs: bigint): SentLine[] {
  return sentLines(
    Array.from({ length: count }, (_, index) => ({
      group: `h${index % groups}`,
      time: startNs + BigInt(index) * S,
      tags: {},
      fields: { v: { type: 'string' as const, v: `s${Math.floor(index / (groups * (1 + (index % 3))))}` } },
    })),
  );
}

function partitionOf({ point }: SentLine): number {
  return Number(/\d+$/.exec(point.group)?.[0]) % PARTITIONS;
}

async function createTopic(topic: string): Promise<void> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [address] });
  await admin.createTopics({ topics: [topic], partitions: PARTITIONS, replicas: 1 });
  await admin.close();
}

async function produce(topic: string, lines: readonly SentLine[], keyed = true): Promise<void> {
  const producer = new Producer({ clientId: 'test', bootstrapBrokers: [address] });
  await producer.send({
    messages: lines.map((line) => ({
      topic,
      partition: partitionOf(line),
      ...(keyed ? { key: Buffer.from(line.point.group) } : {}),
      value: Buffer.from(`${line.text}\n`),
    })),
  });
  await producer.close();
}

/** Reads the lines of a topic until there are as many different ones as expected, or nothing more comes. */
async function readLines(topic: string, count: number): Promise<Set<string>> {
  const consumer = new Consumer({
    clientId: 'test',
    groupId: `${topic}-reader-${Math.random()}`,
    bootstrapBrokers: [address],
  });
  consumer.on('error', () => {});
  const lines = new Set<string>();
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
  let quiet = 0;
  stream.on('data', ({ value }) => {
    quiet = 0;
    for (const line of String(value).split('\n')) if (line !== '') lines.add(line);
  });
  while (quiet++ < (lines.size < count ? 60 : 4)) await setTimeout(500);
  await consumer.close(true);
  return lines;
}

function expectedLines(lines: readonly SentLine[], options: readonly Option[]): unknown[] {
  const all = Array.from({ length: PARTITIONS }, (_, partition) =>
    expectedOf(
      lines.filter((line) => partitionOf(line) === partition),
      options,
    ),
  ).flat();
  return all.map(shown).sort();
}

function shown(line: unknown): string {
  return JSON.stringify(line, (_, value: unknown) => (typeof value === 'bigint' ? `${value}i` : value));
}

const OPTIONS: readonly Option[] = [
  { name: 'field', values: [{ type: 'string', v: 'v' }] },
  { name: 'confirm', values: [{ type: 'int', v: 2n }] },
  {
    name: 'limit',
    values: [
      { type: 'int', v: 3n },
      { type: 'duration', v: 600n * S },
    ],
  },
  { name: 'previousAs', values: [{ type: 'string', v: 'was' }] },
];
const WRITTEN = "confirm(2).limit(3, 10m).previousAs('was')";

describe.skipIf('missing' in kafka)(title, () => {
  test(
    'members that are killed, stopped and started lose no edge, and tell none that is wrong',
    async () => {
      const topic = `kills-${Date.now()}`;
      await createTopic(topic);
      await createTopic(`${topic}-edges`);
      const rounds = KILLS + 2;
      const lines = makeLines(rounds * 1500, 30, 1_700_000_000n * S);
      const group = Array.from({ length: 3 }, () => startMember(topic, '--option', WRITTEN));
      for (let round = 0; round < rounds; round++) {
        await produce(topic, lines.slice(round * 1500, (round + 1) * 1500));
        await setTimeout(200 + ((round * 733) % 2500));
        const victim = group[round % group.length];
        if (victim === undefined || round >= KILLS) continue;
        if (round === 1) {
          // It wakes up when others have had its partitions for long.
          victim.child.kill('SIGSTOP');
          void setTimeout(12_000).then(() => victim.child.kill('SIGCONT'));
        } else {
          victim.child.kill('SIGKILL');
          group[round % group.length] = startMember(topic, '--option', WRITTEN);
        }
      }
      const expected = expectedLines(lines, OPTIONS);
      const read = await readLines(`${topic}-edges`, expected.length);
      expect([...read].map((line) => shown(readLine(line))).sort()).toEqual(expected);
      await Promise.all(group.map(stopMember));
    },
    120_000 + 20_000 * KILLS,
  );

  test('a member that comes later goes on from the state of the one before', async () => {
    const topic = `later-${Date.now()}`;
    await createTopic(topic);
    await createTopic(`${topic}-edges`);
    const lines = makeLines(600, 12, 1_700_000_000n * S);
    const first = startMember(topic, '--option', WRITTEN);
    await produce(topic, lines.slice(0, 300));
    const before = expectedLines(lines.slice(0, 300), OPTIONS);
    await readLines(`${topic}-edges`, before.length);
    await stopMember(first);
    await produce(topic, lines.slice(300));
    const second = startMember(topic, '--option', WRITTEN);
    const expected = expectedLines(lines, OPTIONS);
    const read = await readLines(`${topic}-edges`, expected.length);
    expect([...read].map((line) => shown(readLine(line))).sort()).toEqual(expected);
    expect(
      second.log.filter(({ msg }) => msg === 'a partition was taken up').some(({ offset }) => offset !== 0),
    ).toBe(true);
    await stopMember(second);
  });

  test('messages without a key are warned of once, and what is no line goes to its own topic', async () => {
    const topic = `keys-${Date.now()}`;
    for (const each of [topic, `${topic}-edges`, `${topic}-dead`]) await createTopic(each);
    const member = startMember(topic, '--dead-letter', `${topic}-dead`);
    const lines = makeLines(60, 6, 1_700_000_000n * S);
    await produce(topic, lines, false);
    const broken = lines.slice(0, 1).map((line) => ({ ...line, text: 'no line protocol' }));
    await produce(topic, broken, false);
    expect([...(await readLines(`${topic}-edges`, 1))].length).toBeGreaterThan(0);
    expect([...(await readLines(`${topic}-dead`, 1))]).toEqual(['no line protocol']);
    const warnings = member.log.filter(({ msg }) => String(msg).includes('routing_tag'));
    expect(warnings).toHaveLength(1);
    await stopMember(member);
  });
});
