import { systemSuite } from '@hostwire/testkit';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { launch, open, sideways } from './browser.ts';
import { type Fixture, type FixtureOptions, startFixture } from './fixture-server.ts';

systemSuite(['chromium'], 'the page on a story', () => {
  let browser: Browser;
  let story: Fixture;
  beforeAll(async () => {
    browser = await launch();
    story = await startFixture({ rare: true });
  });
  afterAll(async () => {
    await browser.close();
    await story.close();
  });
  const fixture = async (options: FixtureOptions): Promise<Fixture> => {
    const own = await startFixture(options);
    onTestFinished(() => own.close());
    return own;
  };

  describe.each([
    { width: 1440, height: 900, theme: 'dark' as const },
    { width: 390, height: 844, theme: 'light' as const },
  ])('at $width px, $theme', ({ width, height, theme }) => {
    it.each([
      '/',
      '/?view=table',
      '/hosts/gpu-box?range=12h',
      '/hosts/gpu-box?tab=metrics',
      '/hosts/gpu-box?tab=storage',
      '/hosts/gpu-box?tab=containers',
      '/hosts/gpu-box?tab=sample',
      '/alerts?open=a1',
      '/server',
      '/hosts/add?many',
      '/hosts/gpu-box?tab=settings',
    ])('%s has no error, no foreign request, nothing sideways', async (path) => {
      const { page, errors, foreign, close } = await open(browser, `${story.url}${path}`, {
        viewport: { width, height },
        colorScheme: theme,
      });
      await page.locator('[data-testid="connection"][data-state="live"]').waitFor();
      await page
        .locator(/^\/(hosts|server)/.test(path) ? '.panel' : path === '/' ? '.card' : '.tbl, .card, .arow')
        .first()
        .waitFor();
      await page.waitForLoadState('networkidle').catch(() => undefined);
      expect(await page.locator('html').getAttribute('data-theme')).toBe(theme);
      expect(await page.locator('main').innerText()).not.toMatch(/NaN|undefined|\bnull\b|\[object/);
      expect(await sideways(page)).toBeLessThanOrEqual(0);
      expect(errors).toEqual([]);
      expect(foreign).toEqual([]);
      await close();
    });
  });

  it('shows the worst first, and each state with its shape and word', async () => {
    const { page, close } = await open(browser, story.url);
    await page.locator('.card').nth(4).waitFor();
    const labels = await page
      .locator('.card')
      .evaluateAll((cards) => cards.slice(0, 5).map((card) => card.getAttribute('aria-label')?.split(', ').slice(0, 2).join(', ')));
    expect(labels).toEqual(['gpu-box, Critical', 'pi-02, Offline', 'nas, Warning', 'pi-05, Late', 'pi-06, Never connected']);
    expect(await page.title()).toBe('(3) Fleet - Hostwire');
    expect(await page.locator('link[rel=icon]').getAttribute('href')).toBe('/favicon-critical.svg');
    await page.locator('.card[data-host="docker-3"]').getByText('no data').waitFor();
    await close();
  });

  it('moves through the hosts by the arrows, as one tab stop', async () => {
    const { page, close } = await open(browser, story.url);
    await page.locator('.card').nth(4).waitFor();
    await page.locator('.card').first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    expect(await page.evaluate('document.activeElement.dataset.host')).toBe(await page.locator('.card').nth(5).getAttribute('data-host'));
    expect(await page.locator('.card[tabindex="0"]').count()).toBe(1);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/hosts\//);
    await close();
  });

  it('acknowledges an alert, and takes it back', async () => {
    const own = await fixture({});
    const { page, close } = await open(browser, own.url);
    const rows = page.locator('.banner li');
    await expect.poll(() => rows.count()).toBe(3);
    await rows
      .first()
      .getByRole('button', { name: /^Acknowledge/ })
      .click();
    await expect.poll(() => rows.count()).toBe(2);
    await page.locator('.toast').getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => rows.count()).toBe(3);
    await close();
  });

  it('zooms by dragging on every chart, pauses, and steps back by Z', async () => {
    const { page, errors, close } = await open(browser, `${story.url}/hosts/gpu-box?range=1h`);
    const over = page.locator('[data-panel="cpu"] .u-over');
    await over.waitFor();
    const box = await over.boundingBox();
    if (box === null) throw new Error('no chart');
    await page.mouse.move(box.x + 100, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + 220, box.y + 60, { steps: 4 });
    await page.mouse.up();
    await page.getByTestId('paused').getByText('Paused').waitFor();
    const params = new URL(page.url()).searchParams;
    const length = Number(params.get('to')) - Number(params.get('from'));
    expect(length / 3_600_000).toBeCloseTo(120 / box.width, 1);
    await page.getByTestId('paused').getByText('new sample').waitFor();
    await page.keyboard.press('z');
    await expect.poll(() => new URL(page.url()).searchParams.get('from')).toBeNull();
    expect(errors).toEqual([]);
    await close();
  });

  it('reads a chart by the keys, and opens it as a table', async () => {
    const { page, close } = await open(browser, `${story.url}/hosts/gpu-box?range=1h`);
    const chart = page.locator('[data-panel="load"] .plot');
    await chart.locator('canvas').waitFor();
    expect(await chart.getAttribute('aria-label')).toMatch(/^Load, 1h: 1 min mean [\d.]+, highest [\d.]+ at \d\d:\d\d, now /);
    await chart.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+ArrowRight');
    await expect.poll(() => chart.getAttribute('aria-valuetext')).toMatch(/^\d\d:\d\d:\d\d: 1 min [\d.]+, 5 min/);
    await page.keyboard.press('t');
    await page.getByRole('dialog').getByText('15 min').waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
    await close();
  });

  it('takes what a host says as text', async () => {
    const { page, close } = await open(browser, `${story.url}/hosts/gpu-box?tab=processes`);
    await page.getByText('<b>evil</b>').first().waitFor();
    await close();
  });

  it('says that the line is lost, polls, and catches up', async () => {
    const own = await fixture({});
    const { page, close } = await open(browser, own.url);
    const line = (state: string) => page.locator(`[data-testid="connection"][data-state="${state}"]`).waitFor({ timeout: 40_000 });
    await line('live');
    own.cut(true);
    await line('reconnecting');
    await line('polling');
    own.cut(false);
    await line('caught-up');
    await line('live');
    await close();
  });

  it('says what failed and tries again', async () => {
    const own = await fixture({ failing: 503 });
    const { page, close } = await open(browser, own.url);
    await page.getByText('The fleet could not be loaded').waitFor();
    await page.getByText('The store does not answer.').waitFor();
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    await close();
  });

  it('asks who is there before it shows anything', async () => {
    const own = await fixture({ loggedIn: false });
    const { page, close } = await open(browser, `${own.url}/alerts`);
    await page.waitForURL(/\/login\?to=\/alerts/);
    await page.getByLabel('One-time link or its code').fill(`${own.url}/login#code=GOOD`);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(/\/alerts$/);
    await page.getByText('k10temp_tctl').first().waitFor();
    await close();
  });
});
