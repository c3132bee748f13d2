import type { Row } from '@hostwire/model';
import { topics } from '@hostwire/model';
import { waitFor } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { testServer } from '../server.testkit.ts';
import type { TmuxSessionBody } from './session-schemas.ts';

const row = (session: string, id: string, status: string): Row => ({
  tags: { user: 'anna', session },
  fields: { id, socket: '/tmp/tmux-1000/default', created: 1_789_000_000, attached: 0, windows: 1, status },
});
const INFO = {
  ...{ agent_version: '1', hostname: 'box', os: 'x', kernel: 'x', arch: 'x', user: 'hostwire', groups: [], capabilities: {} },
  ...{ run: 'r1', intervals: { fast: 5, medium: 30, slow: 300 }, actions: ['tmux.kill'] },
};

async function start() {
  const server = await testServer();
  const token = async (name: string, scopes: ('api:read' | 'operate' | 'admin')[]) => {
    const { token: secret } = await server.server.registry.tokens.add(name, scopes);
    return { authorization: `Bearer ${secret}` };
  };
  const reader = await token('reader', ['api:read']);
  const operator = await token('operator', ['api:read', 'operate']);
  const box = await server.host('box');
  await box.client.publish(topics().info('box'), JSON.stringify(INFO), { qos: 1, retain: true });
  await box.status('online');
  const tick = (rows: Row[]) => box.send({ tmux_session: rows }, { tier: 'medium', interval: 30 });
  await tick([row('train', '$1', 'legacy'), row('shell', '$2', 'active')]);
  const list = async (query = '') => {
    const answer = await server.get(`/api/sessions${query}`, reader);
    const { sessions = [], summary } = (await answer.json()) as { sessions?: TmuxSessionBody[]; summary?: object };
    return { status: answer.status, sessions, names: sessions.map(({ name }) => name), summary };
  };
  await waitFor(async () => (await list()).sessions.length === 2);
  return { server, reader, operator, tick, list };
}

describe('sessions', () => {
  it('are listed by status and host, with how many there are in all', async () => {
    const { list } = await start();
    const summary = { total: 2, active: 1, legacy: 1 };
    expect(await list()).toMatchObject({ names: ['shell', 'train'], summary });
    expect(await list('?status=legacy')).toMatchObject({ names: ['train'], summary });
    expect(await list('?host=box,nas&status=active')).toMatchObject({ names: ['shell'] });
    expect(await list('?host=nas')).toMatchObject({ names: [], summary: { total: 0 } });
    expect((await list('?status=dead')).status).toBe(400);
  });

  it('are confirmed to who may operate, and to nobody else; what is not there is said to be', async () => {
    const { server, reader, operator, list } = await start();
    const [session] = (await list()).sessions;
    const path = `/api/sessions/${session?.id}`;
    expect(await (await server.get(path, reader)).json()).toMatchObject({ session: { name: 'shell' }, confirmation: null });
    const { confirmation } = (await (await server.get(path, operator)).json()) as { confirmation: { token: string; expiresAt: number } };
    expect(confirmation.expiresAt - Date.now()).toBeLessThanOrEqual(60_000);
    const kill = async (headers: Record<string, string>, confirm?: string) => {
      const answer = await server.post(`${path}/kill`, confirm === undefined ? {} : { confirm }, headers);
      return [answer.status, ((await answer.json()) as { error: { code: string } }).error.code];
    };
    expect(await kill({}, confirmation.token)).toEqual([401, 'not-logged-in']);
    expect(await kill(reader, confirmation.token)).toEqual([403, 'forbidden']);
    expect(await kill(await server.cookie(), confirmation.token)).toEqual([403, 'foreign-origin']);
    expect(await kill(operator)).toEqual([400, 'invalid']);
    expect(await kill(operator, 'guessed')).toEqual([403, 'confirmation-unknown']);
    const codes = ['box~nothing', 'nas~nothing', 'nothing'].map(async (id) => (await server.get(`/api/sessions/${id}`, operator)).status);
    expect(await Promise.all(codes)).toEqual([410, 404, 404]);
    expect((await server.get('/api/audit', reader)).status).toBe(403);
    const { entries } = (await (await server.get('/api/audit', operator)).json()) as { entries: object[] };
    expect(entries).toMatchObject([{ host: 'box', action: 'tmux.kill', actor: 'operator', result: 'refused', args: { session: '$2' } }]);
  });

  it('are told of by the name of their host when they change', async () => {
    const { server, reader, tick, list } = await start();
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, { headers: reader });
    onTestFinished(() => socket.close());
    const told: { hosts: string[] }[] = [];
    socket.on('message', (bytes: Buffer) => {
      const { event, data } = JSON.parse(bytes.toString()) as { event: string; data: { hosts: string[] } };
      if (event === 'sessions_update') told.push(data);
    });
    await waitFor(() => told.length === 1, { what: 'the first news' });
    await tick([row('train', '$1', 'legacy')]);
    await waitFor(() => told.length === 2, { what: 'the news of a tick' });
    expect(told).toEqual([{ hosts: ['box'] }, { hosts: ['box'] }]);
    expect((await list()).names).toEqual(['train']);
  });

  it('and services stand beside what the host measures', async () => {
    const { server, reader } = await start();
    expect(await (await server.get('/api/hosts/box/stats', reader)).json()).toMatchObject({
      timestamp: expect.any(Number),
      host: { latest: { tmux_session: { tier: 'medium' } } },
      containers: { engine: null, summary: { total: 0 } },
      services: { services: [], allHealthy: null },
    });
    expect((await server.get('/api/hosts/nas/services', reader)).status).toBe(404);
  });
});
