import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AddedFields } from '../../src/wire/added-fields.ts';
import { PointReader } from '../../src/wire/point-view.ts';
import { ProtocolError } from '../../src/wire/protocol-error.ts';
import { startTestAgent, type TestAgent } from '../support/agent/agent.ts';
import { Canary } from '../support/agent/canary.ts';
import { connect } from '../support/agent/host.ts';
import {
  cutFrames,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  FieldClash,
  frame,
} from '../support/protocol/protocol.ts';
import { readSeeds, type Seed, withChecksum, withTask } from './material.ts';
import { converse } from './peer.ts';
import { ENDINGS, type Plan } from './plan.ts';
import { recordingFault, recordingOf } from './recording-case.ts';
import { faultsOf, isFinal, kindByLibrary, MAX_FRAME_BYTES } from './verdict.ts';

let agent: TestAgent;
let folder = '';
const seeds = readSeeds();
let tasks = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'edge-hostile-'));
  agent = await startTestAgent({ maxFrameBytes: MAX_FRAME_BYTES });
  for (const seed of seeds) await takeSnapshot(seed);
});
afterAll(async () => {
  await agent.stop();
  rmSync(folder, { recursive: true });
});

async function takeSnapshot(seed: Seed): Promise<void> {
  const messages = [...seed.messages, encodeRequest({ kind: 'snapshot' })];
  const plan = planFor(seed, messages.map(frame));
  const { received } = await converse(agent.socketOf(seed.functionName), plan, isFinal);
  for (const message of cutFrames(received).messages) {
    const answer = decodeResponse(message);
    if (answer.kind === 'snapshot' && answer.snapshot.length > 0) seed.snapshot = answer.snapshot;
  }
}

function planFor(seed: Seed, chunks: readonly Buffer[]): Plan {
  return { functionName: seed.functionName, chunks, ending: 'half-close', readsLate: false };
}

// Damage that shrinks to as few edits as fail.

/** A place in a list or in bytes, as a share of its length. */
const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const byteEdit = fc.record({
  at: place,
  removed: fc.constantFrom(0, 1, 1, 2, 10),
  inserted: fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.constantFrom('00', '8000', 'ffffffff0f', '80808080808080808001').map((hex) => Buffer.from(hex, 'hex')),
  ),
});
const messageEdit = fc.record({
  at: place,
  removed: fc.constantFrom(0, 1),
  copiedFrom: fc.option(place),
  seed: place,
});

type ByteEdit = typeof byteEdit extends fc.Arbitrary<infer T> ? T : never;
type MessageEdit = typeof messageEdit extends fc.Arbitrary<infer T> ? T : never;

function damaged(bytes: Buffer, edits: readonly ByteEdit[]): Buffer {
  return edits.reduce((before: Buffer, { at, removed, inserted }) => {
    const from = Math.floor(at * before.length);
    return Buffer.concat([before.subarray(0, from), inserted, before.subarray(from + removed)]);
  }, bytes);
}

function rearranged(messages: readonly Buffer[], edits: readonly MessageEdit[]): Buffer[] {
  const result = [...messages];
  for (const { at, removed, copiedFrom, seed } of edits) {
    const from = seeds[Math.floor(seed * seeds.length)].messages;
    const copies = copiedFrom === null ? [] : [from[Math.floor(copiedFrom * from.length)]];
    result.splice(Math.floor(at * result.length), removed, ...copies);
  }
  return result;
}

const conversation = fc
  .record({
    seed: fc.constantFrom(...seeds),
    from: place,
    length: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 100, max: 200 })),
    messages: fc.array(messageEdit, { maxLength: 3 }),
    bytes: fc.array(byteEdit, { maxLength: 3 }),
    cuts: fc.array(place, { maxLength: 3 }),
    ending: fc.constantFrom(...ENDINGS),
  })
  .map(({ seed, from, length, messages, bytes, cuts, ending }): Plan => {
    tasks++;
    const [first, ...others] = seed.messages;
    const start = Math.floor(from * Math.max(1, others.length - length));
    const some = others.slice(start, start + length);
    const all = rearranged([withTask(first, `task${tasks}`), ...some], messages);
    const sent = damaged(Buffer.concat(all.map(frame)), bytes);
    const ends = [...cuts.map((cut) => Math.floor(cut * sent.length)).sort((a, b) => a - b), sent.length];
    const chunks = ends.map((end, index) => sent.subarray(ends[index - 1] ?? 0, end));
    return { ...planFor(seed, chunks), ending };
  });

