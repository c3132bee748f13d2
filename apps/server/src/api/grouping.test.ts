import { openRegistry } from '@hostwire/registry';
import { tempDir, waitFor } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { loadConfig } from '../config/load-config.ts';
import { registryOptions } from '../config/registry-options.ts';
import { testServer } from '../server.testkit.ts';

it('changes group and labels by the API for an admin, and shows at once what any process changed', async () => {
  const dataDir = tempDir();
  const server = await testServer({ dataDir });
  await server.host('pi-01');
  const [admin, read] = [await server.bearer('admin'), await server.bearer('api:read')];
  const patch = async (host: string, body: object, headers = admin): Promise<{ status: number; body: unknown }> => {
    const answer = await fetch(`${server.url}/api/hosts/${host}`, {
      method: 'PATCH',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  };
  const shown = async (): Promise<unknown> => ((await (await server.get('/api/hosts', read)).json()) as { hosts: unknown[] }).hosts[0];
  expect(await shown()).toMatchObject({ group: null, labels: {} });
  expect(await patch('pi-01', { group: 'pi', labels: { site: 'home' } })).toEqual({
    status: 200,
    body: { host: 'pi-01', group: 'pi', labels: { site: 'home' } },
  });
  expect(await shown()).toMatchObject({ group: 'pi', labels: { site: 'home' } });
  expect(await patch('pi-01', { labels: {} })).toMatchObject({ status: 200, body: { group: 'pi', labels: {} } });

  const events: { event: string; data: unknown }[] = [];
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, { headers: read });
  socket.on('message', (text) => void events.push(JSON.parse(String(text)) as (typeof events)[number]));
  await waitFor(() => events.some(({ event }) => event === 'hosts_update'), { what: 'the first list of hosts' });
  const other = await openRegistry(registryOptions(loadConfig({ dataDir }, {})));
  await other.hosts.update('pi-01', { group: 'attic' });
  await other.close();
  await waitFor(() => JSON.stringify(events).includes('"group":"attic"'), { timeout: 2000, what: 'the group on the page' });
  socket.close();

  expect(await patch('pi-01', { group: 'pi' }, read)).toMatchObject({ status: 403 });
  expect(await patch('pi-02', { group: 'pi' })).toMatchObject({ status: 404, body: { error: { code: 'not-found' } } });
  for (const wrong of [
    { group: '' },
    { group: 7 },
    { labels: { A: 'x' } },
    { labels: { a: null } },
    { labels: { a: '\t' } },
    { name: 'x' },
  ]) {
    expect(await patch('pi-01', wrong), JSON.stringify(wrong)).toMatchObject({ status: 400, body: { error: { code: 'invalid' } } });
  }
  expect(await shown()).toMatchObject({ group: 'attic', labels: {} });
});
