import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type HostInfo, type Sample, topics as topicsUnder } from '@hostwire/model';
import { hostInfoCheck, sampleCheck } from '@hostwire/model/schema';
import { tempDir, waitFor } from '@hostwire/testkit';
import { decodeJson } from '@hostwire/transport';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { TestBroker } from './broker.testkit.ts';

const topics = topicsUnder('hostwire');
const run = promisify(execFile);
const build = mkdtempSync(join(tmpdir(), 'hostwire-agent-'));
const bundle = join(build, 'main.js');
const { HOSTWIRE_AGENT_CONFIG: _, ...env } = process.env;

beforeAll(() => {
  execFileSync(process.execPath, [fileURLToPath(new URL('../build.mjs', import.meta.url)), build], { env });
});
afterAll(() => rmSync(build, { recursive: true, force: true }));

interface Running {
  readonly child: ChildProcess;
  /** Standard error so far. */
  log(): string;
  readonly exit: Promise<{ code: number | null; signal: string | null }>;
}

function start(args: string[], extra: NodeJS.ProcessEnv = {}, stdin: 'ignore' | 'pipe' = 'ignore'): Running {
  const spool = { HOSTWIRE_AGENT_SPOOL_DIR: join(tempDir(), 'spool') };
  const child = spawn(process.execPath, [bundle, ...args], { env: { ...env, ...spool, ...extra }, stdio: [stdin, 'pipe', 'pipe'] });
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const exit = new Promise<{ code: number | null; signal: string | null }>((done) => {
    child.once('exit', (code, signal) => done({ code, signal }));
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, log: () => text, exit };
}

function writeConfig(text: string): string {
  const file = join(tempDir(), 'agent.toml');
  writeFileSync(file, text);
  return file;
}

async function failure(args: string[], extra: NodeJS.ProcessEnv = {}): Promise<{ code: number; stderr: string; stdout: string }> {
  return run(process.execPath, [bundle, ...args], { env: { ...env, ...extra } }).then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as { code: number; stderr: string; stdout: string },
  );
}

