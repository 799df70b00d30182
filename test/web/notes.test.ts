import { expect, test } from 'vitest';
import { ADSL, ADSL_POLLS, appOver, sourceOf } from './app.ts';

const RANGE = 'from=2018-01-03T11:30:51Z&to=2018-01-03T11:54:51Z';

test('a maintenance window is left out of availability until it is deleted', async () => {
  const app = await appOver(sourceOf(ADSL_POLLS));
  const summary = async () =>
    (await app.inject(`/api/v1/summary?${ADSL}&${RANGE}&up=SHOWTIME`)).json().groups[0];
  expect(await summary()).toMatchObject({ availability: 0.5, outages: { count: 3 }, maintenanceSeconds: 0 });

  const created = await app.inject({
    method: 'POST',
    url: '/api/v1/notes?database=telegraf',
    payload: {
      kind: 'maintenance',
      from: '2018-01-03T11:41:21Z',
      to: '2018-01-03T11:47:21Z',
      text: 'new cable',
      group: { host: 'router1' },
    },
  });
  expect(created.statusCode).toBe(201);
  const { id } = created.json();
  expect(await summary()).toMatchObject({
    availability: 2 / 3,
    outages: { count: 2 },
    maintenanceSeconds: 360,
  });

  const url = `/api/v1/notes/${id}?database=telegraf`;
  const changed = await app.inject({ method: 'PATCH', url, payload: { group: { host: 'router2' } } });
  expect(changed.json()).toMatchObject({ id, text: 'new cable', group: { host: 'router2' } });
  expect(await summary()).toMatchObject({ availability: 0.5 });

  await app.inject({ method: 'PATCH', url, payload: { group: {} } });
  expect(await summary()).toMatchObject({ availability: 2 / 3 });
  expect((await app.inject({ method: 'DELETE', url })).statusCode).toBe(204);
  expect(await summary()).toMatchObject({ availability: 0.5 });
  expect((await app.inject({ method: 'DELETE', url })).json()).toMatchObject({ code: 'NOTE_NOT_FOUND' });
});

test('notes are listed by range and measurement, and taken away as CSV', async () => {
  const app = await appOver(sourceOf(ADSL_POLLS));
  for (const payload of [
    { kind: 'note', from: '2020-01-01T00:00:00Z', to: '2020-01-02T00:00:00Z', text: 'a, "b"' },
    {
      kind: 'note',
      from: '2021-01-01T00:00:00Z',
      to: '2021-01-02T00:00:00Z',
      text: '=1',
      measurement: 'other',
    },
  ])
    await app.inject({ method: 'POST', url: '/api/v1/notes?database=telegraf', payload });
  const list = async (query: string) =>
    (await app.inject(`/api/v1/notes?database=telegraf${query}`)).json().notes;
  expect(await list('')).toHaveLength(2);
  expect(await list('&measurement=adsl_connection')).toHaveLength(1);
  expect(await list('&from=2020-12-31T00:00:00Z&to=2021-06-01T00:00:00Z')).toMatchObject([{ text: '=1' }]);
  const csv = await app.inject({ url: '/api/v1/notes?database=telegraf', headers: { accept: 'text/csv' } });
  expect(csv.body).toContain('"a, ""b"""');
  expect(csv.body).toContain(",'=1,");
});

test('a note that makes no sense is refused by name', async () => {
  const app = await appOver(sourceOf([]));
  const post = (payload: object) =>
    app.inject({ method: 'POST', url: '/api/v1/notes?database=telegraf', payload });
  const note = { kind: 'note', from: '2020-01-01T00:00:00Z', to: '2020-01-02T00:00:00Z' };
  expect((await post({ ...note, kind: 'x' })).json()).toMatchObject({
    code: 'BODY_WRONG',
    parameter: 'kind',
  });
  expect((await post({ ...note, to: '2019-01-02T00:00:00Z' })).json()).toMatchObject({
    code: 'PARAMETER_WRONG',
  });
  expect((await post({ ...note, from: 'yesterday' })).json()).toMatchObject({ parameter: 'from' });
});
