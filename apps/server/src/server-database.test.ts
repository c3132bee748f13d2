import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PostgresDaemon, startPostgres, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestServer, testServer } from './server.testkit.ts';

systemSuite(['postgres', 'initdb', 'psql'], 'a server with its registry in PostgreSQL', () => {
  let postgres: PostgresDaemon;

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  afterAll(() => postgres.stop());

  it('goes on while the database is away: who was known is let in, and health says what is missing', { timeout: 60_000 }, async () => {
    const config = join(tempDir(), 'hostwire.toml');
    const url = postgres.createDatabase();
    writeFileSync(config, `[database]\nurl = ${JSON.stringify(url)}\n`);
    const made: TestServer = await testServer({ config });
    const health = async (): Promise<string[]> => ((await (await made.get('/health')).json()) as { degraded: string[] }).degraded;
    const token = await made.bearer('api:read');
    const cookie = await made.cookie();
    const host = await made.host('pve1');
    const shown = await (await made.get('/api/config', token)).text();
    expect(shown).toContain(`"database":{"kind":"postgres","url":"postgres://${new URL(url).host}${new URL(url).pathname}"}`);
    expect(shown).not.toContain(new URL(url).password);

    await postgres.kill();
    await waitFor(async () => (await health()).includes('registry'));
    await host.send({ mem: [{ fields: { used_percent: 41.5 } }] });
    expect((await made.get('/api/hosts/pve1', token)).status).toBe(200);
    const refused = await made.get('/api/hosts/pve1', cookie);
    expect([refused.status, await refused.json()]).toEqual([503, { error: expect.objectContaining({ code: 'registry-unavailable' }) }]);

    await postgres.restart();
    await waitFor(async () => !(await health()).includes('registry'));
    expect((await made.get('/api/hosts/pve1', cookie)).status).toBe(200);
    await made.server.registry.hosts.remove('pve1');
    await waitFor(() => !host.client.connected, { timeout: 2000 });
  });
});
