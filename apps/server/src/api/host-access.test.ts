import { waitFor } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { testServer } from '../server.testkit.ts';

const json = async (answer: Promise<Response>) => (await (await answer).json()) as { token: string; message: string };

it('removes a host: out of the list, its connection ended, what it measured still there', async () => {
  const server = await testServer();
  const host = await server.host('pi-04');
  await host.send({ cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: 42 } }] });
  const admin = await server.bearer('admin');
  const remove = (name: string, headers: Record<string, string>) => fetch(`${server.url}/api/hosts/${name}`, { method: 'DELETE', headers });

  expect((await remove('pi-04', await server.bearer('operate'))).status).toBe(403);
  expect((await json(remove('pi-04', admin))).message).toMatch(/^Host pi-04 removed: .* stays in the store\.$/);
  await waitFor(() => !host.client.connected, { what: 'the end of its connection', timeout: 2000 });
  await waitFor(async () => (await server.get('/api/hosts/pi-04', admin)).status === 404, { what: 'the host to be gone' });
  const again = await remove('pi-04', admin);
  expect([again.status, await again.json()]).toMatchObject([
    404,
    { error: { code: 'not-found', message: expect.stringMatching(/^There is no host pi-04;/) } },
  ]);
  const kept = await server.get('/api/series?measurement=cpu&field=usage_active&from=-1m&host=pi-04', admin);
  expect(await kept.text()).toContain('42');
});

it('gives a host a new token, and refuses the old one', async () => {
  const server = await testServer();
  const host = await server.host('pi-04');
  const { tokens } = server.server.registry;
  const rotate = (name: string, headers: Record<string, string>) => server.post(`/api/hosts/${name}/rotate`, undefined, headers);

  expect((await rotate('pi-04', await server.bearer('api:read'))).status).toBe(403);
  const { token } = await json(rotate('pi-04', await server.bearer('admin')));
  expect(await tokens.checkMqtt('pi-04', token)).toMatchObject({ ok: true, kind: 'host', host: 'pi-04' });
  await waitFor(() => !host.client.connected, { what: 'the end of its connection', timeout: 2000 });
  expect((await rotate('nobody', await server.bearer('admin'))).status).toBe(404);
});
