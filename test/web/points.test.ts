import { expect, test } from 'vitest';
import { ADSL, appOver, sourceOf } from './app.ts';

const URL_OF_POINTS = '/api/v1/points?database=telegraf';

test('line protocol is written, and what is refused is named by its number', async () => {
  const app = await appOver(sourceOf([]));
  const payload = 'adsl_connection,host=a value="UP" 1000\nnonsense\nadsl_connection,host=a value=3 2000\n';
  const answer = await app.inject({
    method: 'POST',
    url: URL_OF_POINTS,
    headers: { 'content-type': 'text/plain' },
    payload,
  });
  expect(answer.json()).toMatchObject({
    written: 1,
    refused: [{ item: 2 }, { item: 3, reason: expect.stringMatching(/conflict/) }],
  });
  expect((await app.inject(`/api/v1/states?${ADSL}`)).json().states).toMatchObject([{ value: 'UP' }]);
});

test('JSON is taken as InfluxDB or as Telegraf names its parts, times to the nanosecond', async () => {
  const app = await appOver(sourceOf([]));
  const payload =
    '[{"measurement":"adsl_connection","tags":{"host":"a"},"fields":{"value":"UP"},"time":1514979051065000001},' +
    '{"name":"adsl_connection","tags":{"host":"b"},"fields":{"value":"DOWN"},"timestamp":"2018-01-03T11:30:51.000000002Z"},' +
    '{"measurement":"adsl_connection","fields":{"value":null}}]';
  const answer = await app.inject({
    method: 'POST',
    url: URL_OF_POINTS,
    headers: { 'content-type': 'application/json' },
    payload,
  });
  expect(answer.json()).toMatchObject({ written: 2, refused: [{ item: 3 }] });
  expect((await app.inject(`/api/v1/states?${ADSL}`)).json().states).toMatchObject([
    { group: { host: 'a' }, heard: '2018-01-03T11:30:51.065000001Z' },
    { group: { host: 'b' }, heard: '2018-01-03T11:30:51.000000002Z' },
  ]);
});

test('where nothing can be written it is a problem, which names every point', async () => {
  const app = await appOver(sourceOf([]));
  const answer = await app.inject({
    method: 'POST',
    url: URL_OF_POINTS,
    headers: { 'content-type': 'text/plain' },
    payload: 'a\nb',
  });
  expect(answer.statusCode).toBe(422);
  expect(answer.json()).toMatchObject({
    code: 'POINTS_REFUSED',
    written: 0,
    refused: [{ item: 1 }, { item: 2 }],
  });
  const empty = await app.inject({
    method: 'POST',
    url: URL_OF_POINTS,
    headers: { 'content-type': 'application/json' },
    payload: '{',
  });
  expect(empty.json()).toMatchObject({ code: 'BODY_WRONG' });
});
