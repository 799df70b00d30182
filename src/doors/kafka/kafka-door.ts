import type { Admin } from '@platformatic/kafka';
import { OperationError } from '../../errors.ts';
import type { NodeLog } from '../../function/contract.ts';
import {
  type ClusterSettings,
  earliestOffset,
  ensureTopic,
  type Fetched,
  fetchMessages,
  type GroupConsumer,
  type KafkaMessage,
  type KafkaProducer,
  latestOffset,
  makeClients,
  partitionsOf,
  reasonOf,
} from './kafka-client.ts';
import { Partition, type PartitionOptions } from './partition.ts';
import { StateRecords } from './state-topic.ts';

export interface KafkaDoorOptions {
  readonly cluster: ClusterSettings;
  readonly topic: string;
  readonly output: string;
  readonly group: string;
  /** Makes it a static member: a restart within the session's time moves nothing. */
  readonly instance: string | undefined;
  readonly deadLetter: string | undefined;
  readonly sessionTimeoutMs: number;
  readonly saveEveryMs: number;
  readonly node: Omit<PartitionOptions, 'topic' | 'partition' | 'generation' | 'offset' | 'complain'>;
  readonly log: NodeLog;
  readonly onProgress?: (lag: bigint) => void;
}

/** Longer messages need other settings of the broker. */
const MAX_OUTPUT_BYTES = 512 * 1024;

/** After an error of the cluster, which may be a broker that starts again. */
const RETRY_MS = 500;

/**
 * A member of a consumer group: one node for each partition that it is given. Membership, assignment and storage are
 * Kafka's own; what is ours is a node's state in a compacted topic, with the offset that it belongs to.
 */
export class KafkaDoor {
  readonly #options: KafkaDoorOptions;
  readonly #consumer: GroupConsumer;
  readonly #producer: KafkaProducer;
  readonly #admin: Admin;
  readonly #partitions = new Map<number, Partition>();
  /** Partitions that were given and whose state has still to be read. */
  #given: readonly number[] = [];
  #generation = -1;
  #partitionCount = 1;
  #isStopping = false;
  #warnedOfKeys = false;
  /** Output that is on its way. */
  readonly #sending = new Set<Promise<unknown>>();
  /** Why some of it did not get there: then no state may be saved that covers it. */
  #sendFailure: unknown;
  #lastSaveMs = 0;

  constructor(options: KafkaDoorOptions) {
    this.#options = options;
    const { log } = options;
    const clients = makeClients(options.cluster, options.group, (error) =>
      log.warn({ reason: reasonOf(error) }, 'the cluster'),
    );
    this.#consumer = clients.consumer;
    this.#producer = clients.producer;
    this.#admin = clients.admin;
  }

  /** The compacted topic of the nodes' states. */
  get stateTopic(): string {
    return `${this.#options.group}-${this.#options.node.function.name}-state`;
  }

  /**
   * Works until {@link stop}; then all states are saved.
   * @throws OperationError if the topics are not as they must be, or the function fails
   */
  async run(): Promise<void> {
    const { deadLetter, group, instance, output, sessionTimeoutMs, topic } = this.#options;
    try {
      this.#partitionCount = await partitionsOf(this.#consumer, topic);
      await ensureTopic(this.#admin, this.#consumer, this.stateTopic, this.#partitionCount, true);
      for (const each of deadLetter === undefined ? [output] : [output, deadLetter])
        await ensureTopic(this.#admin, this.#consumer, each, this.#partitionCount, false);
      this.#consumer.on('consumer:group:join', ({ assignments = [], generationId = 0 }) =>
        this.#onAssigned(assignments.find((each) => each.topic === topic)?.partitions ?? [], generationId),
      );
      this.#consumer.on('consumer:group:rebalance', () => void this.#saveAll());
      this.#consumer.topics.track(topic);
      await this.#consumer.joinGroup({
        sessionTimeout: sessionTimeoutMs,
        heartbeatInterval: Math.round(sessionTimeoutMs / 4),
        rebalanceTimeout: Math.max(sessionTimeoutMs, 30_000),
        ...(instance === undefined ? {} : { groupInstanceId: instance }),
      });
      this.#options.log.info({ group, topic, generation: this.#generation }, 'joined the group');
      while (!this.#isStopping) await this.#turn();
      await this.#saveAll();
    } finally {
      await this.#close();
    }
  }

