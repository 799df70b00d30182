import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { atEnd } from './at-end.ts';
import { freePort } from './daemon.ts';

test('a free port is none that the system may give to somebody else before it is used', async () => {
  const given: number[] = [];
  for (let count = 0; count < 100; count++) {
    const server = createServer().listen(0, '127.0.0.1');
    atEnd(() => server.close());
    await once(server, 'listening');
    given.push((server.address() as AddressInfo).port);
  }
  for (let count = 0; count < 100; count++) expect(await freePort()).toBeLessThan(Math.min(...given));
});
