import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BusyError, GoneError, Refusal, SetupError, type Target } from '../../src/feed/targets/target.ts';
import { Writer, type WriterEvents, type WriterOptions } from '../../src/feed/writer.ts';

/** A target that answers what a test has it answer; without a wish it takes everything. */
class ScriptedTarget implements Target {
  readonly name = 'target';
  readonly lingerMs = 0;
  readonly requests: (readonly string[])[] = [];
  /** What the server has kept, once for each time it was written. */
  readonly kept: string[] = [];
  readonly #answer: (
    lines: readonly string[],
    request: number,
  ) => Error | undefined | Promise<Error | undefined>;

  constructor(
    answer: (lines: readonly string[], request: number) => Error | undefined | Promise<Error | undefined>,
  ) {
    this.#answer = answer;
  }

  async write(lines: readonly string[], signal: AbortSignal): Promise<void> {
    this.requests.push(lines);
    const aborted = new Promise<Error>((resolve) => {
      signal.addEventListener('abort', () => resolve(new Error('aborted')));
    });
    const error = await Promise.race([this.#answer(lines, this.requests.length), aborted]);
    if (error !== undefined) throw error;
    this.kept.push(...lines);
  }

  close(): void {}
}

interface Told extends WriterEvents {
  readonly rejections: string[];
  readonly losses: string[];
  readonly outages: string[];
  backs: number;
}

function listener(): Told {
  const told: Told = {
    rejections: [],
    losses: [],
    outages: [],
    backs: 0,
    rejected: (line, reason) => told.rejections.push(`${line}: ${reason}`),
    lost: (count, reason) => told.losses.push(`${count}: ${reason}`),
    away: (reason) => told.outages.push(reason),
    back: () => {
      told.backs++;
    },
  };
  return told;
}

function start(
  target: Target,
  options: Partial<WriterOptions> = {},
): { writer: Writer; told: Told; done: Promise<void> } {
  const told = listener();
  const writer = new Writer(
    target,
    // No pause at all: -0.5 is what jitter can't give.
    { batchLines: 100, bufferLines: 1_000, giveUpAfterMs: undefined, random: () => -0.5, ...options },
    told,
  );
  return { writer, told, done: writer.run() };
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `m v=${at}`);
}

/** Refuses a batch as a server does that names nothing. */
function refusing(bad: ReadonlySet<string>): (lines: readonly string[]) => Error | undefined {
  return (lines) =>
    lines.some((line) => bad.has(line)) ? new Refusal('no', new Map(), 'unknown') : undefined;
}

