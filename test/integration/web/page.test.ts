import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appOver, sourceOf } from '../../web/app.ts';

const PAGE_DIR = fileURLToPath(new URL('../../../dist/web/page/', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SERIES = 'database=telegraf&measurement=adsl_edges&field=value&group=host&up=SHOWTIME';
const PATIENCE = { timeout: 30_000, interval: 200 };

const program = findChromium();
if (program === undefined) console.log('tests of the page are skipped: no chromium (CHROMIUM names one)');

function findChromium(): string | undefined {
  const name = process.env.CHROMIUM ?? 'chromium';
  try {
    return execFileSync('which', [name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/** Edges of the last hours, a minute apart, of two routers. */
function recentLines(): string[] {
  const nowMs = Date.now();
  return Array.from({ length: 120 }, (_, at) => {
    const value = at % 4 === 0 ? 'TRAINING' : 'SHOWTIME';
    return `adsl_edges,host=router${(at % 2) + 1} value="${value}" ${BigInt(nowMs - (120 - at) * 60_000) * 1_000_000n}`;
  });
}

describe.skipIf(program === undefined)('the page', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: program ?? '', args: ['--no-sandbox'] });
  });
  afterAll(() => browser?.close());

  /** Opens the page over points in memory; what it complains of, or asks of another server, is gathered. */
  async function open(query: string, viewport = { width: 1280, height: 820 }) {
    const source = sourceOf(recentLines());
    const app = await appOver(source, { pageDir: PAGE_DIR });
    const origin = await app.listen({ port: 0, host: '127.0.0.1' });
    const page = await browser.newPage({ viewport });
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!/^(?:data|blob):/.test(request.url()) && !request.url().startsWith(origin))
        complaints.push(request.url());
    });
    await page.goto(`${origin}/?${query}`, { waitUntil: 'domcontentloaded' });
    return { page, source, complaints };
  }

  async function textOf(page: Page): Promise<string> {
    return page.evaluate<string>('document.body.innerText');
  }

  test('shows groups, changes and availability; a live edge arrives; nothing is asked of another server', async () => {
    const { complaints, page, source } = await open(SERIES);
    await expect.poll(() => textOf(page), PATIENCE).toMatch(/outages?/);
    expect(await textOf(page)).toContain('router1');
    expect(await page.locator('canvas').count()).toBeGreaterThan(0);
    await expect.poll(() => textOf(page), PATIENCE).toContain('live');
    const line = `adsl_edges,host=router1 value="IDLE" ${BigInt(Date.now()) * 1_000_000n}`;
    await source.write({ database: 'telegraf', policy: undefined }, [line]);
    await expect.poll(() => textOf(page), PATIENCE).toMatch(/→\s*IDLE/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
  ])('has no barrier that axe finds: %s, %i pixels wide', async (theme, width) => {
    const { page } = await open(`${SERIES}&theme=${theme}`, { width, height: 820 });
    await expect.poll(() => textOf(page), PATIENCE).toContain('router1');
    await page.evaluate(AXE);
    const violations = await page.evaluate<
      { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[]
    >('axe.run().then(({ violations }) => violations)');
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    await page.close();
  });

  test('embedded it is the timeline alone, and without a series it says what to do', async () => {
    const embedded = await open(`${SERIES}&embed=1`);
    await expect.poll(() => embedded.page.locator('canvas').count(), PATIENCE).toBeGreaterThan(0);
    expect(await embedded.page.locator('select').count()).toBe(0);
    await embedded.page.close();
    const empty = await open('');
    await expect.poll(() => textOf(empty.page), PATIENCE).toContain('adsl_edges');
    await empty.page.close();
  });
});