  stop(): void {
    this.#isStopping = true;
  }

  /** What is left of a partition's node where another generation has begun. */
  #onAssigned(given: readonly number[], generation: number): void {
    // Only where no generation was missed, nobody else can have had a partition in between.
    const isNext = generation === this.#generation + 1;
    for (const [number, partition] of this.#partitions) {
      if (isNext && given.includes(number)) partition.goOn(generation);
      else this.#partitions.delete(number);
    }
    this.#generation = generation;
    this.#given = given;
    this.#options.log.info({ generation, partitions: given.join(' ') }, 'partitions were assigned');
  }

  /** Takes up what was given, and works through what there is of it. Errors of the cluster are waited out. */
  async #turn(): Promise<void> {
    try {
      for (const number of this.#given) if (!this.#partitions.has(number)) await this.#open(number);
      if (this.#partitions.size === 0) {
        await pause(RETRY_MS / 5);
        return;
      }
      const offsets = new Map([...this.#partitions].map(([number, { offset }]) => [number, offset]));
      const fetched = await fetchMessages(this.#consumer, this.#options.topic, offsets);
      for (const [number, part] of fetched) {
        const partition = this.#partitions.get(number);
        // What was revoked while it was on its way is dropped.
        if (partition !== undefined && partition.offset === offsets.get(number))
          await this.#take(partition, part);
      }
      await this.#settle();
      if (performance.now() - this.#lastSaveMs > this.#options.saveEveryMs) await this.#saveAll();
    } catch (error) {
      if (error instanceof FunctionError) throw error;
      this.#options.log.warn(
        { reason: reasonOf(error) },
        'the cluster cannot be worked with now: tried again',
      );
      // What did not go out for certain is told once more, from the last state on.
      this.#partitions.clear();
      await Promise.all(this.#sending);
      this.#sendFailure = undefined;
      await pause(RETRY_MS);
    }
  }

  async #take(partition: Partition, { highWatermark, isOutOfRange, messages, next }: Fetched): Promise<void> {
    if (isOutOfRange) {
      const earliest = await earliestOffset(this.#consumer, this.#options.topic, partition.number);
      this.#options.log.warn(
        { partition: partition.number, from: partition.offset, to: earliest },
        'messages were deleted before they were read: the node goes on with the first there is',
      );
      partition.offset = earliest;
      return;
    }
    partition.highWatermark = highWatermark;
    if (messages.length === 0 && next === partition.offset) return;
    this.#warnOfKeys(messages);
    let lines: Buffer;
    try {
      lines = partition.take(messages, next);
    } catch (error) {
      throw new FunctionError(
        `the function failed, near ${this.#options.topic}/${partition.number}@${partition.offset}: ${reasonOf(error)}`,
        { cause: error },
      );
    }
    const key = Buffer.from(String(partition.number));
    for (const value of piecesOf(lines)) this.#send(this.#options.output, key, value);
  }

  #send(topic: string, key: Buffer, value: Buffer): void {
    const sent: Promise<unknown> = this.#producer.send({ messages: [{ topic, key, value }] }).then(
      () => void this.#sending.delete(sent),
      (error: unknown) => {
        this.#sending.delete(sent);
        this.#sendFailure ??= error;
      },
    );
    this.#sending.add(sent);
  }

  /** Waits until all output is with the brokers. */
  async #settle(): Promise<void> {
    await Promise.all(this.#sending);
    if (this.#sendFailure !== undefined) throw this.#sendFailure;
    this.#options.onProgress?.([...this.#partitions.values()].reduce((sum, { lag }) => sum + lag, 0n));
  }

  async #open(number: number): Promise<void> {
    const { deadLetter, log, node, topic } = this.#options;
    const generation = this.#generation;
    const records = await this.#readState(number);
    const state = records.latest();
    const offset = state?.offset ?? (await earliestOffset(this.#consumer, topic, number));
    const partition = new Partition({
      ...node,
      topic,
      partition: number,
      generation,
      offset,
      complain: (problem, line) => {
        log.warn({ problem, line: line.slice(0, 200) }, 'a line that is none');
        if (deadLetter !== undefined) this.#send(deadLetter, Buffer.from(problem), Buffer.from(line));
      },
    });
    if (state !== undefined) partition.restore(state.snapshot);
    // Meanwhile it may have been taken away again.
    if (generation !== this.#generation || !this.#given.includes(number)) return;
    this.#partitions.set(number, partition);
    log.info({ partition: number, offset, bytes: state?.snapshot.length ?? 0 }, 'a partition was taken up');
    const past = records.keysBefore(generation);
    if (past.length > 0) await this.#save(partition, past);
  }

  async #readState(number: number): Promise<StateRecords> {
    const records = new StateRecords();
    const topic = this.stateTopic;
    const end = await latestOffset(this.#consumer, topic, number);
    let at = await earliestOffset(this.#consumer, topic, number);
    while (at < end) {
      const part = (await fetchMessages(this.#consumer, topic, new Map([[number, at]]))).get(number);
      if (part === undefined) continue;
      for (const { key, value } of part.messages) records.add(String(key), value);
      at = part.next;
    }
    return records;
  }

  async #saveAll(): Promise<void> {
    this.#lastSaveMs = performance.now();
    for (const partition of [...this.#partitions.values()])
      if (partition.hasNew) await this.#save(partition, []);
  }

  /** Saves a state, once what it has told is with the brokers. @param past keys that nobody needs any more then */
  async #save(partition: Partition, past: readonly string[]): Promise<void> {
    const { number, offset, writer } = partition;
    const { head, pieces } = writer.records(partition.snapshot(), offset);
    try {
      await this.#settle();
      for (const piece of pieces) await this.#sendState(number, piece.key, piece.value);
      await this.#sendState(number, head.key, head.value);
      for (const key of past) await this.#sendState(number, key, null);
      await this.#consumer.commit({
        offsets: [{ topic: this.#options.topic, partition: number, offset, leaderEpoch: -1 }],
      });
    } catch (error) {
      // The one before stays; whoever goes on from it tells the same edges once more.
      partition.noteUnsaved();
      this.#options.log.warn({ partition: number, reason: reasonOf(error) }, 'a state could not be saved');
    }
  }

  async #sendState(partition: number, key: string, value: Buffer | null): Promise<void> {
    await this.#producer.send({
      messages: [
        { topic: this.stateTopic, partition, key: Buffer.from(key), ...(value === null ? {} : { value }) },
      ],
    });
  }

  #warnOfKeys(messages: readonly KafkaMessage[]): void {
    if (this.#warnedOfKeys || this.#partitionCount === 1) return;
    if (messages.every(({ key }) => key !== null)) return;
    this.#warnedOfKeys = true;
    this.#options.log.warn(
      { topic: this.#options.topic, partitions: this.#partitionCount },
      "a message has no key, so the points of one device may come over several partitions: give Telegraf's Kafka output a routing_tag",
    );
  }

  async #close(): Promise<void> {
    // A static member that leaves would be given nothing back.
    const closing = [
      async () => this.#producer.close(),
      async () => this.#admin.close(),
      async () => (this.#options.instance === undefined ? this.#consumer.leaveGroup(true) : undefined),
      async () => this.#consumer.close(true),
    ];
    for (const close of closing) await close().catch(() => {});
  }
}

class FunctionError extends OperationError {
  override readonly name = 'FunctionError';
}

/** Whole lines, so many at a time that a message holds them. */
function* piecesOf(lines: Buffer): Generator<Buffer> {
  let start = 0;
  while (start < lines.length) {
    let end = lines.length;
    if (end - start > MAX_OUTPUT_BYTES) {
      end = lines.lastIndexOf('\n', start + MAX_OUTPUT_BYTES) + 1;
      if (end <= start) end = lines.indexOf('\n', start) + 1;
    }
    yield lines.subarray(start, end);
    start = end;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
