import { readFileSync } from 'node:fs';
import type { Emission } from '../scenarios/oracle.ts';
import { cutFrames, decodeRequest, type Request, type Value } from './protocol.ts';

const CAPTURES = new URL('../../fixtures/captures/', import.meta.url);

export interface Capture {
  readonly bytes: Buffer;
  /** Each request's message, without its length. */
  readonly messages: readonly Buffer[];
  readonly requests: readonly Request[];
}

/** Reads what a real Kapacitor wrote to a socket. */
export function readCapture(name: string): Capture {
  const bytes = readFileSync(new URL(`${name}.requests.bin`, CAPTURES));
  const { messages, rest } = cutFrames(bytes);
  if (rest.length > 0) throw new Error(`the capture ${name} ends within a frame`);
  return { bytes, messages, requests: messages.map(decodeRequest) };
}

/** What `expected.json` holds: a 64-bit integer is a string there, since JSON's numbers are doubles. */
interface ExpectedValue {
  readonly type: Value['type'];
  readonly v: string | number | boolean;
}

interface ExpectedEmission {
  readonly frame: number;
  readonly after: number;
  readonly add?: Readonly<Record<string, ExpectedValue>>;
}

function readValue({ type, v }: ExpectedValue): Value {
  switch (type) {
    case 'int':
      return { type, v: BigInt(v) };
    case 'float':
      return { type, v: Number(v) };
    case 'string':
      return { type, v: String(v) };
    case 'bool':
      return { type, v: v === true };
  }
}

/** Reads which frames of a capture are to be emitted, after which frame, and what is added to them. */
export function readExpected(name: string): Emission[] {
  const expected: { emitted: ExpectedEmission[] } = JSON.parse(
    readFileSync(new URL(`${name}.expected.json`, CAPTURES), 'utf8'),
  );
  return expected.emitted.map(({ frame, after, add = {} }) => ({
    frame,
    after,
    add: Object.fromEntries(Object.entries(add).map(([key, value]) => [key, readValue(value)])),
  }));
}
