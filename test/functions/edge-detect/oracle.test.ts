import { expect, test } from 'vitest';
import { readCapture, readExpected } from '../../support/protocol/capture.ts';
import { Oracle } from '../../support/scenarios/oracle.ts';

test.each([
  ['adsl-stream', 'stream'],
  ['many-hosts', 'stream'],
  ['field-types', 'stream'],
  ['all-options', 'stream'],
  ['batch-overlap', 'batch'],
] as const)('the oracle finds the edges of the capture %s', (name, edge) => {
  const { requests } = readCapture(name);
  const options = requests.flatMap((request) => (request.kind === 'init' ? request.options : []));
  const oracle = new Oracle(options, edge);
  for (const [frame, request] of requests.entries()) {
    if (request.kind === 'begin') oracle.beginBatch(request.begin.group);
    if (request.kind === 'point') oracle.point(frame, request.point);
  }
  expect(oracle.emissions).toEqual(readExpected(name));
});
