import { join } from 'node:path';
import { systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startAgent } from '../../agent/src/agent.ts';
import { defaultConfig } from '../../agent/src/agent-config.ts';
import { openHost } from '../../agent/src/host-source.ts';
import { silent, testServer } from '../../server/src/server.testkit.ts';
import { serverKey } from '../../server/src/server-key.ts';
import { launch, open, sideways } from './browser.ts';
import { startFixture } from './fixture-server.ts';
import { startTmux } from './tmux-server.ts';

const OTHERS = ['cpu', 'disk', 'diskio', 'docker', 'kernel', 'mem', 'net', 'netstat', 'pressure', 'processes', 'swap', 'temp', 'zfs'];

systemSuite(['chromium', 'tmux'], 'the page of sessions', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  it('ends a session of a real agent after asking, and leaves the others', async () => {
    const tmux = startTmux('train-old', `it's $(reboot) <b>`);
    const dataDir = tempDir();
    const server = await testServer({ dataDir });
    const { token } = await server.server.registry.hosts.add('box');
    const agent = await startAgent({
      config: {
        ...defaultConfig(),
        ...{ server_key: serverKey(dataDir), actions: { allow: ['tmux.kill'] } },
        intervals: { fast_seconds: 1, medium_seconds: 1, slow_seconds: 600 },
        collectors: { ...Object.fromEntries(OTHERS.map((name) => [name, { enabled: false }])), tmux: { legacy_after_hours: 0 } },
      },
      ...{ host: 'box', spoolFolder: join(tempDir(), 'spool'), remapped: false, logger: silent },
      connection: { url: `mqtt://127.0.0.1:${server.server.ports.mqtt}`, token },
      source: await openHost({ mock: false, loop: false }),
    });
    onTestFinished(() => agent.stop());
    const { code } = await server.server.registry.logins.createLink(60_000);
    const { page, errors, close } = await open(
      browser,
      `${server.url}/login?to=${encodeURIComponent('/sessions?tab=legacy')}#code=${code}`,
    );

    // The machine may have sessions of others.
    const row = page.locator('tr[data-session="train-old"]', { hasText: `-L ${tmux.name} attach -t train-old` });
    await row.getByRole('button', { name: 'Details of train-old' }).click();
    expect(new URL(page.url()).searchParams.get('open')).toMatch(/^box~/);
    await page.locator('.sdet a.ssh').waitFor();
    // What a host says is text: in the table, and in the command, which names it by its number.
    const hostile = page.locator('tr', { hasText: tmux.name }).filter({ hasText: `it's $(reboot) <b>` });
    expect(await hostile.locator('code').innerText()).toMatch(/ attach -t \\\$\d+'$/);

    const dialog = page.getByRole('alertdialog');
    await row.getByRole('button', { name: 'Kill train-old' }).click();
    await dialog.getByText('1 window and 1 process end. This cannot be undone.').waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Cancel');
    await page.keyboard.press('Escape');
    await expect.poll(() => dialog.count()).toBe(0);
    expect(tmux.names()).toContain('train-old');

    await row.getByRole('button', { name: 'Kill train-old' }).click();
    expect(await dialog.getByRole('heading').innerText()).toBe('Kill session train-old on box?');
    await dialog.getByRole('button', { name: 'Kill train-old' }).click();
    await page.locator('.toast').getByText('Killed train-old on box').waitFor();
    expect(tmux.names()).toEqual([`it's $(reboot) <b>`]);
    await waitFor(async () => (await row.count()) === 0, { what: 'the row to go with the next sample' });
    expect(await hostile.count()).toBe(1);
    expect(errors).toEqual([]);
    await close();
  });

  it('says why a session may not be ended, and what the agent said when it refuses', async () => {
    const story = await startFixture({ every: 0 });
    onTestFinished(() => story.close());
    const { page, close } = await open(browser, `${story.url}/sessions?tab=legacy`, { viewport: { width: 390, height: 844 } });
    await page.locator('[data-session="scrub-watch"] button').first().click();
    await page.locator('.sdet').getByText('The agent of nas does not allow it').waitFor();
    expect(await page.getByRole('button', { name: /^Kill scrub-watch: not allowed/ }).getAttribute('aria-disabled')).toBe('true');

    await page.locator('[data-session="notebook"] button').first().click();
    await page.getByRole('button', { name: 'Kill notebook' }).click();
    const dialog = page.getByRole('alertdialog');
    await dialog.getByRole('button', { name: 'Kill notebook' }).click();
    await dialog.getByText('It was made anew under the same name.').waitFor();
    expect(await sideways(page)).toBeLessThanOrEqual(0);
    await page.keyboard.press('Escape');
    await expect.poll(() => dialog.count()).toBe(0);
    await close();
  });
});
