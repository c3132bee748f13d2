import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { loadConfig, startServer } from '@hostwire/server';
import { createLogger } from '@hostwire/service';
import { tempDir, waitFor } from '@hostwire/testkit';
import { connectMqtt } from '@hostwire/transport';
import { expect, it, onTestFinished } from 'vitest';

const AGENT = fileURLToPath(new URL('../apps/agent/dist/main.js', import.meta.url));
const run = promisify(execFile);
const canary = (of: string): string => `canary-${of}-${randomBytes(8).toString('hex')}`;

/** An engine with one container that knows secrets wherever a container can know them. */
async function startEngine(socket: string, secret: string): Promise<void> {
  const id = 'ab'.repeat(32);
  const env = { Env: [`PASSWORD=${secret}`], Cmd: ['serve', secret], Entrypoint: [secret], Healthcheck: { Test: [secret] } };
  const state = {
    Status: 'running',
    Running: true,
    Pid: 1,
    ExitCode: 0,
    StartedAt: '2026-01-01T00:00:00Z',
    FinishedAt: '0001-01-01T00:00:00Z',
  };
  const health = { Status: 'healthy', FailingStreak: 0, Log: [{ ExitCode: 0, Output: secret }] };
  const answers: Record<string, unknown> = {
    '/_ping': 'OK',
    '/info': { Name: 'engine', ServerVersion: '20.10.24', NCPU: 2, MemTotal: 1, Containers: 1, ContainersRunning: 1, HttpProxy: secret },
    '/containers/json': [
      {
        Id: id,
        Names: ['/web'],
        Image: 'web:1',
        State: 'running',
        Status: 'Up 1 hour (healthy)',
        Command: secret,
        Labels: { token: secret },
      },
    ],
    [`/containers/${id}/json`]: {
      Id: id,
      Name: '/web',
      Config: env,
      Args: [secret],
      Path: secret,
      State: { ...state, Health: health },
      RestartCount: 0,
      Mounts: [{ Source: `/srv/${secret}` }],
      HostConfig: { Binds: [`/srv/${secret}:/data`] },
    },
    [`/containers/${id}/stats`]: {
      cpu_stats: { cpu_usage: { total_usage: 1 }, system_cpu_usage: 2, online_cpus: 2 },
      precpu_stats: {},
      memory_stats: { usage: 1000, limit: 2000, stats: {} },
      secret,
    },
  };
  const engine = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0]?.replace(/^\/v1\.\d+/, '') ?? '';
    const answer = answers[path];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json', 'x-secret': secret });
    response.end(JSON.stringify(answer ?? { message: secret }));
  });
  await new Promise<void>((listening) => engine.listen(socket, listening));
  onTestFinished(() => void engine.close());
}

