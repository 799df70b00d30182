import { expect, test } from 'vitest';
import { ADSL, ADSL_POLLS, appOver, sourceOf } from './app.ts';

test('the present state of a polled router: its value, since when, and how often it changed', async () => {
  const app = await appOver(sourceOf(ADSL_POLLS));
  const answer = await app.inject(`/api/v1/states?${ADSL}`);
  expect(answer.json().states).toMatchObject([
    {
      group: { host: 'router1' },
      value: 'TRAINING',
      since: '2018-01-03T11:50:21Z',
      heard: '2018-01-03T11:54:51Z',
      changes: 5,
      stale: false,
    },
  ]);
});

test('intervals are clipped to the range, the one that began before it and the open one included', async () => {
  const app = await appOver(sourceOf(ADSL_POLLS));
  const answer = await app.inject(
    `/api/v1/intervals?${ADSL}&from=2018-01-03T11:40:00Z&to=2018-01-03T11:52:00Z`,
  );
  expect(answer.json().groups[0].intervals).toMatchObject([
    {
      value: 'SHOWTIME',
      from: '2018-01-03T11:40:00Z',
      to: '2018-01-03T11:41:21Z',
      seconds: 81,
      began: 'before',
    },
    { value: 'TRAINING', seconds: 360 },
    { value: 'SHOWTIME', seconds: 180 },
    { value: 'TRAINING', from: '2018-01-03T11:50:21Z', to: '2018-01-03T11:52:00Z', seconds: 99, open: true },
  ]);
});

test('options send what was polled through the detector: with hold(2m) what is seen for less is none', async () => {
  const app = await appOver(sourceOf(ADSL_POLLS));
  const answer = await app.inject(
    `/api/v1/intervals?${ADSL}&options=hold(2m)&from=2018-01-03T11:30:51Z&to=2018-01-03T11:52:51Z`,
  );
  expect(answer.json().groups[0].intervals).toMatchObject([
    { value: 'SHOWTIME', from: '2018-01-03T11:30:51Z', to: '2018-01-03T11:41:21Z' },
    { value: 'TRAINING', from: '2018-01-03T11:41:21Z', to: '2018-01-03T11:52:51Z', open: true },
  ]);
});

test('options that are wrong, or that choose among edges, are refused with the reason', async () => {
  const app = await appOver(sourceOf(ADSL_POLLS));
  for (const options of ['hold(x', 'nix(3)', "to('SHOWTIME')", 'hold(3)']) {
    const answer = await app.inject(`/api/v1/states?${ADSL}&options=${encodeURIComponent(options)}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'OPTIONS_REFUSED', parameter: 'options' });
  }
});
