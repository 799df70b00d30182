import { messageType } from '../../src/wire/messages.ts';
import { cutFrames, decodeResponse, FieldClash, type Response } from '../support/protocol/protocol.ts';
import { fieldsOf, readVarint } from './byte-mutation.ts';
import type { Outcome } from './peer.ts';
import type { Plan } from './plan.ts';

const response = messageType('Response');

/** The kinds of messages by their numbers, which are the same in both directions. */
const KINDS: ReadonlyMap<number, string> = new Map([
  [1, 'info'],
  [2, 'init'],
  [3, 'keepalive'],
  [4, 'snapshot'],
  [5, 'restore'],
  [16, 'begin'],
  [17, 'point'],
  [18, 'end'],
]);
/** The longest frame that the agent under attack takes. */
export const MAX_FRAME_BYTES = 1024 * 1024;
const RESTORE_TAG = (5 << 3) | 2;

/** Every request of these has one answer. */
const ANSWERED = ['info', 'init', 'keepalive', 'snapshot', 'restore'];

/**
 * What the agent must not do whatever a peer does: Kapacitor would panic, freeze, or take one answer for another's.
 * @returns what it did of that, none if it behaved
 */
export function faultsOf(plan: Plan, outcome: Outcome): string[] {
  const faults: string[] = [];
  if (outcome.isHung) faults.push('it did not close the connection');
  let answers: Response[] = [];
  try {
    answers = answersOf(outcome);
  } catch (error) {
    return [...faults, error instanceof Error ? error.message : String(error)];
  }
  return [...faults, ...orderFaults(answers, outcome), ...countFaults(plan, answers, outcome)];
}

function answersOf({ received, isComplete }: Outcome): Response[] {
  const { messages, rest } = cutFrames(received);
  if (isComplete && rest.length > 0) throw new Error(`it ended within a frame: ${rest.toString('hex')}`);
  return messages.flatMap((message) => {
    if (message.length === 0) throw new Error('it sent an empty frame');
    return decoded(message);
  });
}

/** Which message another decoder finds, with the oneof as Kapacitor has it; undefined where it finds no text in it. */
export function kindByLibrary(message: Buffer): unknown {
  try {
    return response.toObject(response.decode(message), { oneofs: true }).message;
  } catch (error) {
    if (error instanceof TypeError && error.message.includes('utf-8')) return undefined;
    throw error;
  }
}

function decoded(message: Buffer): Response[] {
  try {
    const answer = decodeResponse(message);
    const kind = kindByLibrary(message);
    // What Kapacitor 1.5 sends is not always text, and goes back as it came.
    const isPassedOn = kind === undefined && ['begin', 'point', 'end'].includes(answer.kind);
    if (kind === answer.kind || isPassedOn) return [answer];
  } catch (error) {
    // The peer's own point, passed on as it came.
    if (error instanceof FieldClash) return [];
    throw error;
  }
  throw new Error(`an answer that Kapacitor reads in another way: ${message.toString('hex')}`);
}

function orderFaults(answers: readonly Response[], outcome: Outcome): string[] {
  const faults: string[] = [];
  let isInBatch = false;
  let hasBatches = false;
  answers.forEach((answer, index) => {
    switch (answer.kind) {
      case 'begin':
        if (isInBatch) faults.push('a begin inside of a batch');
        if (answer.begin.size !== 0n) faults.push(`a begin of size ${answer.begin.size}`);
        isInBatch = true;
        hasBatches = true;
        break;
      case 'end':
        if (!isInBatch) faults.push('an end without a begin');
        isInBatch = false;
        break;
      case 'point':
        if (hasBatches && !isInBatch) faults.push('a point between two batches');
        break;
      case 'error':
        if (index !== answers.length - 1) faults.push('something after an error');
        if (outcome.isHung) faults.push('an error, and the connection left open');
        break;
    }
  });
  return faults;
}

function countFaults(plan: Plan, answers: readonly Response[], outcome: Outcome): string[] {
  const asked = countOf(requestKinds(Buffer.concat(plan.chunks)));
  const got = countOf(answers.map(({ kind }) => kind));
  const isCutShort = answers.some(isLast);
  const faults: string[] = [];
  for (const kind of [...ANSWERED, 'begin', 'point', 'end']) {
    const most = asked.get(kind) ?? 0;
    const count = got.get(kind) ?? 0;
    if (count > most) faults.push(`${count} answers of kind ${kind} to ${most} requests`);
    else if (count < most && ANSWERED.includes(kind) && !isCutShort && outcome.isComplete)
      faults.push(`${count} answers of kind ${kind} to ${most} requests, and no error`);
  }
  return faults;
}

/** Whether the agent closes behind this answer. */
function isLast(answer: Response): boolean {
  if (answer.kind === 'init' || answer.kind === 'restore') return !answer.success;
  return answer.kind === 'error';
}

/** Whether an agent that has said this has to close the connection by itself. */
export function isFinal(received: Buffer): boolean {
  return cutFrames(received).messages.some((message) => isLast(decodeResponse(message)));
}

/** The kind of every frame that is sent, as far as there are any; of several in one envelope the last counts. */
function requestKinds(bytes: Buffer): string[] {
  const kinds: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = readVarint(bytes, at);
    if (length === undefined) break;
    at = length.end + length.value;
    // Answered before the rest of it has come.
    if (length.value > MAX_FRAME_BYTES && bytes[length.end] === RESTORE_TAG) kinds.push('restore');
    const { fields } = fieldsOf(bytes.subarray(length.end, at));
    const known = fields.filter(({ number, wireType }) => wireType === 2 && KINDS.has(number));
    const kind = KINDS.get(known.at(-1)?.number ?? 0);
    if (kind !== undefined) kinds.push(kind);
  }
  return kinds;
}

function countOf(kinds: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}