function* filesBelow(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

it('keeps what containers, processes and its own files know out of samples, dumps, logs, archives and the API', {
  timeout: 120_000,
}, async () => {
  const folder = tempDir();
  const [inContainer, inArguments, inEnvironment] = [canary('container'), canary('argument'), canary('environment')];
  const told: Record<string, string> = {};
  let serverLog = '';
  const config = loadConfig({ dataDir: join(folder, 'server'), port: 0, mqttPort: 0, mqttsPort: 0, influxPort: 0 }, {});
  const write = (line: string): void => {
    serverLog += line;
  };
  const server = await startServer({
    config,
    logger: createLogger({ name: 'server', level: 'debug', pretty: false, destination: { write } }),
  });
  onTestFinished(() => server.close());
  const { registry, ports } = server;
  const { token } = await registry.hosts.add('box');
  const { token: readsAll } = await registry.tokens.add('reader', ['mqtt:read']);
  const { token: admin } = await registry.tokens.add('admin', ['admin']);
  let payloads = '';
  const subscriber = connectMqtt({
    url: `mqtt://127.0.0.1:${ports.mqtt}`,
    clientId: 'reader',
    username: 'reader',
    password: readsAll,
    logger: createLogger({ name: 'reader', level: 'silent' }),
  });
  onTestFinished(() => subscriber.close());
  await subscriber.subscribe('hostwire/v1/#', ({ topic, payload }) => {
    const bytes = Buffer.from(payload);
    payloads += `${topic} ${(bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString()}\n`;
  });

  const socket = join(folder, 'engine.sock');
  await startEngine(socket, inContainer);
  const busy = spawn(process.execPath, ['-e', 'for (;;);', inArguments], { stdio: 'ignore', env: { SECRET: inEnvironment } });
  onTestFinished(() => void busy.kill('SIGKILL'));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
  const dump = join(folder, 'dump');
  mkdirSync(dump);
  const file = join(folder, 'agent.toml');
  writeFileSync(
    file,
    `server_url = "mqtt://127.0.0.1:${ports.mqtt}"
host_id = "box"
token_file = "${tokenFile}"
[intervals]
fast_seconds = 1
medium_seconds = 1
slow_seconds = 1
[spool]
dir = "${join(folder, 'spool')}"
[debug]
dump_dir = "${dump}"
[collectors.docker]
socket = "${socket}"
`,
    { mode: 0o600 },
  );
  const env = { PATH: process.env['PATH'] ?? '', HOSTWIRE_LOG_LEVEL: 'trace', SECRET: inEnvironment };
  const agent = spawn(process.execPath, [AGENT, '--config', file], { stdio: ['ignore', 'pipe', 'pipe'], env });
  onTestFinished(() => void agent.kill('SIGKILL'));
  let agentLog = '';
  for (const stream of [agent.stdout, agent.stderr]) stream.on('data', (chunk: Buffer) => (agentLog += chunk.toString()));
  // The secrets were within reach: the container and the process are told of.
  await waitFor(() => payloads.includes('docker_container_status') && payloads.includes(`"pid":${busy.pid}`), { timeout: 30_000 });

  const archive = join(folder, 'diagnose.tar.gz');
  const own = { env, maxBuffer: 64 * 1024 * 1024 };
  told['diagnose'] = (await run(process.execPath, [AGENT, 'diagnose', '--config', file, '--out', archive], own)).stdout;
  told['archive'] = gunzipSync(readFileSync(archive)).toString('latin1');
  told['verify'] = (await run(process.execPath, [AGENT, 'verify', '--config', file], own)).stdout;
  told['dry run'] = (await run(process.execPath, [AGENT, '--dry-run', '--config', file], own)).stdout;
  for (const text of ['archive', 'verify', 'dry run']) expect(told[text]).toContain('docker_container_status');

  const url = `http://127.0.0.1:${ports.http}`;
  const headers = { authorization: `Bearer ${admin}` };
  const ask = async (path: string): Promise<string> => {
    const answer = await fetch(`${url}${path}`, { headers });
    return `${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`;
  };
  const document = (await (await fetch(`${url}/api/openapi.json`, { headers })).json()) as { paths: Record<string, { get?: unknown }> };
  const paths = Object.entries(document.paths).flatMap(([path, { get }]) => (get === undefined ? [] : [path.replace('{host}', 'box')]));
  expect(paths.length).toBeGreaterThan(15);
  for (const path of [...paths, '/metrics', '/health']) told[`GET ${path}`] = await ask(path);
  expect(told['GET /api/hosts/box']).toContain('docker_container_status');
  agent.kill('SIGTERM');
  await waitFor(() => agent.exitCode !== null);

  told['payloads'] = payloads;
  told['log of the agent'] = agentLog;
  told['log of the server'] = serverLog;
  const ownFiles = new Set([tokenFile]);
  for (const path of filesBelow(folder)) if (!path.endsWith('.sock') && !ownFiles.has(path)) told[path] = readFileSync(path, 'latin1');
  for (const [name, secret] of Object.entries({ inContainer, inArguments, inEnvironment, token, readsAll, admin })) {
    const where = Object.entries(told).filter(([, text]) => text.includes(secret));
    expect(
      where.map(([place]) => place),
      name,
    ).toEqual([]);
  }
});
