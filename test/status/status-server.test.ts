import { once } from 'node:events';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { withAgent } from '../support/agent/agent.ts';
import { connect } from '../support/agent/host.ts';
import { hostPointMessage } from '../support/protocol/points.ts';
import type { Option } from '../support/protocol/protocol.ts';

const OPTIONS: readonly Option[] = [
  { name: 'field', values: [{ type: 'string', v: 'value' }] },
  { name: 'hold', values: [{ type: 'duration', v: 60_000_000_000n }] },
  { name: 'sinceAs', values: [{ type: 'string', v: 'since' }] },
  { name: 'countAs', values: [{ type: 'string', v: 'count' }] },
];

interface Answer {
  readonly status: number;
  readonly body: string;
}

function open(socketPath: string, path: string, method = 'GET') {
  const asked = request({ socketPath, path, method });
  asked.end();
  return once(asked, 'response');
}

async function ask(socketPath: string, path: string, method = 'GET'): Promise<Answer> {
  const [response] = await open(socketPath, path, method);
  return { status: response.statusCode, body: await text(response) };
}

const state = (host: string, value: string, second: number): Buffer =>
  hostPointMessage(host, {
    time: BigInt(second) * 1_000_000_000n,
    fields: { value: { type: 'string', v: value } },
  });

describe('the status socket, beside a conversation', () => {
  test('tells of sessions, their states, and in figures', () =>
    withAgent(async (agent) => {
      const status = agent.socketOf('status');
      const host = await connect(agent.socketOf('edgeDetect'));
      await host.init(OPTIONS, 'adsl', 'edgeDetect2');
      host.send([state('a', 'UP', 0), state('b', 'UP', 1), state('a', 'DOWN', 2), state('a', 'DOWN', 3)]);
      const snapshot = await host.snapshot();
      expect(snapshot.snapshot.length).toBeGreaterThan(0);
      const { sessions } = JSON.parse((await ask(status, '/sessions')).body);
      expect(sessions).toMatchObject([
        {
          task: 'adsl',
          node: 'edgeDetect2',
          function: 'edgeDetect',
          kind: 'live',
          points: 4,
          edges: 2,
          groups: 2,
          ignored: 0,
          snapshots: 1,
        },
      ]);
      const { next, states } = JSON.parse((await ask(status, '/sessions/adsl/edgeDetect2/states')).body);
      expect(next).toBeNull();
      expect(states).toMatchObject([
        {
          group: 'host=a',
          value: 'UP',
          since: '1970-01-01T00:00:00Z',
          count: 0,
          candidate: { values: { value: 'DOWN' }, since: '1970-01-01T00:00:02Z', points: 2 },
          owed: false,
          silent: false,
        },
        { group: 'host=b', value: 'UP', candidate: null },
      ]);
      const one = JSON.parse((await ask(status, '/sessions/adsl/edgeDetect2/states?match=host%3Db')).body);
      expect(one.states.map(({ group }: { group: string }) => group)).toEqual(['host=b']);
      const metrics = (await ask(status, '/metrics')).body;
      expect(metrics).toContain(
        'edge_detect_points_total{function="edgeDetect",task="adsl",node="edgeDetect2"} 4',
      );
      expect(metrics).toContain('edge_detect_sessions{function="edgeDetect",kind="live"} 1');
      await host.finish();
      const after = (await ask(status, '/metrics')).body;
      expect(after).toContain(
        'edge_detect_edges_total{function="edgeDetect",task="adsl",node="edgeDetect2"} 2',
      );
    }));

  test('pages through many groups, each once', () =>
    withAgent(async (agent) => {
      const host = await connect(agent.socketOf('edgeDetect'));
      await host.init(OPTIONS, 'many', 'n');
      host.send(Array.from({ length: 3_000 }, (_, n) => state(`h${n}`, 'UP', 0)));
      await host.keepalive(1n);
      const groups: string[] = [];
      let after = '';
      do {
        const path = `/sessions/many/n/states?limit=700${after === '' ? '' : `&after=${after}`}`;
        const page = JSON.parse((await ask(agent.socketOf('status'), path)).body);
        groups.push(...page.states.map(({ group }: { group: string }) => group));
        after = page.next ?? '';
      } while (after !== '');
      expect(groups.length).toBe(3_000);
      expect(new Set(groups).size).toBe(3_000);
      await host.finish();
    }));

  test('tells of edges as they are made', () =>
    withAgent(async (agent) => {
      const [response] = await open(agent.socketOf('status'), '/edges');
      const lines = createInterface({ input: response })[Symbol.asyncIterator]();
      const host = await connect(agent.socketOf('edgeDetect'));
      await host.init(OPTIONS.slice(0, 1), 'adsl', 'n');
      host.send([state('a', 'UP', 0), state('a', 'UP', 1), state('a', 'DOWN', 2)]);
      const first = JSON.parse(String((await lines.next()).value));
      const second = JSON.parse(String((await lines.next()).value));
      expect(first).toMatchObject({
        task: 'adsl',
        group: 'host=a',
        fields: { value: 'UP' },
        tags: { host: 'a' },
      });
      expect(second).toMatchObject({ time: '1970-01-01T00:00:02Z', fields: { value: 'DOWN' } });
      response.destroy();
      await host.finish();
    }));

  test('a reader that does not read loses edges, counted, and the task none', () =>
    withAgent(async (agent) => {
      const EDGES = 40_000;
      const [response] = await open(agent.socketOf('status'), '/edges');
      const host = await connect(agent.socketOf('edgeDetect'));
      await host.init(OPTIONS.slice(0, 1), 'busy', 'n');
      for (let at = 0; at < EDGES; at += 1000) {
        host.send(Array.from({ length: 1000 }, (_, n) => state('a', n % 2 === 0 ? 'UP' : 'DOWN', at + n)));
        await host.keepalive(BigInt(at));
      }
      expect((await host.finish()).length).toBe(EDGES);

      // It reads after all: what is told and what is said to be lost are all that there was, up to an edge that comes.
      const other = await connect(agent.socketOf('edgeDetect'));
      await other.init(OPTIONS.slice(0, 1), 'marker', 'n');
      let sent = 0;
      let told = 0;
      let lost = 0;
      for await (const line of createInterface({ input: response })) {
        const said = JSON.parse(line);
        if (said.lost === undefined) told++;
        else lost += said.lost;
        if (said.task === 'marker') break;
        if (told % 1000 !== 0) continue;
        other.send([state('m', String(sent), sent++)]);
        await other.keepalive(BigInt(sent));
      }
      expect(lost).toBeGreaterThan(0);
      // Markers of which nothing was told yet stand behind the one that was.
      expect(told + lost).toBeGreaterThan(EDGES);
      expect(told + lost).toBeLessThanOrEqual(EDGES + sent);
      response.destroy();
      await other.finish();
    }));

  test('answers health, and refuses what it does not know or what would change something', () =>
    withAgent(async (agent) => {
      const status = agent.socketOf('status');
      expect(await ask(status, '/healthz')).toMatchObject({ status: 200 });
      expect(await ask(status, '/readyz')).toMatchObject({ status: 200 });
      expect(await ask(status, '/nothing')).toMatchObject({ status: 404 });
      expect(await ask(status, '/sessions/no/such/states')).toMatchObject({ status: 404 });
      expect(await ask(status, '/sessions/a/b/states?limit=0')).toMatchObject({ status: 400 });
      expect(await ask(status, '/sessions', 'DELETE')).toMatchObject({ status: 405 });
    }));
});
