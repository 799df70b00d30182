import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { InfluxSource } from '../../src/web/sources/influx-source.ts';
import { atEnd } from '../support/at-end.ts';
import { appOver } from './app.ts';

const ATTACKS = [
  `x"; DROP DATABASE telegraf; --`,
  `x'; DROP SERIES FROM m; --`,
  `x\\"; DROP MEASUREMENT m; --`,
  `x\\'; DROP MEASUREMENT m; --`,
  `x\n; DROP USER admin`,
  `" OR 1=1 --`,
  `' OR '1'='1`,
  `/.*/`,
  `x" INTO "other"."autogen"."m" FROM "m`,
  `$tag`,
  '\u0000";--',
];
const PARAMETERS = ['database', 'policy', 'measurement', 'field', 'group', 'where'];

/** What InfluxQL would read: names in double quotes, texts in single ones; the rest is ours. */
function outsideOfQuotes(query: string): string {
  let rest = '';
  for (let at = 0; at < query.length; at++) {
    const quote = query[at];
    if (quote !== '"' && quote !== "'") {
      rest += quote;
      continue;
    }
    for (at++; query[at] !== quote; at++) {
      if (at >= query.length) throw new Error(`a quote is not closed in ${query}`);
      if (query[at] === '\n') throw new Error(`a line break stands within quotes in ${query}`);
      if (query[at] === '\\') at++;
    }
    rest += 'Q';
  }
  return rest;
}

const OURS =
  /^(?:SHOW (?:DATABASES|(?:FIELD|TAG) KEYS ON Q)|SELECT (?:(?:first|last)\()?Q::field(?:, Q::(?:field|tag))*\)? FROM Q(?: WHERE (?:\(?(?:time (?:>=|<) -?\d+|Q::tag = Q|Q::field != Q)\)?(?: AND | OR )?)+)?(?: GROUP BY Q(?:, Q)*)?)$/;

test('nothing that is given in a parameter, a note or a task ever leaves its quotes', async () => {
  const queries: { readonly q: string; readonly db: string | null }[] = [];
  const influx = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    if (request.url === '/query') queries.push({ q: form.get('q') ?? '', db: form.get('db') });
    response.end('{"results":[{"statement_id":0}]}');
  });
  await once(influx.listen(0, '127.0.0.1'), 'listening');
  const address = influx.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const source = new InfluxSource({
    url: new URL(`http://127.0.0.1:${port}`),
    authorization: undefined,
    timeoutMs: 5_000,
  });
  atEnd(async () => {
    await source.close();
    influx.close();
  });
  const app = await appOver(source, { freshMs: 0 });
  for (const attack of ATTACKS) {
    for (const attacked of PARAMETERS) {
      const query = new URLSearchParams({
        database: 'telegraf',
        measurement: 'm',
        field: 'value',
        group: 'host',
      });
      query.set(attacked, attacked === 'where' ? `host=${attack}` : attack);
      for (const route of ['states', 'edges', 'intervals', 'summary']) {
        const answer = await app.inject(`/api/v1/${route}?${query}&from=-1h`);
        expect([200, 400], `${route} ${attacked} ${attack}: ${answer.body}`).toContain(answer.statusCode);
      }
      query.set('where', `${attack.replaceAll('=', '')}=x`);
      await app.inject(`/api/v1/states?${query}`);
    }
    const database = encodeURIComponent(attack);
    await app.inject(`/api/v1/series?database=${database}`);
    await app.inject(`/api/v1/notes?database=${database}`);
    await app.inject({ method: 'DELETE', url: `/api/v1/notes/${database}?database=${database}` });
  }
  expect(queries.length).toBeGreaterThan(500);
  for (const { q } of queries) expect(outsideOfQuotes(q), q).toMatch(OURS);
});