describe('an agent that is sent nonsense', () => {
  test('answers in the protocol or closes with an error, and its other connections do not notice', async () => {
    const canary = await Canary.beside(agent.socketOf('edgeDetect'), () =>
      fc.assert(
        fc.asyncProperty(conversation, async (plan) => {
          const outcome = await converse(agent.socketOf(plan.functionName), plan, isFinal);
          expect(faultsOf(plan, outcome)).toEqual([]);
        }),
        { numRuns: 300 },
      ),
    );
    expect(canary.edges).toBeGreaterThan(0);
  }, 60_000);

  test('never gives a state that it would not take back, whatever state it was given', async () => {
    const stateful = seeds.filter(({ snapshot }) => snapshot !== undefined);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...stateful),
        fc.array(byteEdit, { minLength: 1, maxLength: 3 }),
        async (seed, edits) => {
          const whole = seed.snapshot ?? Buffer.alloc(0);
          const given = withChecksum(Buffer.concat([damaged(whole.subarray(0, -5), edits), Buffer.alloc(5)]));
          const taken = await restored(seed, given);
          if (taken.length === 0) return;
          const before = agent.log.length;
          await restored(seed, taken);
          expect(agent.log.slice(before).filter(({ level }) => level === 'warn')).toEqual([]);
        },
      ),
      { numRuns: 80 },
    );
  }, 60_000);
});

/** What a node makes of a state, as it hands it out again. */
async function restored(seed: Seed, state: Buffer): Promise<Buffer> {
  const [init] = seed.messages.map(decodeRequest);
  if (init.kind !== 'init') throw new Error(`${seed.name} does not begin with an Init`);
  tasks++;
  const host = await connect(agent.socketOf(seed.functionName));
  await host.init(init.options, `task${tasks}`);
  await host.restore(state);
  const { snapshot } = await host.snapshot();
  await host.finish();
  return snapshot;
}

describe('a point of nonsense', () => {
  const points = seeds.flatMap(({ messages }) => messages.filter((m) => decodeRequest(m).kind === 'point'));
  const hostile = fc
    .tuple(fc.constantFrom(...points), fc.array(byteEdit, { minLength: 1, maxLength: 4 }))
    // The envelope is two bytes of tag and one or two of length.
    .map(([message, edits]) => damaged(message.subarray(message[2] < 0x80 ? 3 : 4), edits));

  /** The point as the agent would pass it on, or undefined where it refuses it. */
  function passedOn(body: Buffer, added: AddedFields): Buffer | undefined {
    const view = new PointReader();
    try {
      view.read(body, 0, body.length);
      view.validate();
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
    const target = Buffer.alloc(added.sizeWith(body.length));
    return target.subarray(0, added.write(view, target, 0));
  }

  test('is refused, or goes out as something that decodes and has what was added once', () => {
    const added = new AddedFields(['value', 'was']);
    added.setInt(0, 7, 0);
    added.setBool(1, true);
    fc.assert(
      fc.property(hostile, (body) => {
        const out = passedOn(body, added);
        if (out === undefined) return;
        const message = Buffer.concat([Buffer.of(0x8a, 0x01), frame(out)]);
        expect(kindByLibrary(message) ?? 'point').toBe('point');
        try {
          const request = decodeRequest(message);
          if (request.kind !== 'point') throw new Error(request.kind);
          expect(request.point.fields.value).toEqual({ type: 'int', v: 7n });
          expect(request.point.fields.was).toEqual({ type: 'bool', v: true });
        } catch (error) {
          // Two fields of one name, both the peer's own.
          if (!(error instanceof FieldClash) || /'(value|was)'/.test(error.message)) throw error;
        }
      }),
      { numRuns: 5000 },
    );
  });
});

test('a damaged recording gives points, or one message for its user', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (number) => {
      const { extension, bytes } = recordingOf('test', number);
      expect(await recordingFault(join(folder, `damaged.${extension}`), bytes)).toBeUndefined();
    }),
    { numRuns: 200 },
  );
}, 60_000);
