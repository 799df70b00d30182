import { expect, test } from 'vitest';
import { readCapture } from './capture.ts';
import {
  cutFrames,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  frame,
  GO_STYLE,
  type Point,
  type Request,
  type Style,
} from './protocol.ts';

const CAPTURES = [
  'info-probe',
  'adsl-stream',
  'many-hosts',
  'field-types',
  'all-options',
  'refused-options',
  'batch-overlap',
];

const POINT: Point = {
  time: -(2n ** 63n),
  name: 'zähler',
  database: '',
  retentionPolicy: 'autogen',
  group: 'm\nhost=a',
  dimensions: ['host', ''],
  tags: { host: 'a', empty: '', '': 'nameless', raw: 'a\udcff\udc80' },
  fields: {
    nan: { type: 'float', v: Number.NaN },
    negativeZero: { type: 'float', v: -0 },
    zero: { type: 'float', v: 0 },
    most: { type: 'int', v: 2n ** 63n - 1n },
    least: { type: 'int', v: -(2n ** 63n) },
    none: { type: 'int', v: 0n },
    text: { type: 'string', v: '😀' },
    no: { type: 'bool', v: false },
  },
  byName: false,
  unknown: [],
};

const OTHER_STYLES: readonly Style[] = (['ascending', 'descending', 'interleaved'] as const).flatMap(
  (order) =>
    (['key-first', 'value-first'] as const).flatMap((entries) =>
      (['in-entries', 'everywhere', 'nowhere'] as const).map((defaults) => ({
        order,
        entries,
        defaults,
        unknown: false,
      })),
    ),
);

test.each(CAPTURES)('every request of the capture %s encodes to the bytes that Kapacitor wrote', (name) => {
  const { bytes, requests } = readCapture(name);
  expect(Buffer.concat(requests.map((request) => frame(encodeRequest(request))))).toEqual(bytes);
});

test('the requests of a capture are read as what the task and its points were', () => {
  const { requests } = readCapture('field-types');
  expect(requests[0]).toEqual({
    kind: 'init',
    options: [
      { name: 'field', values: [{ type: 'string', v: 'level' }] },
      { name: 'field', values: [{ type: 'string', v: 'ok' }] },
      { name: 'initial', values: [{ type: 'bool', v: false }] },
    ],
    taskId: 'field-types',
    nodeId: 'edgeDetect2',
  });
  expect(requests[1]).toEqual({
    kind: 'point',
    point: {
      time: 1_600_000_000_000_000_000n,
      name: 'status',
      database: 'telegraf',
      retentionPolicy: 'autogen',
      group: 'status\nhost=a,port=1',
      dimensions: ['host', 'port'],
      tags: { host: 'a', port: '1' },
      fields: {
        temp: { type: 'float', v: 20.5 },
        level: { type: 'int', v: 1n },
        msg: { type: 'string', v: 'up' },
        ok: { type: 'bool', v: true },
      },
      byName: true,
      unknown: [],
    },
  });
});

test.each(OTHER_STYLES)('a point is the same one, written with %o', (style) => {
  const request: Request = { kind: 'point', point: POINT };
  expect(decodeRequest(encodeRequest(request, style))).toEqual(request);
});

test('the styles write a point in different bytes', () => {
  const written = OTHER_STYLES.map((style) =>
    encodeRequest({ kind: 'point', point: POINT }, style).toString('hex'),
  );
  expect(new Set(written).size).toBe(OTHER_STYLES.length);
});

test('fields of unknown numbers are kept apart from the point', () => {
  const message = encodeRequest({ kind: 'point', point: POINT }, { ...GO_STYLE, unknown: true });
  const decoded = decodeRequest(message);
  expect(decoded).toEqual({ kind: 'point', point: { ...POINT, unknown: expect.any(Array) } });
  expect(decoded.kind === 'point' && decoded.point.unknown).toHaveLength(4);
  expect(decodeRequest(encodeRequest(decoded))).toEqual(decoded);
});

test('a field name in two of the typed maps is an error', () => {
  // {fieldsInt {"a": 1}, fieldsBool {"a": true}}
  const message = Buffer.from('8a010e4a050a0161100162050a01611001', 'hex');
  expect(() => decodeResponse(message)).toThrow("'a' stands in two of the typed maps");
});

test('the answers of an agent are read, whether its enums are packed or not', () => {
  // {info {wants BATCH, options {"a": [STRING, INT] packed, "b": [DURATION] not packed}}}
  const info = '0a160801' + '1a090a0161' + '12040a020301' + '1a070a0162' + '12020804';
  expect(decodeResponse(Buffer.from(info, 'hex'))).toEqual({
    kind: 'info',
    wants: 'BATCH',
    provides: 'STREAM',
    options: { a: ['string', 'int'], b: ['duration'] },
  });
  // {init {success false, written out, error "a"}}
  expect(decodeResponse(Buffer.from('12050800120161', 'hex'))).toEqual({
    kind: 'init',
    success: false,
    error: 'a',
  });
  expect(decodeResponse(Buffer.from('22030a012a', 'hex'))).toEqual({
    kind: 'snapshot',
    snapshot: Buffer.from('*'),
  });
});

test('a frame is cut off only once it is whole', () => {
  const message = encodeRequest({ kind: 'point', point: POINT });
  const bytes = Buffer.concat([frame(message), frame(message)]);
  for (let length = 0; length < bytes.length; length++) {
    const whole = length < bytes.length / 2 ? 0 : 1;
    const { messages, rest } = cutFrames(bytes.subarray(0, length));
    expect(messages).toHaveLength(whole);
    expect(rest.length).toBe(length - (whole * bytes.length) / 2);
  }
});
