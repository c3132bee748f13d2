import { topics } from '@hostwire/model';
import { systemSuite, waitFor } from '@hostwire/testkit';
import { connectMqtt } from '@hostwire/transport';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { EnrolledBody } from '../../server/src/api/enrolment-schemas.ts';
import { silent, TestHost, type TestServer, testServer } from '../../server/src/server.testkit.ts';
import { launch, open, sideways, type Watched } from './browser.ts';
import { type FixtureOptions, startFixture } from './fixture-server.ts';

const INFO = {
  ...{ agent_version: '0.4.0', hostname: 'pi-04', os: 'Debian GNU/Linux 12', kernel: '6.6', arch: 'arm64', user: 'hostwire', groups: [] },
  capabilities: {
    cpu: { available: true },
    smart: { available: false, reason: '/dev/sda cannot be read (EACCES)', hint: 'adduser x disk' },
  },
  ...{ run: 'r2', intervals: { fast: 5, medium: 30, slow: 300 } },
};

systemSuite(['chromium'], 'adding a host', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  async function visit(server: TestServer, path: string): Promise<Watched> {
    const { code } = await server.server.registry.logins.createLink(60_000);
    const watched = await open(browser, `${server.url}/login?to=${encodeURIComponent(path)}#code=${code}`);
    onTestFinished(() => watched.close());
    return watched;
  }

  /** What an agent does with the answer to its code: it connects, says what it is, sends a sample. */
  async function comeIn(server: TestServer, { host, token }: EnrolledBody): Promise<void> {
    const url = `mqtt://127.0.0.1:${server.server.ports.mqtt}`;
    const client = connectMqtt({ url, clientId: host, username: host, password: token, logger: silent });
    onTestFinished(() => client.close());
    await waitFor(() => client.connected, { what: 'the connection of the new host' });
    const agent = new TestHost(host, client);
    await client.publish(topics().info(host), JSON.stringify(INFO), { qos: 1, retain: true });
    await agent.status('online');
    await agent.send({ cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: 14.6, usage_user: 9 } }] }, { run: 'r2' });
  }

  it('makes a code, and shows the host come in step by step', async () => {
    const server = await testServer({ listen: '0.0.0.0' });
    const { page, errors } = await visit(server, '/hosts/add');
    await page.getByLabel('Name').fill('pi-04');
    await page.getByLabel('Group').fill('Pi');
    await page.getByLabel('Labels').fill('site=home');
    await page.keyboard.press('Enter');
    const steps = page.getByRole('list', { name: 'Progress' }).getByRole('listitem');
    await steps.getByText('Waiting for the command to be run').waitFor();
    const command = (await page.locator('.cmdbox code').innerText()).replace(/ \\\n\s*/g, ' ');
    const code = /--code ([0-9A-Z-]{14})$/.exec(command.trim())?.[1];
    expect(command).toContain('/install.sh | sudo sh -s -- --server ');

    const used = await server.post('/api/enroll', { code, host: 'pi-04', facts: { hostname: 'pi-04' } });
    expect(used.status).toBe(200);
    await steps.getByText('Code used from 127.0.0.1').waitFor();
    await page.locator('.cmdbox').getByText('Code used').waitFor();
    await comeIn(server, (await used.json()) as EnrolledBody);
    await steps.getByText('Connected, agent 0.4.0, arm64').waitFor();
    await steps.getByText('First sample stored, 2 values').waitFor();
    // What happened before its eyes has its time.
    expect(await steps.locator('time').count()).toBe(3);
    await steps.getByText('1 of 2 collectors needs a permission').waitFor();
    await page.locator('.arrive .card[data-host="pi-04"] .num', { hasText: '14.6' }).waitFor();

    // A reload goes on where it was.
    await page.reload();
    await steps.getByText('First sample stored').waitFor();
    await page.getByRole('link', { name: 'Show how' }).click();
    await page.waitForURL(/\/hosts\/pi-04\?tab=capabilities/);
    await page.locator('.hhead .tags', { hasText: 'site=home' }).waitFor();
    expect(errors).toEqual([]);
  });

  it('lets hosts in that came with one code for many, and refuses others', async () => {
    const server = await testServer({ listen: '0.0.0.0' });
    const { page, errors } = await visit(server, '/hosts/add?many');
    await page.getByRole('button', { name: 'Get the command' }).click();
    const code = await page.locator('.cmdbox b').innerText();
    const ask = async (hostname: string) => {
      const answer = await server.post('/api/enroll', { code, facts: { hostname, os: '<b>Debian</b>' } });
      return { status: answer.status, ...((await answer.json()) as { request: string; secret: string }) };
    };
    const [good, bad] = [await ask('web-3'), await ask('intruder')];
    expect([good.status, bad.status]).toEqual([202, 202]);

    await page.getByRole('link', { name: 'Add a host, 2 hosts wait for approval' }).waitFor();
    const request = page.getByRole('form', { name: 'Request of web-3' });
    await request.getByText('<b>Debian</b>').waitFor();
    await request.getByLabel('Name').fill('web-03');
    await request.getByLabel('Group').fill('Web');
    await request.getByRole('button', { name: 'Approve web-03' }).click();
    await page.getByRole('form', { name: 'Request of intruder' }).getByRole('button', { name: 'Deny' }).click();
    await page.getByRole('link', { name: 'Add a host', exact: true }).waitFor();

    const claim = ({ request: id, secret }: typeof good) => server.post(`/api/enroll/${id}`, { secret });
    expect((await claim(bad)).status).toBe(403);
    const claimed = await claim(good);
    expect(claimed.status).toBe(200);
    const enrolled = (await claimed.json()) as EnrolledBody;
    expect(enrolled).toMatchObject({ host: 'web-03', group: 'Web' });
    await comeIn(server, enrolled);
    await page.locator('.decided').getByRole('link', { name: 'web-03' }).click();
    await page.locator('.hhead h1', { hasText: 'web-03' }).waitFor();
    expect(errors).toEqual([]);
  });

  it('lets a host in again that was there before, with a new token', async () => {
    const server = await testServer({ listen: '0.0.0.0' });
    const before = await server.host('pi-04');
    await before.send({ cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: 1 } }] });
    const { page, errors } = await visit(server, '/hosts/pi-04?tab=settings');
    await page.getByRole('link', { name: 'Get the command' }).click();
    await page.getByText('With this code it gets a new token').waitFor();
    await page.getByRole('button', { name: 'Get the command' }).click();
    const code = await page.locator('.cmdbox b').innerText();
    const used = await server.post('/api/enroll', { code, host: 'pi-04', facts: { hostname: 'pi-04' } });
    const steps = page.getByRole('list', { name: 'Progress' }).getByRole('listitem');
    await steps.getByText('Waiting for its agent to connect').waitFor();
    await waitFor(() => !before.client.connected, { what: 'the end of the old connection' });
    await comeIn(server, (await used.json()) as EnrolledBody);
    await steps.getByText('First sample stored, 2 values').waitFor();
    expect(errors).toEqual([]);
  });

  it('changes what a host is called together with, and removes it', async () => {
    const server = await testServer();
    await server.host('pi-04');
    const { page, errors } = await visit(server, '/hosts/pi-04?tab=settings');
    await page.getByLabel('Group', { exact: true }).fill('Raspberry Pi');
    await page.getByLabel('Labels', { exact: true }).fill('site=home rack="row 2"');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved', { exact: true }).waitFor();
    expect(await server.server.registry.hosts.get('pi-04')).toMatchObject({
      group: 'Raspberry Pi',
      labels: { site: 'home', rack: 'row 2' },
    });

    await page.goto(`${server.url}/?q=${encodeURIComponent('label:rack="row 2" group:"raspberry pi"')}`);
    await page.locator('.card[data-host="pi-04"]').click();
    await page.getByRole('button', { name: 'New token' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Rotate pi-04' }).click();
    const token = await page.locator('.token .copyline code').innerText();
    expect(await server.server.registry.tokens.checkMqtt('pi-04', token)).toMatchObject({ ok: true });
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Remove' }).click();
    // The way out has the focus.
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Cancel');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove pi-04' }).click();
    await page.locator('.toast').getByText('What it measured stays in the store.').waitFor();
    await page.getByText('No host yet').waitFor();
    await waitFor(async () => (await server.server.registry.hosts.get('pi-04')) === null, { what: 'the host to be gone' });
    expect(errors).toEqual([]);
  });

  describe('on a story', () => {
    async function story(path: string, options: FixtureOptions, context: Parameters<typeof open>[2] = {}): Promise<Watched> {
      const own = await startFixture(options);
      const watched = await open(browser, `${own.url}${path}`, context);
      onTestFinished(async () => {
        await watched.close();
        await own.close();
      });
      return watched;
    }

    it('says on a server of this machine alone how to let others in, and makes no command', async () => {
      const { page } = await story('/hosts/add', { loopback: true });
      await page.getByText('No other host reaches this server').waitFor();
      await page.getByText('npm start -- --listen 0.0.0.0').waitFor();
      expect(await page.getByLabel('Name').count()).toBe(0);
    });

    it('checks a name as it is typed, and asks for no code until all is right', async () => {
      const { page } = await story('/hosts/add', {});
      const name = page.getByLabel('Name');
      const get = page.getByRole('button', { name: 'Get the command' });
      expect(await get.isDisabled()).toBe(true);
      for (const [typed, told] of [
        ['Pi 04', 'A name has no spaces. Try pi-04.'],
        ['nas', 'Another host has this name.'],
      ] as const) {
        await name.fill(typed);
        await page.getByText(told).waitFor();
        expect([await name.getAttribute('aria-invalid'), await get.isDisabled()]).toEqual(['true', true]);
      }
      await name.fill('pi-04');
      await page.getByText('It is free.').waitFor();
      expect(await get.isDisabled()).toBe(false);
    });

    it('shows on every page what the server warns of, from the first look on', async () => {
      const warnings = [{ code: 'plain-transport', message: 'Tokens cross the <b>network</b> unencrypted.' }];
      const { page, errors } = await story('/', { warnings }, { viewport: { width: 390, height: 844 } });
      for (const path of ['/', '/alerts', '/server', '/hosts/nas', '/hosts/add']) {
        await page.goto(new URL(path, page.url()).href);
        await page.getByRole('status', { name: 'Warnings of the server' }).getByText('Tokens cross the <b>network</b>').waitFor();
        await page.evaluate('window.scrollTo(0, 9999)');
        expect(await page.locator('.warnings li').evaluate((li) => li.getBoundingClientRect().top)).toBeGreaterThanOrEqual(0);
        expect(await sideways(page)).toBeLessThanOrEqual(0);
      }
      expect(errors).toEqual([]);
    });

    it('divides the fleet by its groups', async () => {
      const { page } = await story('/?view=table', { rare: true });
      const heads = page.locator('tr.grp');
      await heads.nth(6).waitFor();
      expect((await heads.allInnerTexts()).slice(0, 3)).toEqual([
        'GPU1 host, 1 critical',
        'Pi3 hosts, 1 offline',
        'Storage2 hosts, 1 warning',
      ]);
      await page.getByRole('button', { name: 'Pi 3' }).click();
      await expect.poll(() => page.locator('tbody tr[data-host]').count()).toBe(3);
      expect(new URL(page.url()).searchParams.get('group')).toBe('Pi');
    });
  });
});
