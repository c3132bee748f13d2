import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toHostId } from '@hostwire/model';
import { freePort, tempDir, waitFor } from '@hostwire/testkit';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = mkdtempSync(join(tmpdir(), 'hostwire-images-'));

// Whole archives are made, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 240_000 });

beforeAll(() => {
  // What the build stage of the images runs, but for npm ci and the build, which every run of the tests is after.
  execFileSync('sh', ['infra/docker/build.sh', '--built', out], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** A program of an image, with the environment of the image and no other. */
function run(script: string, args: readonly string[], env: Record<string, string>): { child: ChildProcess; text: () => string } {
  const child = spawn(process.execPath, [join(out, script), ...args], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', NODE_ENV: 'production', ...env },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, text: () => text };
}

const isHealthy = (component: 'server' | 'agent', env: Record<string, string>): boolean =>
  spawnSync(process.execPath, [join(out, component, 'healthy.mjs')], { env, encoding: 'utf8' }).status === 0;

it('hold what they need to run, the licenses, and the packages for other hosts', () => {
  const ofAgent = readdirSync(join(out, 'agent')).filter((name) => !/^part-[\w-]+\.js$/.test(name));
  expect(ofAgent.sort()).toEqual(['LICENSE', 'LICENSE.third-party', 'healthy.mjs', 'main.js', 'mock', 'package.json']);
  expect(readdirSync(join(out, 'server'))).toEqual(
    expect.arrayContaining(['LICENSE', 'LICENSE.third-party', 'apps', 'healthy.mjs', 'node_modules', 'packages']),
  );
  expect(readdirSync(join(out, 'server/downloads'))).toEqual(
    expect.arrayContaining(['SHA256SUMS', 'install.sh', expect.stringMatching(/linux-x64/), expect.stringMatching(/linux-arm64/)]),
  );
  // Sources, tests and what only a build needs stay outside.
  for (const absent of ['apps/server/src', 'node_modules/typescript', 'node_modules/vitest'])
    expect(existsSync(join(out, 'server', absent))).toBe(false);
});

it('come up together: the agent finds its configuration, connects over TLS, and both are healthy', async () => {
  const [data, beside, port, mqtts] = [tempDir(), tempDir(), await freePort(), await freePort()];
  const server = {
    ...{ HOSTWIRE_DATA_DIR: data, HOSTWIRE_LISTEN: '0.0.0.0', HOSTWIRE_PORT: String(port), HOSTWIRE_MQTTS_PORT: String(mqtts) },
    ...{ HOSTWIRE_MQTT_PORT: '0', HOSTWIRE_INFLUX_PORT: '0', HOSTWIRE_LOCAL_AGENT_DIR: join(beside, 'credentials') },
    HOSTWIRE_LOCAL_AGENT_URL: `mqtts://localhost:${mqtts}`,
  };
  const agent = {
    ...{ HOSTWIRE_AGENT_CONFIG: join(beside, 'credentials/agent.toml'), HOSTWIRE_AGENT_SPOOL_DIR: join(beside, 'spool') },
    HOSTWIRE_AGENT_HEALTH_FILE: join(beside, 'connected'),
  };
  expect([isHealthy('server', server), isHealthy('agent', agent)]).toEqual([false, false]);
  // In any order.
  const started = run('agent/main.js', [], agent);
  const serving = run('server/apps/server/dist/main.js', ['serve'], server);
  await waitFor(() => isHealthy('server', server) && isHealthy('agent', agent), {
    timeout: 60_000,
    interval: 300,
    what: 'both to be healthy',
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${serving.text()}\n${started.text()}`);
  });
  const configuration = readFileSync(agent.HOSTWIRE_AGENT_CONFIG, 'utf8');
  expect(configuration).toContain(`host_id = "${toHostId(hostname())}"`);
  expect(configuration).toContain('ca_fingerprint = "sha256:');

  const goodbye = new Promise((done) => started.child.once('exit', done));
  started.child.kill('SIGTERM');
  expect(await goodbye).toBe(0);
  expect(isHealthy('agent', agent)).toBe(false);
});
