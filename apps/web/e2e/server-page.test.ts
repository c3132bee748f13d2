import { systemSuite } from '@hostwire/testkit';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { launch, open, sideways, type Watched } from './browser.ts';
import { type FixtureOptions, startFixture } from './fixture-server.ts';

systemSuite(['chromium'], 'the page about the server, and what hosts lost', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());
  async function visit(path: string, options: FixtureOptions = {}, context: Parameters<typeof open>[2] = {}): Promise<Watched> {
    const own = await startFixture(options);
    const watched = await open(browser, `${own.url}${path}`, context);
    onTestFinished(async () => {
      await watched.close();
      await own.close();
    });
    return watched;
  }

  describe.each([
    { width: 1440, height: 900, theme: 'dark' as const },
    { width: 390, height: 844, theme: 'light' as const },
  ])('at $width px, $theme', ({ width, height, theme }) => {
    it.each([
      ['/server?counter=ingest.samples&q=ingest', { server: 'apart' }],
      ['/hosts/gpu-box?range=12h', {}],
      ['/hosts/docker-1', { conflict: true }],
    ] as const)('%s has no error, no foreign request, nothing sideways', async (path, options) => {
      const { page, errors, foreign } = await visit(path, options, { viewport: { width, height }, colorScheme: theme });
      await page.locator('[data-testid="connection"][data-state="live"]').waitFor();
      await page.locator('.panel canvas').first().waitFor();
      expect(await page.locator('main').innerText()).not.toMatch(/NaN|undefined|\bnull\b|\[object|Infinity/);
      expect(await sideways(page)).toBeLessThanOrEqual(0);
      expect(errors).toEqual([]);
      expect(foreign).toEqual([]);
    });
  });

  it('is reached by its keys, from the menu, and from where the server says that it is degraded', async () => {
    const { page } = await visit('/', { server: 'apart' });
    await page.locator('.card').first().waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('v');
    await page.getByRole('heading', { name: 'Server', level: 1 }).waitFor();
    await page.goBack();
    await page.getByRole('button', { name: /^Signed in as/ }).click();
    await page.getByRole('menuitem', { name: /^Server/ }).click();
    await page.waitForURL(/\/server$/);
    await page.goBack();
    await page.getByRole('link', { name: 'Degraded: store' }).click();
    await page.waitForURL(/\/server$/);
  });

  it('says what does not work and what to do, the worst first, and takes names of processes as text', async () => {
    const { page } = await visit('/server', { server: 'apart' });
    const troubles = page.locator('.trouble');
    await troubles.first().waitFor();
    expect(await troubles.evaluateAll((all) => all.map((one) => one.getAttribute('data-trouble')))).toEqual([
      'role alerts',
      'store',
      'dead letters',
      'gaps',
    ]);
    expect(await troubles.nth(1).innerText()).toMatch(/They wait in the journal since \d\d:\d\d: \d+ samples, [\d.]+ MiB/);
    await page.getByRole('button', { name: 'Copy npm run hostwire -- deadletter list' }).waitFor();
    await page.locator('[data-process="<i>api</i>-old/api"]').getByText('Silent').waitFor();
    await page.locator('[data-station="Journal"]').getByText('waits to try again').waitFor();
  });

  it('has every counter in a table that is searched, and draws the one that is chosen', async () => {
    const { page, errors } = await visit('/server');
    await page.getByText('Works as it should').waitFor();
    const rows = page.locator('.counters tbody tr');
    expect(await rows.count()).toBeGreaterThan(30);
    await page.keyboard.press('/');
    await page.keyboard.type('refused token');
    await expect.poll(() => rows.count()).toBe(1);
    await rows.getByRole('button').click();
    await page.locator('[data-panel="counter broker refused_bad_token"] canvas').waitFor();
    expect(new URL(page.url()).searchParams.get('counter')).toBe('broker.refused_bad_token');
    // Two answers tell how much flows.
    await expect
      .poll(() => page.locator('[data-station="Ingest"]').innerText(), { timeout: 20_000 })
      .toMatch(/Samples, acknowledged\s+1\d\.\d\s*\/s/);
    expect(errors).toEqual([]);
  });

  it('says that its figures could not be loaded, and tries again', async () => {
    const { page } = await visit('/server', { server: 'failing' });
    await page.getByText("The server's own figures could not be loaded").waitFor();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('The store does not answer.').waitFor();
  });

  it('says on the page of a host what is missing, marks it, and leads the charts there', async () => {
    const { page, errors } = await visit('/hosts/gpu-box?range=1h');
    const lines = page.locator('.lost li');
    await lines.first().waitFor();
    expect(await lines.first().innerText()).toMatch(/^1 sample missing, .*\d\d:\d\d:\d\d: taken with a wrong clock/);
    expect(await lines.nth(1).innerText()).toMatch(/^97 samples missing, .* to .*: the agent's disk refused its spool/);
    await page.locator('.evl').getByText('252 samples missing').waitFor();
    const chart = page.locator('[data-panel="cpu"] .plot');
    await expect.poll(() => chart.getAttribute('aria-label')).toMatch(/; 2 gaps$/);
    const mark = page.locator('.tl').getByRole('button', { name: /^97 samples missing/ });
    await mark.focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => new URL(page.url()).searchParams.get('from')).not.toBeNull();
    const params = new URL(page.url()).searchParams;
    expect((Number(params.get('to')) - Number(params.get('from'))) / 60_000).toBeCloseTo(12, 0);
    expect(errors).toEqual([]);
  });

  it('takes the reason of a gap as text', async () => {
    const { page } = await visit('/hosts/pi-02?range=6h');
    await page.locator('.lost').getByText('the agent says: <b>moths</b>').waitFor();
  });

  it('says plainly that two agents have one identity', async () => {
    const { page } = await visit('/hosts/docker-1', { conflict: true });
    const notice = page.getByRole('region', { name: 'Two agents with one identity' });
    await notice.getByText('k3v9q0').waitFor();
    expect(await notice.innerText()).toMatch(/Run k3v9q0 was there first; run m8t2zd came at \d\d:\d\d/);
    await notice.getByRole('button', { name: 'Copy npm run hostwire -- host rotate docker-1' }).waitFor();
  });

  it('does not move what is on the page when the missing samples are known', async () => {
    const { page } = await visit('/hosts/gpu-box?range=1h');
    await page.locator('.lost li').first().waitFor();
    await page.locator('[data-panel="cpu"] canvas').waitFor();
    const moved = await page.evaluate(
      `new Promise((done) => new PerformanceObserver((list) => done(list.getEntries().filter(({ sources }) =>
        sources.some(({ node }) => node instanceof Element && node.closest('.panels'))).length)).observe({ type: 'layout-shift', buffered: true }) ||
        setTimeout(() => done(0), 500))`,
    );
    expect(moved).toBe(0);
  });
});
