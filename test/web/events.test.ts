import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { parseLine } from '../../src/line-protocol/parser.ts';
import { AgentClient } from '../../src/web/agent-status/agent-client.ts';
import type { WebApp } from '../../src/web/context.ts';
import { atEnd } from '../support/at-end.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { ADSL, ADSL_POLLS, appOver, sourceOf } from './app.ts';

interface Event {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: { readonly value?: unknown; readonly previous?: unknown };
}

/** Listens to live edges as a browser does. */
async function listen(app: WebApp, query: string, headers: Record<string, string> = {}) {
  const origin = await app.listen({ port: 0, host: '127.0.0.1' }).catch(() => '');
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const controller = new AbortController();
  atEnd(() => controller.abort());
  const response = await fetch(`${origin || `http://127.0.0.1:${port}`}/api/v1/events?${query}`, {
    headers,
    signal: controller.signal,
  });
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    async next(): Promise<Event> {
      for (;;) {
        const end = text.indexOf('\n\n');
        const block = end < 0 ? undefined : text.slice(0, end);
        if (block !== undefined) text = text.slice(end + 2);
        const field = (name: string): string | undefined =>
          new RegExp(`^${name}: (.*)$`, 'm').exec(block ?? '')?.[1];
        if (field('event') !== undefined)
          return { event: field('event') ?? '', id: field('id'), data: JSON.parse(field('data') ?? 'null') };
        if (block !== undefined) continue;
        const { done, value } = (await reader?.read()) ?? { done: true, value: '' };
        if (done) throw new Error('the stream ended');
        text += value;
      }
    },
  };
}

function nowLine(value: string): string {
  return `adsl_connection,host=router1 value="${value}" ${BigInt(Date.now()) * 1_000_000n + 1n}`;
}

test('an edge in the source is told within moments, with the state before it', async () => {
  const source = sourceOf(ADSL_POLLS);
  const app = await appOver(source);
  const events = await listen(app, ADSL);
  await source.write({ database: 'telegraf', policy: undefined }, [nowLine('SHOWTIME')]);
  expect(await events.next()).toMatchObject({
    event: 'edge',
    data: { value: 'SHOWTIME', previous: 'TRAINING' },
  });
});

test('a client that comes back is told what it has missed', async () => {
  const app = await appOver(sourceOf(ADSL_POLLS));
  const events = await listen(app, ADSL, { 'last-event-id': String(1_514_979_681n * 1_000_000_000n) });
  expect(await events.next()).toMatchObject({
    data: { time: '2018-01-03T11:47:21Z', value: 'SHOWTIME', lastedSeconds: 360 },
  });
  expect(await events.next()).toMatchObject({ data: { time: '2018-01-03T11:50:21Z', value: 'TRAINING' } });
});

test('edges of the agent come at once, and are not told again when InfluxDB has them', async () => {
  const path = `${temporaryFolder()}/status.sock`;
  const { promise: connected, resolve } = Promise.withResolvers<ServerResponse>();
  const agentServer = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
    resolve(response);
  }).listen(path);
  atEnd(() => {
    agentServer.closeAllConnections();
    agentServer.close();
  });
  await once(agentServer, 'listening');
  const agent = new AgentClient(path);
  atEnd(() => agent.close());
  const source = sourceOf([...ADSL_POLLS, ...ADSL_POLLS.map((line) => line.replace('connection', 'edges'))]);
  const outputs = { outputs: async () => new Map([['t', ['adsl_edges']]]) };
  const app = await appOver(source, { agent, outputs });
  const events = await listen(app, ADSL);
  // What a task emits is an edge of the table that it writes to as well.
  const table = await listen(app, ADSL.replace('connection', 'edges'));
  const stream = await connected;
  // The series is watched once its states are known.
  await expect
    .poll(async () => {
      stream.write(
        `${JSON.stringify({ task: 't', node: 'edgeDetect2', name: 'adsl_connection', time: new Date().toISOString(), tags: { host: 'router1' }, fields: { value: 'SHOWTIME' } })}\n`,
      );
      return app.inject('/metrics').then(({ body }) => body);
    })
    .toContain('edge_detect_web_event_clients 2');
  expect(await table.next()).toMatchObject({ data: { value: 'SHOWTIME', previous: 'TRAINING' } });
  expect(await events.next()).toMatchObject({ data: { value: 'SHOWTIME', previous: 'TRAINING' } });
  source.add('telegraf', parseLine(nowLine('TRAINING'), { file: 'test', line: 1 }));
  expect(await events.next()).toMatchObject({ data: { value: 'TRAINING', previous: 'SHOWTIME' } });
});

test('a source that goes away and comes back is said', async () => {
  const source = sourceOf(ADSL_POLLS);
  const app = await appOver(source);
  const events = await listen(app, ADSL);
  const { byTime } = source;
  source.byTime = () => {
    throw new Error('nobody answers');
  };
  expect(await events.next()).toMatchObject({ event: 'trouble', data: { detail: 'nobody answers' } });
  source.byTime = byTime;
  expect(await events.next()).toMatchObject({ event: 'fine' });
});
