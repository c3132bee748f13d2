import { systemSuite, waitFor } from '@hostwire/testkit';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestHost, testServer } from '../../server/src/server.testkit.ts';
import { launch, open } from './browser.ts';

const GIB = 1024 ** 3;
const MINUTE = 60_000;

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

  it('shows the processes beside the chart that is pointed at, pins them, steps, and says where there was no sample', async () => {
    const server = await testServer();
    const host = await server.host('box');
    await host.status('online');
    const now = Date.now();
    const send = (ago: number, name: string) =>
      host.send(
        {
          cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: 40, usage_user: 30, usage_system: 10 } }],
          processes: [{ fields: { total: 412 } }],
          process_top: ['cpu', 'memory'].map((by) => ({
            tags: { by, rank: '1' },
            fields: { process_name: name, pid: 7, user: 'mira', cpu_usage: 214, memory_rss: 2 ** 30 },
          })),
        },
        { time: now - ago, interval: 30, backfill: ago > 0 },
      );
    // From an hour ago until now, but for five minutes in the middle.
    const times = Array.from({ length: 120 }, (_, n) => 60 * MINUTE - n * 30_000).filter((ago) => ago > 33 * MINUTE || ago < 28 * MINUTE);
    await Promise.all(times.map((ago) => send(ago, ago > 33 * MINUTE ? 'backup' : 'training')));
    await send(0, 'present');

    const { code } = await server.server.registry.logins.createLink(60_000);
    const { page, errors, close } = await open(browser, `${server.url}/login?to=/hosts/box#code=${code}`);
    const panel = page.locator('.moment');
    await panel.getByText('present').waitFor();
    const plot = page.locator('[data-panel="cpu"] .u-over');
    await plot.waitFor();
    const box = await plot.boundingBox();
    if (box === null) throw new Error('no chart');

    await page.mouse.move(box.x + box.width * 0.25, box.y + 40);
    await panel.getByText('backup').waitFor();
    await page.mouse.move(box.x + box.width * 0.25, box.y - 200);
    await panel.getByText('present').waitFor();

    await page.mouse.click(box.x + box.width * 0.75, box.y + 40);
    await panel.getByText('training').waitFor();
    await panel.getByText('1 of 412 processes were recorded in this sample.').waitFor();
    const at = (): number => Number(new URL(page.url()).searchParams.get('at'));
    const pinned = at();
    expect(Math.abs(pinned - (now - 15 * MINUTE))).toBeLessThan(3 * MINUTE);
    await page.getByTestId('moment').waitFor();
    await page.keyboard.press('[');
    await expect.poll(at).toBeLessThan(pinned);
    const before = at();
    await page.locator('.moment[aria-busy="false"]').waitFor();
    await page.keyboard.press(']');
    await expect.poll(at).toBeGreaterThan(before);

    // In the silence: why there is nothing, and the way out of it on both sides.
    await page.goto(`${server.url}/hosts/box?at=${now - 30.5 * MINUTE}`);
    await panel.getByText(/^No sample between \d\d:\d\d:\d\d and \d\d:\d\d:\d\d\.$/).waitFor();
    await panel
      .getByRole('button', { name: /^Go to/ })
      .first()
      .click();
    await panel.getByText('backup').waitFor();
    await panel.getByRole('button', { name: 'Now' }).click();
    await panel.getByText('present').waitFor();
    expect(new URL(page.url()).searchParams.get('at')).toBeNull();
    expect(errors).toEqual([]);
    await close();
  });
});
