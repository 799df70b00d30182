import { expect, test } from 'vitest';
import { PROBLEM_CODES } from '../../src/web/api/schemas.ts';
import { appOver, sourceOf } from './app.ts';

test('the OpenAPI document is a fixture: a change of the API is a change of that file', async () => {
  const app = await appOver(sourceOf([]));
  const answer = await app.inject('/openapi.json');
  const document = `${JSON.stringify(answer.json(), undefined, 2)}\n`;
  await expect(document).toMatchFileSnapshot('../fixtures/web/openapi.json');
});

test('every route of the API says what it takes and gives, and what can go wrong', async () => {
  const app = await appOver(sourceOf([]));
  const { openapi, paths } = (await app.inject('/openapi.json')).json();
  expect(openapi).toBe('3.1.0');
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining([
      ...[
        'series',
        'states',
        'intervals',
        'summary',
        'edges',
        'events',
        'points',
        'notes',
        'notes/{id}',
        'tasks',
      ].map((route) => `/api/v1/${route}`),
      ...['enable', 'disable', 'revive'].map((action) => `/api/v1/tasks/{id}/${action}`),
      '/api/v1/agent/sessions',
      '/api/v1/agent/sessions/{task}/{node}/states',
    ]),
  );
  for (const [path, methods] of Object.entries(paths)) {
    if (!path.startsWith('/api/v1')) continue;
    for (const operation of Object.values(methods ?? {})) {
      expect(operation.summary, path).toBeTruthy();
      expect(Object.keys(operation.responses), path).toEqual(expect.arrayContaining(['4XX', '5XX']));
    }
  }
  expect(new Set(PROBLEM_CODES).size).toBe(PROBLEM_CODES.length);
});