describe('Writer', () => {
  test('writes in order, in full batches and one last one', async () => {
    const target = new ScriptedTarget(() => undefined);
    const { writer, done } = start(target, { batchLines: 10 });
    for (const line of numbers(25)) writer.add(line);
    writer.end();
    await done;
    expect(target.kept).toEqual(numbers(25));
    expect(target.requests.map((lines) => lines.length)).toEqual([10, 10, 5]);
    expect(writer).toMatchObject({ written: 25, rejected: 0, lost: 0 });
  });

  test('tries again until the target is back, and writes in order what came meanwhile', async () => {
    const failures = [
      undefined,
      new Error('away'),
      new Error('away'),
      new BusyError('busy', 0),
      new SetupError('gone'),
    ];
    const target = new ScriptedTarget((_lines, request) => {
      if (request <= 5) writer.add(`m v=${request + 2}`);
      else writer.end();
      return failures[request - 1];
    });
    const { writer, told, done } = start(target, { batchLines: 2 });
    for (const line of numbers(3)) writer.add(line);
    await done;
    expect(target.kept).toEqual(numbers(8));
    expect(told.outages).toEqual(['away', 'busy', 'gone']);
    expect(told.backs).toBe(1);
    expect(writer.lost).toBe(0);
  });

  test('loses the oldest points when the buffer is full, and says how many', async () => {
    const target = new ScriptedTarget((_lines, request) => (request === 1 ? new Error('away') : undefined));
    const { writer, told, done } = start(target, { batchLines: 3, bufferLines: 5 });
    for (const line of numbers(9)) writer.add(line);
    expect(writer.isFull).toBe(true);
    writer.end();
    await done;
    expect(target.kept).toEqual(numbers(9).slice(4));
    expect(told.losses).toEqual(Array(4).fill('1: the buffer is full with 5 points'));
    expect(writer).toMatchObject({ written: 5, lost: 4 });
  });

  test('never keeps more than the buffer holds, those on their way included', async () => {
    const held = Promise.withResolvers<undefined>();
    const target = new ScriptedTarget((_lines, request) => (request === 1 ? held.promise : undefined));
    const { writer, done } = start(target, { batchLines: 4, bufferLines: 4 });
    for (const line of numbers(4)) writer.add(line);
    while (target.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    writer.add('one too many');
    expect(writer.lost).toBe(1);
    held.resolve(undefined);
    writer.end();
    await done;
    expect(target.kept).toEqual(numbers(4));
  });

  test('lets a source that can wait wait for room', async () => {
    const held = Promise.withResolvers<undefined>();
    const target = new ScriptedTarget((_lines, request) => (request === 1 ? held.promise : undefined));
    const { writer, done } = start(target, { batchLines: 2, bufferLines: 2 });
    for (const line of numbers(2)) writer.add(line);
    const room = writer.room();
    held.resolve(undefined);
    await room;
    expect(writer.isFull).toBe(false);
    writer.end();
    await done;
  });

  test('finds the refused lines among many in few requests, and writes every other one once', async () => {
    const all = numbers(1_000);
    const bad = new Set([all[0], all[499], all[998]].map((line) => line ?? ''));
    const target = new ScriptedTarget(refusing(bad));
    const { writer, told, done } = start(target, { batchLines: 1_000 });
    for (const line of all) writer.add(line);
    writer.end();
    await done;
    expect(target.kept).toEqual(all.filter((line) => !bad.has(line)));
    expect(told.rejections).toEqual([...bad].map((line) => `${line}: no`));
    // About two for each halving of 1000 and each of the three; one by one it would be 1000.
    expect(target.requests.length).toBeLessThan(3 * 2 * 11);
  });

  test('neither loses nor doubles a line, wherever refusals and failures fall', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 20 }),
        fc.uniqueArray(fc.integer({ min: 0, max: 59 })),
        fc.uniqueArray(fc.integer({ min: 1, max: 80 })),
        async (count, batchLines, badNumbers, failures) => {
          const all = numbers(count);
          const bad = new Set(badNumbers.map((at) => all[at] ?? ''));
          const refuse = refusing(bad);
          const target = new ScriptedTarget((lines, request) =>
            failures.includes(request) ? new Error('away') : refuse(lines),
          );
          const { writer, done } = start(target, { batchLines });
          for (const line of all) writer.add(line);
          writer.end();
          await done;
          expect(target.kept).toEqual(all.filter((line) => !bad.has(line)));
          expect(writer.written + writer.rejected).toBe(count);
        },
      ),
    );
  });

  test('believes a server that names lines, and sends the others again unless they were written', async () => {
    const named = new Map([['m v=1', 'bad']]);
    const refusals = [new Refusal('bad', named, 'unknown'), undefined, new Refusal('bad', named, 'written')];
    const target = new ScriptedTarget(() => refusals.shift());
    const { writer, told, done } = start(target, { batchLines: 3 });
    for (const line of [...numbers(3), ...numbers(3)]) writer.add(line);
    writer.end();
    await done;
    expect(target.requests).toEqual([numbers(3), ['m v=0', 'm v=2'], numbers(3)]);
    expect(told.rejections).toEqual(['m v=1: bad', 'm v=1: bad']);
    expect(writer).toMatchObject({ written: 4, rejected: 2 });
  });

  test('rejects a whole batch at once when the server says that it kept nothing of it', async () => {
    const target = new ScriptedTarget(() => new Refusal('too old', new Map(), 'refused'));
    const { writer, told, done } = start(target);
    for (const line of numbers(50)) writer.add(line);
    writer.end();
    await done;
    expect(target.requests).toHaveLength(1);
    expect(told.rejections).toHaveLength(50);
  });

  test('ends at a wrong set-up before anything was written, and counts what it had', async () => {
    const { writer, done } = start(new ScriptedTarget(() => new SetupError('wrong password')));
    for (const line of numbers(7)) writer.add(line);
    writer.end();
    await expect(done).rejects.toThrow('wrong password');
    writer.add('too late');
    expect(writer).toMatchObject({ written: 0, lost: 8 });
    expect(writer.isFull).toBe(false);
  });

  test('ends when the target is gone for good, whatever was written', async () => {
    const target = new ScriptedTarget((_lines, request) =>
      request === 2 ? new GoneError('closed') : undefined,
    );
    const { writer, done } = start(target, { batchLines: 1 });
    for (const line of numbers(3)) writer.add(line);
    await expect(done).rejects.toThrow('closed');
    expect(writer).toMatchObject({ written: 1, lost: 2 });
  });

  test('gives up a target that is away for too long', async () => {
    const { writer, done } = start(new ScriptedTarget(() => new Error('away')), {
      giveUpAfterMs: 20,
      random: () => 0,
    });
    writer.add('m v=1');
    await expect(done).rejects.toThrow('given up after 0.02 s: away');
    expect(writer.lost).toBe(1);
  });

  test('can be stopped in the middle of a request that is never answered', async () => {
    const target = new ScriptedTarget(() => new Promise(() => {}));
    const { writer, told, done } = start(target);
    for (const line of numbers(3)) writer.add(line);
    while (target.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    writer.abort();
    await done;
    expect(told.losses).toEqual(['3: there was no more time to write them']);
  });

  test('does not sit out a long pause when the end has come', async () => {
    const target = new ScriptedTarget((_lines, request) =>
      request === 1 ? new BusyError('later', 300_000) : undefined,
    );
    const { writer, told, done } = start(target);
    writer.add('m v=1');
    while (told.outages.length === 0) await new Promise((resolve) => setImmediate(resolve));
    writer.end();
    await done;
    expect(target.kept).toEqual(['m v=1']);
  });

  test('sends no request larger than a server takes', async () => {
    const target = new ScriptedTarget(() => undefined);
    const { writer, done } = start(target);
    const line = `m s="${'x'.repeat(1_500_000)}"`;
    for (let count = 0; count < 5; count++) writer.add(line);
    writer.end();
    await done;
    expect(target.requests.map((lines) => lines.length)).toEqual([2, 2, 1]);
  });
});
