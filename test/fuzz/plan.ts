import { encodeRequest, frame } from '../support/protocol/protocol.ts';
import { Dice } from '../support/scenarios/dice.ts';
import { encodeVarint, mutateBytes, mutateMessage } from './byte-mutation.ts';
import { type FunctionName, type Seed, withChecksum, withTask } from './material.ts';

/** How the peer's side of a conversation ends. */
export const ENDINGS = ['half-close', 'wait', 'break'] as const;
export type Ending = (typeof ENDINGS)[number];

/** A conversation to be had: everything that the peer does. */
export interface Plan {
  readonly functionName: FunctionName;
  /** What is written, each piece on its own. */
  readonly chunks: readonly Buffer[];
  /** `wait`: say nothing for a moment before the half-close. `break`: leave without reading to the end. */
  readonly ending: Ending;
  /** Whether the peer reads only once it has written everything. */
  readonly readsLate: boolean;
}

const MOST_MESSAGES = 80;
/** Enough for several batches of each group. */
const MOST_OF_LONG_ONES = 500;

const CONTROL: readonly ((dice: Dice, seed: Seed) => Buffer)[] = [
  () => encodeRequest({ kind: 'info' }),
  () => encodeRequest({ kind: 'snapshot' }),
  (dice) => encodeRequest({ kind: 'keepalive', time: BigInt(dice.below(1000)) - 500n }),
  (_, seed) => encodeRequest({ kind: 'restore', snapshot: seed.snapshot ?? Buffer.alloc(0) }),
  (dice) => encodeRequest({ kind: 'restore', snapshot: dice.bytes(dice.count(64)) }),
  (_, seed) => seed.messages[0],
  (dice) =>
    encodeRequest({
      kind: 'begin',
      begin: { name: 'm', group: 'g', tags: { host: 'a' }, size: BigInt(dice.below(10)) - 5n, byName: false },
    }),
  () =>
    encodeRequest({
      kind: 'end',
      end: { name: 'm', group: 'g', tmax: 1n, tags: { host: 'a' }, byName: false },
    }),
  // An answer instead of a request.
  () => Buffer.from('320301020a', 'hex'),
  () => Buffer.from('320a0a086e6f6e73656e7365', 'hex'),
  // Two messages in one envelope, and none.
  (_, seed) => Buffer.concat([encodeRequest({ kind: 'info' }), seed.messages.at(-1) ?? Buffer.alloc(0)]),
  () => Buffer.from('f83f01', 'hex'),
];

/** Nearly as much as a frame may hold, of things that take a decoder more room than they take on the wire. */
function bulk(dice: Dice): Buffer {
  const content = Buffer.concat(Array.from({ length: 200_000 }, () => dice.pick(SMALL_FIELDS)));
  const field = (number: number, bytes: Buffer): Buffer =>
    Buffer.concat([encodeVarint(number * 8 + 2), encodeVarint(bytes.length), bytes]);
  if (dice.chance(0.5)) return field(dice.pick([2, 3, 16, 17, 18]), content);
  // As the blocks of groups of a snapshot.
  return field(5, field(1, withChecksum(Buffer.concat([field(5, content), Buffer.alloc(5)]))));
}

/** Repeated ones that are empty: options, texts, tags, candidates. */
const SMALL_FIELDS = ['0a00', '3200', '3a00', '820100', '1a00'].map((hex) => Buffer.from(hex, 'hex'));

/** Lengths in front of a frame that are none, or that nobody keeps to. */
const ODD_LENGTHS = [
  '00',
  '8000',
  '808080808080808000',
  'ffffffff0f',
  'ffffffffffffffff7f',
  'ffffffffffffffffffff01',
].map((hex) => Buffer.from(hex, 'hex'));

function mutateSnapshot(dice: Dice, snapshot: Buffer): Buffer {
  let mutated = snapshot;
  for (let times = 1 + dice.count(4); times > 0; times--) {
    const content = mutated.subarray(0, Math.max(0, mutated.length - 5));
    const changed = dice.chance(0.8) ? mutateMessage(dice, content) : mutateBytes(dice, content);
    mutated = Buffer.concat([changed, mutated.subarray(mutated.length - 5)]);
  }
  return dice.chance(0.9) ? withChecksum(mutated) : mutated;
}

