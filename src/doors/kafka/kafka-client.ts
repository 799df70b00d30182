import { Admin, type ConnectionOptions, Consumer, Producer } from '@platformatic/kafka';
import { messageOf, OperationError } from '../../errors.ts';

export interface ClusterSettings {
  readonly brokers: readonly string[];
  readonly tls: ConnectionOptions['tls'] | undefined;
  readonly sasl: ConnectionOptions['sasl'] | undefined;
}

/** A message of one partition. */
export interface KafkaMessage {
  readonly offset: bigint;
  /** Milliseconds since the epoch, as its writer or the broker has it. */
  readonly timestampMs: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** What a fetch brings of one partition. */
export interface Fetched {
  readonly messages: readonly KafkaMessage[];
  /** The offset that goes on behind them. */
  readonly next: bigint;
  /** How many there are in the partition. */
  readonly highWatermark: bigint;
  /** Whether the offset is not there (any more). */
  readonly isOutOfRange: boolean;
}

export type GroupConsumer = Consumer<Buffer, Buffer, Buffer, Buffer>;
export type KafkaProducer = Producer<Buffer, Buffer, Buffer, Buffer>;

const FETCH_BYTES = 4 * 1024 * 1024;
const FETCH_WAIT_MS = 250;
const OFFSET_OUT_OF_RANGE = 1;
/** In a batch's attributes: it holds no messages of anybody's. */
const IS_CONTROL = 0x20;
const EARLIEST = -2n;
const LATEST = -1n;

/** The clients of a cluster that the door needs. Each has a listener for errors: without one they end the process. */
export function makeClients(
  settings: ClusterSettings,
  group: string,
  onError: (error: Error) => void,
): { consumer: GroupConsumer; producer: KafkaProducer; admin: Admin } {
  const base = {
    clientId: 'edge-detect',
    bootstrapBrokers: [...settings.brokers],
    retries: 10,
    retryDelay: 250,
    ...(settings.tls === undefined ? {} : { tls: settings.tls }),
    ...(settings.sasl === undefined ? {} : { sasl: settings.sasl }),
  };
  const consumer: GroupConsumer = new Consumer({ ...base, groupId: group });
  const producer: KafkaProducer = new Producer({ ...base, acks: -1 });
  const admin = new Admin(base);
  for (const client of [consumer, producer, admin]) client.on('error', onError);
  return { consumer, producer, admin };
}

/** @throws OperationError if there is no such topic */
export async function partitionsOf(consumer: GroupConsumer, topic: string): Promise<number> {
  try {
    const { topics } = await consumer.metadata({ topics: [topic], forceUpdate: true });
    const found = topics.get(topic);
    if (found !== undefined) return found.partitionsCount;
  } catch (error) {
    throw new OperationError(`the topic ${topic} cannot be looked at: ${reasonOf(error)}`);
  }
  throw new OperationError(`there is no topic ${topic}`);
}

/** Makes a topic unless it is there. */
export async function ensureTopic(
  admin: Admin,
  consumer: GroupConsumer,
  topic: string,
  partitions: number,
  isCompacted: boolean,
): Promise<void> {
  try {
    await admin.createTopics({
      topics: [topic],
      partitions,
      replicas: -1,
      configs: isCompacted ? [{ name: 'cleanup.policy', value: 'compact' }] : [],
    });
  } catch (error) {
    if (!/already exists/i.test(reasonOf(error)))
      throw new OperationError(`the topic ${topic} cannot be made: ${reasonOf(error)}`);
  }
  const found = await partitionsOf(consumer, topic);
  if (isCompacted && found !== partitions)
    throw new OperationError(
      `the topic ${topic} has ${found} partitions, but the one that is read has ${partitions}: they must be the same`,
    );
}

export async function earliestOffset(
  consumer: GroupConsumer,
  topic: string,
  partition: number,
): Promise<bigint> {
  return offsetAt(consumer, topic, partition, EARLIEST);
}

export async function latestOffset(
  consumer: GroupConsumer,
  topic: string,
  partition: number,
): Promise<bigint> {
  return offsetAt(consumer, topic, partition, LATEST);
}

async function offsetAt(
  consumer: GroupConsumer,
  topic: string,
  partition: number,
  timestamp: bigint,
): Promise<bigint> {
  const offsets = await consumer.listOffsets({
    topics: [topic],
    partitions: { [topic]: [partition] },
    timestamp,
  });
  const list = offsets.get(topic) ?? [];
  return list[partition] ?? list[0] ?? 0n;
}

/** Fetches what is there of partitions, from their offsets on; waits a moment where there is nothing. */
export async function fetchMessages(
  consumer: GroupConsumer,
  topic: string,
  offsets: ReadonlyMap<number, bigint>,
): Promise<Map<number, Fetched>> {
  const metadata = await consumer.metadata({ topics: [topic] });
  const found = metadata.topics.get(topic);
  if (found === undefined) throw new OperationError(`there is no topic ${topic}`);
  const byLeader = Map.groupBy(offsets, ([partition]) => found.partitions[partition]?.leader ?? -1);
  const fetched = new Map<number, Fetched>();
  await Promise.all(
    [...byLeader].map(async ([node, wanted]) => {
      const response = await consumer.fetch({
        node,
        maxWaitTime: FETCH_WAIT_MS,
        minBytes: 1,
        maxBytes: FETCH_BYTES,
        topics: [
          {
            topicId: found.id,
            partitions: wanted.map(([partition, fetchOffset]) => ({
              partition,
              fetchOffset,
              partitionMaxBytes: FETCH_BYTES,
              currentLeaderEpoch: -1,
              lastFetchedEpoch: -1,
            })),
          },
        ],
      });
      for (const { partitions } of response.responses)
        for (const part of partitions) {
          const from = offsets.get(part.partitionIndex) ?? 0n;
          const { messages, next } = messagesIn(part.records ?? [], from);
          fetched.set(part.partitionIndex, {
            messages,
            next,
            highWatermark: part.highWatermark,
            isOutOfRange: part.errorCode === OFFSET_OUT_OF_RANGE,
          });
        }
    }),
  );
  return fetched;
}

type Batches = NonNullable<
  Awaited<ReturnType<GroupConsumer['fetch']>>['responses'][number]['partitions'][number]['records']
>;

function messagesIn(batches: Batches, from: bigint): { messages: KafkaMessage[]; next: bigint } {
  const messages: KafkaMessage[] = [];
  let next = from;
  for (const batch of batches) {
    next = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
    if ((batch.attributes & IS_CONTROL) !== 0) continue;
    for (const { key, value, offsetDelta, timestampDelta } of batch.records) {
      const offset = batch.firstOffset + BigInt(offsetDelta);
      // A batch may begin before what was asked for.
      if (offset >= from)
        messages.push({ offset, timestampMs: batch.firstTimestamp + timestampDelta, key, value });
    }
  }
  return { messages, next };
}

/** What the client says, with what it says of each server. */
export function reasonOf(error: unknown): string {
  const inner = error instanceof AggregateError ? error.errors.map(reasonOf).join('; ') : '';
  const cause = error instanceof Error && error.cause !== undefined ? reasonOf(error.cause) : '';
  return [messageOf(error), inner, cause].filter((text) => text !== '').join(': ');
}
