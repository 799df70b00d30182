import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { until } from '../../support/kapacitor/kapacitor.ts';
import { stateLine } from './points.ts';
import {
  accessTo,
  describeWithKapacitor,
  socketFolder,
  startAgent,
  startInflux,
  startKapacitor,
} from './stack.ts';

const PAGES = ['README.md', 'docs/options.md', 'docs/recipes.md'].map(
  (path) => new URL(`../../../${path}`, import.meta.url),
);

describeWithKapacitor('every TICKscript in the README, and on the pages of options and recipes', () => {
  test('is one that Kapacitor takes, runs, and gives points', async () => {
    const folder = socketFolder();
    const influxDb = await startInflux();
    await startAgent(folder);
    const kapacitor = await startKapacitor(folder, { influxDb: accessTo(influxDb) });
    const text = PAGES.map((page) => readFileSync(page, 'utf8')).join('\n');
    const scripts = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, script = '']) => script);
    expect(scripts.length).toBeGreaterThan(10);
    for (const [at, part] of scripts.entries()) {
      const id = `recipe-${at}`;
      await kapacitor.define(id, scriptOf(part, folder));
      expect(await kapacitor.task(id)).toMatchObject({ executing: true, error: '' });
      // A query finds its points in InfluxDB and not here.
      if (/^batch/.test(part)) continue;
      await kapacitor.feed([
        stateLine(at, 'SHOWTIME'),
        `${stateLine(at, '', 'r2').replace('value=""', 'temperature=20.5')}`,
      ]);
      await until(`${part} is fed`, async () => {
        const { error, nodes } = await kapacitor.task(id);
        expect(error).toBe('');
        const udf = Object.keys(nodes).find((name) => name.startsWith('edgeDetect')) ?? '';
        return (nodes[udf]?.collected ?? 0) > 0 || undefined;
      });
      expect(await kapacitor.task(id)).toMatchObject({ executing: true, error: '' });
    }
  });
});

/** What stands there as a part of a script becomes a whole one. */
function scriptOf(text: string, folder: string): string {
  const whole = /^(?:var|stream|batch)\b/.test(text)
    ? text
    : `stream\n    |from().measurement('adsl_connection').groupBy('host')\n${text}`;
  return whole.replaceAll('/var/log/kapacitor', folder);
}