describe('hostwire-agent', () => {
  it('prints version, help and usage errors', async () => {
    expect((await run(process.execPath, [bundle, '--version'])).stdout).toMatch(/^hostwire-agent \d+\.\d+\.\d+\n$/);
    expect((await run(process.execPath, [bundle, '--help'])).stdout).toContain('Exit codes: ');
    expect((await run(process.execPath, [bundle, 'completion', '--help'])).stdout).toContain(
      'Usage: hostwire-agent completion <bash|zsh|fish>',
    );
    for (const args of [['--nope'], ['extra'], ['--config'], ['--mock', '--replay', 'x'], ['--dry-run', 'x']]) {
      const { code, stderr, stdout } = await failure(args);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^hostwire-agent: /);
    }
  });

  it('ends with 2 and all problems when the configuration is not valid', async () => {
    const file = writeConfig('server_url = 3\nintervals = 3\n');
    const { code, stderr } = await failure(['--config', file]);
    expect(code).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(4);
  });

  it('does not play a recording where HOST_ROOT says that the host is elsewhere', async () => {
    const { code, stderr } = await failure(['--dry-run'], { HOST_ROOT: tempDir() });
    expect(code).toBe(2);
    expect(stderr).toContain('HOST_ROOT = "');
  });

  it('--dry-run prints valid samples of all tiers as JSON and nothing else, from a recording as the mock', async () => {
    const { stdout } = await run(process.execPath, [bundle, '--dry-run', '--mock', '--config', writeConfig('host_id = "h1"')], { env });
    const samples = JSON.parse(stdout) as Sample[];
    expect(samples.map(({ tier }) => tier)).toEqual(['fast', 'medium']);
    for (const sample of samples) {
      expect(sampleCheck.Check(sample)).toBe(true);
      expect(sample.host).toBe('h1');
      expect(sample.errors).toBeUndefined();
      expect(sample.data['agent']).toHaveLength(1);
    }
    const total = samples[0]?.data['cpu']?.find(({ tags }) => tags?.['cpu'] === 'cpu-total');
    expect(total?.fields['usage_active']).toBeGreaterThan(0);
  });

  it.runIf(process.platform === 'linux')('a dump of a dry run gives the same rows when it is replayed', async () => {
    const dump = join(tempDir(), 'dump');
    const config = writeConfig(`host_id = "h1"\n[debug]\ndump_dir = ${JSON.stringify(dump)}\n`);
    const first = await run(process.execPath, [bundle, '--dry-run', '--config', config], { env });
    expect(readFileSync(join(dump, 'samples.log'), 'utf8')).toMatch(/^===== \S+ {2}kind=fast =====\n\{\n/);
    const second = await run(process.execPath, [bundle, '--dry-run', '--replay', dump, '--config', config], { env });
    // A rate and a stamp go by the moment of the tick, and what is recorded is that of its first ask: later on a busy machine.
    const withoutRates = (key: string, value: unknown) => (key === 'io_util' ? undefined : value);
    const times = (text: string) => (JSON.parse(text) as Sample[]).map(({ time }) => time);
    const rows = (text: string) =>
      (JSON.parse(text, withoutRates) as Sample[]).map(({ tier, data: { agent, collector, ...data } }) => {
        // The order of processes goes by rates.
        const { process_top, ...exact } = data;
        return { tier, exact, agent: agent?.length, collectors: collector?.length, process_top: process_top?.length };
      });
    expect(rows(second.stdout)).toEqual(rows(first.stdout));
    for (const [at, time] of times(second.stdout).entries()) expect(Math.abs(time - (times(first.stdout)[at] ?? 0))).toBeLessThan(3_000);
  });

  it('--list prints a table', async () => {
    const { stdout } = await run(process.execPath, [bundle, '--list', '--mock'], { env });
    expect(stdout).toMatch(/cpu .* fast .* yes .* cpu /);
    expect(stdout).toMatch(/disk .* medium .* yes /);
    expect(stdout).toMatch(/temp .* no: /);
  });

  it('publishes from the mock as the mock, and ends within 2 s of SIGTERM with a farewell', async () => {
    const broker = await TestBroker.start();
    const config = writeConfig(
      `server_url = "${broker.url}"\ntoken = "s3cr3t"\nhost_id = "h1"\n[intervals]\nfast_seconds = 1\nmedium_seconds = 1\n`,
    );
    const { child, log, exit } = start(['--mock', '--config', config]);
    const seen = await waitFor(() => broker.on(topics.sample('h1', 'fast')).length >= 3 && broker.on(topics.sample('h1', 'fast')));
    for (const { payload } of seen) expect(sampleCheck.Check(decodeJson(payload))).toBe(true);
    const info = decodeJson(broker.on(topics.info('h1'))[0]?.payload ?? Buffer.alloc(0)) as HostInfo;
    expect(hostInfoCheck.Check(info)).toBe(true);
    expect(info).toMatchObject({ mock: true, hostname: 'mock', os: 'Debian GNU/Linux 12 (bookworm)', n_cpus: 2 });
    expect(info.capabilities['cpu']).toEqual({ available: true });
    const asked = Date.now();
    child.kill('SIGTERM');
    expect(await exit).toEqual({ code: 0, signal: null });
    expect(Date.now() - asked).toBeLessThan(2_000);
    expect(broker.on(topics.status('h1')).at(-1)?.payload.toString()).toBe('offline');
    expect(log()).not.toContain('s3cr3t');
  });

  it('needs no file when the environment says where to connect to, and ends with its parent', async () => {
    const broker = await TestBroker.start();
    const { child, exit } = start(
      ['--mock', '--parent'],
      { HOSTWIRE_AGENT_SERVER_URL: broker.url, HOSTWIRE_AGENT_TOKEN: 't', HOSTWIRE_AGENT_HOST_ID: 'h2' },
      'pipe',
    );
    await waitFor(() => broker.on(topics.sample('h2', 'fast')).length > 0);
    child.stdin?.end();
    expect(await exit).toEqual({ code: 0, signal: null });
  });

  it('idles without a configuration, says so once, and starts when it is written', async () => {
    const broker = await TestBroker.start();
    const file = join(tempDir(), 'agent.toml');
    const { child, log, exit } = start(['--mock', '--config', file]);
    await waitFor(() => log().includes('there is no configuration'));
    writeFileSync(file, `server_url = "${broker.url}"\ntoken = "t"\nhost_id = "h3"\n`);
    await waitFor(() => broker.on(topics.sample('h3', 'fast')).length > 0);
    expect(log().match(/there is no configuration/g)).toHaveLength(1);
    child.kill('SIGINT');
    expect((await exit).code).toBe(0);
  });

  it('ends from idle', async () => {
    const { child, log, exit } = start(['--config', join(tempDir(), 'none.toml')]);
    await waitFor(() => log().includes('there is no configuration'));
    child.kill('SIGTERM');
    expect((await exit).code).toBe(0);
  });
});
