import { ProblemLog } from '@hostwire/service';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { loadConfig } from '../config/load-config.ts';
import type { ServerStatus } from '../doctor/server-status.ts';
import { internalToken } from '../internal-token.ts';
import { silent, TestServer } from '../server.testkit.ts';
import { startServer } from '../server.ts';
import { runCommandLine } from './command-line.ts';

async function run(...args: string[]): Promise<{ code: number; out: string }> {
  let out = '';
  const written = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  try {
    return { code: await runCommandLine(['node', 'hostwire', ...args]), out };
  } finally {
    written.mockRestore();
  }
}

describe('hostwire status', () => {
  it('says what runs, since when, hosts by state, rates, store, and the last warnings and errors', async () => {
    const dataDir = tempDir();
    const config = loadConfig({ dataDir, port: 0, mqttPort: 0, influxPort: 0 }, {});
    const problems = new ProblemLog();
    const server = new TestServer(await startServer({ config, logger: silent, problems }));
    onTestFinished(() => server.server.close());
    const host = await server.host('pve1');
    await host.status('online');
    await host.send({ mem: [{ fields: { used: 1 } }] });
    await server.server.registry.hosts.add('pi-02');
    await vi.waitFor(() => expect(server.server.live.get('pi-02')).toBeDefined(), { timeout: 10_000 });
    for (let i = 0; i < 3; i++) problems.add('warn', 'the disk is slow');

    const { code, out } = await run('status', '--json', '--data-dir', dataDir);
    expect(code).toBe(0);
    expect(JSON.parse(out) as ServerStatus).toMatchObject({
      running: true,
      address: server.url,
      started_at: expect.any(Number),
      processes: [{ roles: ['broker', 'ingest', 'alerts', 'api'], degraded: [] }],
      hosts: { total: 2, online: 1, offline: 0, never_connected: 1, unknown: 0 },
      rates: { samples_per_second: expect.any(Number) },
      store: { kind: 'embedded', series: expect.any(Number) },
      problems: [{ level: 'warn', message: 'the disk is slow', count: 3 }],
    });
    const text = (await run('status', '--data-dir', dataDir)).out;
    for (const part of [
      'runs since 20',
      '2: 1 online, 0 offline, 1 never connected',
      'samples/s',
      'embedded',
      'the disk is slow (3 times)',
    ])
      expect(text).toContain(part);
  });

  it('ends with 3 where none runs', async () => {
    const dataDir = tempDir();
    expect(await run('status', '--json', '--data-dir', dataDir)).toEqual({
      code: 3,
      out: `${JSON.stringify({ running: false, data_dir: dataDir }, null, 2)}\n`,
    });
    expect(await run('status', '--data-dir', dataDir)).toMatchObject({ code: 3, out: expect.stringContaining('Start it') });
  });

  it('the token that the processes share reads the API and changes nothing', async () => {
    const dataDir = tempDir();
    const config = loadConfig({ dataDir, port: 0, mqttPort: 0, influxPort: 0 }, {});
    const server = new TestServer(await startServer({ config, logger: silent }));
    onTestFinished(() => server.server.close());
    const bearer = { authorization: `Bearer ${internalToken(dataDir)}` };
    expect((await server.get('/api/hosts', bearer)).status).toBe(200);
    expect((await server.post('/api/alerts/x/ack', {}, bearer)).status).toBe(403);
    expect((await server.get('/api/hosts', { authorization: `Bearer hwi_${'x'.repeat(43)}` })).status).toBe(401);
  });
});
