import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RemoteConfig } from '@hostwire/model';
import { tempDir, waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import type { HostDetailBody, HostSummaryBody } from '../src/api/schemas.ts';
import { testServer } from '../src/server.testkit.ts';

const AGENT = fileURLToPath(new URL('../../agent/dist/main.js', import.meta.url));
const [FAST, SLOW] = [Number(process.env['HOSTWIRE_TEST_FAST'] ?? 2), Number(process.env['HOSTWIRE_TEST_SLOW'] ?? 5)];

/** Sooner than the one that ships on, and not at once: a machine that runs other tests stalls its agents too. */
const RULES = '[[rule]]\nname = "host_offline"\nseverity = "critical"\ncondition = "offline"\nfor = "2s"\nsummary = "silent"\n';

it(`drives a real agent from ${FAST} s to ${SLOW} s and back, off and on, with every sample stored and no false alarm`, {
  timeout: (FAST + SLOW) * 30_000,
}, async () => {
  if (!existsSync(AGENT)) throw new Error('apps/agent is not built; run npm run build first');
  const [dir, dataDir] = [tempDir(), tempDir()];
  writeFileSync(join(dir, 'rules.toml'), RULES);
  const server = await testServer({ dataDir, rules: join(dir, 'rules.toml') });
  const { registry, live, ports, store } = server.server;
  const { token } = await registry.hosts.add('pi-01');
  await registry.hosts.update('pi-01', { group: 'pi' });
  const config = join(dir, 'agent.toml');
  writeFileSync(
    config,
    `server_url = "mqtt://127.0.0.1:${ports.mqtt}"\ntoken = "${token}"\nhost_id = "pi-01"\npin = ["collectors.mem"]\n[intervals]\nfast_seconds = ${FAST}\nmedium_seconds = ${4 * FAST}\n[spool]\ndir = "${join(dir, 'spool')}"\n`,
  );
  const agent = spawn(process.execPath, [AGENT, '--config', config], { stdio: 'ignore' });
  onTestFinished(() => void agent.kill());
  const read = await server.bearer('api:read');
  const detail = async (): Promise<HostDetailBody> => (await (await server.get('/api/hosts/pi-01', read)).json()) as HostDetailBody;
  await waitFor(() => live.get('pi-01')?.latest('cpu'), { timeout: 20_000, what: 'the first samples' });

  const alarms: string[] = [];
  await waitFor(() => server.server.alerting()?.firing('pi-01').critical === 0, { what: 'a start that is over' });
  server.server.alerting()?.onEvent(({ event, alert }) => {
    // One that came to nothing was no alarm.
    if (event === 'alert_new') alarms.push(`${alert.rule} ${new Date().toISOString()}`);
  });
  const watch = setInterval(() => {
    if (live.get('pi-01')?.isLate(Date.now()) === true) alarms.push('late');
  }, 200);
  onTestFinished(() => clearInterval(watch));

  const set = (body: RemoteConfig) => registry.remoteConfig.set('group:pi', body, null);
  await set({ intervals: { fast_seconds: SLOW }, collectors: { mem: { enabled: false } } });
  await waitFor(() => live.get('pi-01')?.latest('cpu')?.interval === SLOW, { timeout: (FAST + 5) * 1000, what: 'the longer interval' });
  const { info } = await detail();
  expect(info).toMatchObject({
    config: { applied: ['intervals.fast_seconds'], refused: [{ key: 'collectors.mem.enabled' }] },
  });
  const slowly = live.get('pi-01')?.latest('cpu')?.time ?? 0;
  await waitFor(() => (live.get('pi-01')?.latest('cpu')?.time ?? 0) > slowly + SLOW * 1500, {
    timeout: SLOW * 3500,
    what: 'two slow samples',
  });
  expect(live.get('pi-01')?.rates('net').length).toBeGreaterThan(0);
  await set({ intervals: { fast_seconds: FAST } });
  await waitFor(() => live.get('pi-01')?.latest('cpu')?.interval === FAST, { timeout: (FAST + 5) * 1000, what: 'the shorter interval' });

  await set({ enabled: false });
  const summary = async (): Promise<HostSummaryBody> => (await detail()).summary;
  await waitFor(async () => (await summary()).paused, { what: 'the pause' });
  await new Promise((done) => setTimeout(done, 3500 * FAST));
  expect(await summary()).toMatchObject({ state: 'online', late: false, paused: true });
  await registry.remoteConfig.remove('group:pi');
  const paused = live.get('pi-01')?.latest('cpu')?.time ?? 0;
  await waitFor(() => (live.get('pi-01')?.latest('cpu')?.time ?? 0) > paused, { timeout: 10_000, what: 'samples again' });
  await waitFor(async () => !(await summary()).paused && (await detail()).info?.['config'] === undefined, { what: 'nothing set' });
  expect(alarms).toEqual([]);

  agent.kill();
  await waitFor(async () => (await summary()).state === 'offline', { what: 'the end' });
  const { results } = await store.query('SELECT seq FROM agent', { database: 'hostwire' });
  const seqs = (results[0]?.series?.[0]?.values ?? []).map(([, seq]) => Number(seq)).sort((a, b) => a - b);
  expect(seqs).toEqual(seqs.map((_, i) => i + 1));
});
