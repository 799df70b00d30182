import { expect, test } from 'vitest';
import { Backlog } from '../../src/agent/backlog.ts';

test('frames come out in their order, with their places, whatever becomes of the memory they lay in', () => {
  const backlog = new Backlog();
  const chunk = Buffer.from('..one..three');
  backlog.push(chunk, 2, 5, 102);
  backlog.push(chunk, 7, 12, 107);
  chunk.fill(0);
  expect(backlog.take().map(({ bytes, offset }) => [bytes.toString(), offset])).toEqual([
    ['one', 102],
    ['three', 107],
  ]);
  expect([backlog.bytes, backlog.take()]).toEqual([0, []]);
});

test('tiny frames count with the memory that each takes: a megabyte of them would be eighty', () => {
  const backlog = new Backlog();
  const frames = 1000;
  for (let i = 0; i < frames; i++) backlog.push(Buffer.of(0x0a, 0), 0, 2, 3 * i);
  expect(backlog.bytes).toBeGreaterThan(100 * frames);
});
