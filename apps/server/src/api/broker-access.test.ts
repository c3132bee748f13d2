import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir, waitFor } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { internalToken } from '../internal-token.ts';
import { type TestServer, testServer } from '../server.testkit.ts';

const SECRET = '0123456789abcdef-secret';
const HEADER = 'x-hostwire-broker-secret';

/** A server whose broker is that of another, and asks it. */
async function asked(): Promise<TestServer> {
  const dataDir = tempDir();
  const broker = await testServer({ dataDir });
  const config = join(tempDir(), 'hostwire.toml');
  const lines = [
    '[broker]',
    `url = "mqtt://127.0.0.1:${broker.server.ports.mqtt}"`,
    'username = "hostwire-server"',
    `password = "${internalToken(dataDir)}"`,
    `auth_secret = "${SECRET}"`,
  ];
  writeFileSync(config, lines.join('\n'));
  return testServer({ config });
}

const answerTo = async (server: TestServer, path: string, body: unknown): Promise<unknown> => {
  const answer = await server.post(path, body, { [HEADER]: SECRET });
  expect(answer.status).toBe(200);
  return answer.json();
};

describe('an external broker', () => {
  it('is told who may connect, publish and subscribe', async () => {
    const made = await asked();
    // The lead of the alerts has a connection of its own, which comes a moment later.
    await waitFor(() => made.server.degraded().length === 0, { what: 'all connections to the broker' });
    const { token } = await made.server.registry.hosts.add('pve1');
    const end = Date.now() + 3_600_000;
    const { token: guest } = await made.server.registry.tokens.add('guest', ['mqtt:read'], end);
    const auth = (username: unknown, password: unknown, clientid: unknown): Promise<unknown> =>
      answerTo(made, '/mqtt/auth', { username, password, clientid });
    expect(await auth('pve1', token, 'pve1')).toEqual({ result: 'allow', is_superuser: false });
    expect(await auth('guest', guest, 'x')).toEqual({ result: 'allow', is_superuser: false, expire_at: Math.floor(end / 1000) });
    for (const [username, password, clientid] of [
      ['pve1', guest, 'pve1'],
      ['pve1', token, 'other'],
      ['pve1', undefined, 'pve1'],
      [null, null, null],
      [{}, [], 3],
    ])
      expect(await auth(username, password, clientid)).toEqual({ result: 'deny', is_superuser: false });

    const acl = (username: string, action: string, topic: string): Promise<unknown> =>
      answerTo(made, '/mqtt/acl', { username, clientid: username, action, topic });
    expect(await acl('pve1', 'publish', 'hostwire/v1/pve1/sample/fast')).toMatchObject({ result: 'allow' });
    expect(await acl('pve1', 'publish', 'hostwire/v1/pve2/sample/fast')).toMatchObject({ result: 'deny' });
    expect(await acl('pve1', 'subscribe', '#')).toMatchObject({ result: 'deny' });
    expect(await acl('pve1', 'all', 'hostwire/v1/pve1/status')).toMatchObject({ result: 'deny' });
    expect(await acl('guest', 'subscribe', 'hostwire/#')).toMatchObject({ result: 'allow' });
    for (const body of [null, [], 'x', {}]) expect(await answerTo(made, '/mqtt/acl', body)).toMatchObject({ result: 'deny' });
  });

  it('is nobody without the secret, and nothing is answered where none is set', async () => {
    const made = await asked();
    const { token } = await made.server.registry.hosts.add('pve1');
    const body = { username: 'pve1', password: token, clientid: 'pve1' };
    for (const headers of [{}, { [HEADER]: '' }, { [HEADER]: `${SECRET}x` }]) {
      for (const path of ['/mqtt/auth', '/mqtt/acl']) expect((await made.post(path, body, headers)).status).toBe(403);
    }
    const metrics = await made.get('/metrics', await made.bearer('api:read'));
    expect(await metrics.text()).toMatch(/broker_refused_total\{.*reason="bad-secret".*\} 6/);
    expect(JSON.stringify(await (await made.get('/api/config', await made.bearer('api:read'))).json())).not.toContain(SECRET);
    const plain = await testServer();
    expect((await plain.post('/mqtt/auth', body, { [HEADER]: SECRET })).status).toBe(404);
  });

  it('lets the server itself in, with its own token where the configuration gives no password', async () => {
    const dataDir = tempDir();
    const broker = await testServer();
    const config = join(tempDir(), 'hostwire.toml');
    const url = `mqtt://127.0.0.1:${broker.server.ports.mqtt}`;
    writeFileSync(config, `[broker]\nurl = "${url}"\nusername = "hostwire-server"\nauth_secret = "${SECRET}"\n`);
    const made = await testServer({ config, dataDir });
    const auth = (password: string): Promise<unknown> =>
      answerTo(made, '/mqtt/auth', { username: 'hostwire-server', password, clientid: 'hostwire-live-x' });
    expect(await auth(internalToken(dataDir))).toMatchObject({ result: 'allow' });
    expect(await auth('guessed')).toMatchObject({ result: 'deny' });
    const topic = 'hostwire/v1/status';
    expect(await answerTo(made, '/mqtt/acl', { username: 'hostwire-server', action: 'publish', topic })).toMatchObject({ result: 'allow' });
  });

  it('may ask as often as a fleet connects, which others may not', async () => {
    const made = await asked();
    const limitOf = async (secret: string): Promise<string | null> =>
      (await made.post('/mqtt/auth', {}, { [HEADER]: secret })).headers.get('x-ratelimit-limit');
    expect([await limitOf(SECRET), await limitOf('guessed')]).toEqual([null, '6000']);
  });
});
