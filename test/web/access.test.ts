import { expect, test } from 'vitest';
import { SCOPES } from '../../src/web/access/guard.ts';
import { TokenFile } from '../../src/web/access/token-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { ADSL, ADSL_POLLS, appOver, OPEN, sourceOf } from './app.ts';

const STATES = `/api/v1/states?${ADSL}`;
const NOTES = '/api/v1/notes?database=telegraf';
const NOTE = { kind: 'note', from: '2020-01-01T00:00:00Z', to: '2020-01-02T00:00:00Z' };

test('a token is kept as its hash alone, and may what its scope says', async () => {
  let nowMs = 0;
  const tokens = new TokenFile(`${temporaryFolder()}/sub/tokens`, () => nowMs);
  const [read = '', write = ''] = SCOPES.map((scope) => tokens.add(scope, scope));
  expect(JSON.stringify(tokens.list())).not.toContain(read);
  const access = { ...OPEN, anonymous: undefined, scopeOf: (token: string) => tokens.scopeOf(token) };
  const app = await appOver(sourceOf(ADSL_POLLS), { access });
  const get = (token?: string) =>
    app.inject({
      url: STATES,
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    });
  expect((await get()).json()).toMatchObject({ code: 'TOKEN_MISSING', status: 401 });
  expect((await get('wrong')).json()).toMatchObject({ code: 'TOKEN_WRONG' });
  expect((await get(read)).statusCode).toBe(200);
  const post = (token: string) =>
    app.inject({ method: 'POST', url: NOTES, payload: NOTE, headers: { authorization: `Bearer ${token}` } });
  expect((await post(read)).json()).toMatchObject({ code: 'SCOPE_TOO_SMALL', status: 403 });
  expect((await post(write)).statusCode).toBe(201);
  tokens.remove('read');
  nowMs += 1_000;
  expect((await get(read)).statusCode).toBe(401);
});

test('a browser keeps its token in a cookie that no script reads', async () => {
  const access = {
    ...OPEN,
    anonymous: undefined,
    scopeOf: (token: string) => (token === 'good' ? 'read' : undefined),
  } as const;
  const app = await appOver(sourceOf(ADSL_POLLS), { access });
  const login = await app.inject({ method: 'POST', url: '/api/v1/session', payload: { token: 'good' } });
  const cookie = String(login.headers['set-cookie']);
  expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
  expect((await app.inject({ url: STATES, headers: { cookie: cookie.replace(/;.*/, '') } })).statusCode).toBe(
    200,
  );
  expect(
    (await app.inject({ method: 'POST', url: '/api/v1/session', payload: { token: 'bad' } })).statusCode,
  ).toBe(401);
});

test('without a token one may only what is said', async () => {
  const app = await appOver(sourceOf(ADSL_POLLS), { access: { ...OPEN, anonymous: 'read' } });
  expect((await app.inject(STATES)).statusCode).toBe(200);
  expect((await app.inject({ method: 'POST', url: NOTES, payload: NOTE })).json()).toMatchObject({
    code: 'TOKEN_MISSING',
  });
  expect((await app.inject('/healthz')).statusCode).toBe(200);
});

test('a page of another server can neither write here nor reach this one by a name of its own', async () => {
  const access = { ...OPEN, hosts: new Set(['localhost']), origins: new Set(['http://nas:8888']) };
  const app = await appOver(sourceOf(ADSL_POLLS), { access });
  const send = (headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: NOTES, payload: NOTE, headers });
  expect((await app.inject({ url: STATES, headers: { host: 'evil.example' } })).statusCode).toBe(403);
  expect((await send({ host: 'localhost:9095', origin: 'http://evil.example' })).statusCode).toBe(403);
  expect((await send({ host: 'localhost:9095', origin: 'http://localhost:9095' })).statusCode).toBe(201);
  const allowed = await send({ host: 'localhost:9095', origin: 'http://nas:8888' });
  expect(allowed.headers['access-control-allow-origin']).toBe('http://nas:8888');
});

test('no script but our own, no frame but ours, and no address of another server in what is sent', async () => {
  const app = await appOver(sourceOf([]));
  const { headers } = await app.inject('/');
  expect(headers['content-security-policy']).toMatch(/default-src 'none';script-src 'self';style-src 'self'/);
  expect(headers['content-security-policy']).not.toMatch(/unsafe/);
});
