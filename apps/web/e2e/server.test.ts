import { systemSuite, waitFor } from '@hostwire/testkit';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestHost, testServer } from '../../server/src/server.testkit.ts';
import { launch, open } from './browser.ts';

const GIB = 1024 ** 3;

function send(host: TestHost, usage: number): Promise<unknown> {
  return host.send({
    cpu: ['cpu-total', 'cpu0'].map((cpu) => ({
      tags: { cpu },
      fields: { usage_active: usage, usage_user: usage * 0.8, usage_system: usage * 0.2, usage_iowait: 0, usage_steal: 0 },
    })),
    mem: [{ fields: { used_percent: 41.2, used: 4 * GIB, available: 6 * GIB, free: 2 * GIB, total: 10 * GIB } }],
    system: [{ fields: { load1: 0.42, load5: 0.4, load15: 0.3, n_cpus: 4, uptime: 7200 } }],
  });
}

systemSuite(['chromium'], 'the page on the real server', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  it('logs in by the one-time link, sees a value change, changes the range', async () => {
    const server = await testServer();
    const host = await server.host('pi');
    await host.status('online');
    await send(host, 12.5);
    const { code } = await server.server.registry.logins.createLink(60_000);

    const { page, errors, foreign, close } = await open(browser, `${server.url}/login#code=${code}`);
    const card = page.locator('.card[data-host="pi"]');
    await card.locator('.cells .num', { hasText: '12.5' }).waitFor();
    expect(page.url()).toBe(`${server.url}/`);
    expect(await page.evaluate('location.hash + history.length')).not.toContain(code);
    await page.locator('[data-testid="connection"][data-state="live"]').waitFor();

    await send(host, 71.3);
    await card.locator('.cells .num', { hasText: '71.3' }).waitFor();

    await card.click();
    const cpu = page.locator('[data-panel="cpu"]');
    await cpu.locator('canvas').waitFor();
    const [wider] = await Promise.all([
      page.waitForRequest((request) => request.url().includes('/api/series') && request.url().includes('usage_user')),
      page.getByRole('button', { name: '6h', exact: true }).click(),
    ]);
    const asked = new URL(wider.url()).searchParams;
    expect(Number(asked.get('to')) - Number(asked.get('from'))).toBeGreaterThanOrEqual(6 * 3_600_000);
    expect(new URL(page.url()).searchParams.get('range')).toBe('6h');

    // A live sample is on the chart without asking for it.
    await page.getByRole('button', { name: 'Live', exact: true }).click();
    await waitFor(
      async () => {
        await send(host, 33.3);
        return (await cpu.locator('.now').textContent())?.includes('33.3');
      },
      { what: 'the live sample on the chart', interval: 1000, timeout: 40_000 },
    );

    expect(errors).toEqual([]);
    expect(foreign).toEqual([]);
    await close();
  });

  it('refuses a used link and says how to get another', async () => {
    const server = await testServer();
    const { code } = await server.server.registry.logins.createLink(60_000);
    const link = `${server.url}/login#code=${code}`;
    const first = await open(browser, link);
    await first.page.getByText('No host yet').waitFor();
    await first.page.getByText('npm run hostwire -- host add my-host').waitFor();
    const second = await open(browser, link);
    await second.page.getByRole('alert').getByText('This link was used already or has expired.').waitFor();
    await second.page.getByText('npm run hostwire -- login').waitFor();
    await first.close();
    await second.close();
  });
});