/** Some of a seed's messages in a row behind its Init, perhaps with a state to begin with. */
function beginning(dice: Dice, seed: Seed, taskId: string): Buffer[] {
  const length = 1 + dice.count(dice.chance(0.1) ? MOST_OF_LONG_ONES : MOST_MESSAGES);
  const [first, ...others] = seed.messages;
  const from = dice.chance(0.5) ? 0 : dice.below(Math.max(1, others.length - length));
  const messages = [dice.chance(0.9) ? withTask(first, taskId) : first, ...others.slice(from, from + length)];
  if (seed.snapshot !== undefined && dice.chance(0.4)) {
    const snapshot = dice.chance(0.8) ? mutateSnapshot(dice, seed.snapshot) : seed.snapshot;
    messages.splice(1, 0, encodeRequest({ kind: 'restore', snapshot }));
    if (dice.chance(0.5)) messages.push(encodeRequest({ kind: 'snapshot' }));
  }
  return messages;
}

function mutateMessages(dice: Dice, messages: Buffer[], seed: Seed, other: Seed): void {
  const at = dice.below(messages.length);
  const message = messages[at];
  switch (dice.below(9)) {
    case 0:
      if (messages.length > 1) messages.splice(at, 1);
      break;
    case 1:
      messages.splice(dice.below(messages.length + 1), 0, message);
      break;
    case 2: {
      const with_ = dice.below(messages.length);
      messages[at] = messages[with_];
      messages[with_] = message;
      break;
    }
    case 3:
      messages.splice(at, 0, dice.pick(CONTROL)(dice, seed));
      break;
    case 4: {
      const from = dice.below(other.messages.length);
      messages.splice(at, dice.count(4), ...other.messages.slice(from, from + 1 + dice.count(16)));
      if (messages.length === 0) messages.push(message);
      break;
    }
    default:
      messages[at] = dice.chance(0.8) ? mutateMessage(dice, message) : mutateBytes(dice, message);
  }
}

function cut(dice: Dice, bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  const most = dice.chance(0.05) ? 8 : dice.pick([64, 1024, 1 << 20, 1 << 20]);
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + dice.below(most);
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return chunks;
}

/** The conversation of this number; the same for the same seed, and material. */
export function planOf(seedText: string, number: number, seeds: readonly Seed[]): Plan {
  const dice = new Dice(`${seedText}/${number}`);
  const seed = dice.pick(seeds);
  const other = dice.pick(seeds);
  const messages = beginning(dice, seed, `fuzz-${seedText}-${number}`);
  if (dice.chance(0.003)) messages.splice(1, 0, bulk(dice));
  // One in sixteen goes unharmed.
  const harm = dice.below(16);
  if (harm > 0) {
    for (let times = dice.count(6); times > 0; times--) mutateMessages(dice, messages, seed, other);
  }
  const frames = messages.map(frame);
  if (harm > 0 && dice.chance(0.2)) {
    const at = dice.below(frames.length);
    const length = dice.chance(0.5)
      ? dice.pick(ODD_LENGTHS)
      : encodeVarint(messages[at].length + 1 - dice.below(3));
    frames[at] = Buffer.concat([length, messages[at]]);
  }
  let bytes: Buffer = Buffer.concat(frames);
  if (harm > 0 && dice.chance(0.3)) {
    for (let times = 1 + dice.count(4); times > 0; times--) bytes = mutateBytes(dice, bytes);
  }
  if (harm > 0 && dice.chance(0.1)) bytes = bytes.subarray(0, dice.below(bytes.length + 1));
  return {
    functionName: dice.chance(0.95) ? seed.functionName : other.functionName,
    chunks: cut(dice, bytes),
    ending: dice.pick(['half-close', 'half-close', 'half-close', 'wait', 'wait', 'break'] as const),
    readsLate: dice.chance(0.1),
  };
}
