import { constants } from 'node:fs';
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiagnosticDump, recordAccess } from '@hostwire/host-access';
import { encodeSample, newRunId } from '@hostwire/model';
import { ConfigError, version } from '@hostwire/service';
import type { Finding } from '@hostwire/service/doctor';
import { type AgentConfig, configPath, defaultConfig, intervalsOf, loadConfig } from '../agent-config.ts';
import { examineAgent } from '../doctor/examine.ts';
import { dryRun } from '../dry-run.ts';
import { getAcquainted } from '../host-facts.ts';
import { lacksProc, openHost } from '../host-source.ts';
import { TickClock } from '../tick-clock.ts';
import { createTicks } from '../ticks.ts';
import { redactConfig } from './redact-config.ts';
import type { ArchiveFile } from './tar.ts';

/** Of the end of each file of a dump. */
const MAX_DUMP_BYTES = 4 * 1024 * 1024;
const MAX_READING_BYTES = 8 * 1024 * 1024;
const DUMP_FILES = /^(?:commands|samples)\.log(?:\.\d+)?$/;

/** What goes into the archive. A part that cannot be had is a file that says why. Never rejects. */
export async function gatherFiles(config: string | undefined, env: NodeJS.ProcessEnv): Promise<ArchiveFile[]> {
  const { own, problem } = await readConfig(config, env);
  const parts: readonly (readonly [string, () => Promise<readonly ArchiveFile[]>])[] = [
    ['versions', async () => [json('versions.json', versions())]],
    ['config', async () => [json('config.json', problem === null ? redactConfig(own) : { problem })]],
    ['doctor', async () => [json('doctor.json', (await examineAgent(config, env)).map(withoutValues))]],
    ['host', async () => [json('host.json', await facts(own, env))]],
    ['reading', () => reading(own, env)],
    ['dump', () => lastOfDump(own.debug.dump_dir)],
  ];
  const files: ArchiveFile[] = [];
  for (const [name, gather] of parts) {
    files.push(...(await gather().catch((error: unknown) => [text(`${name}.failed.txt`, `${String(error)}\n`)])));
  }
  return files;
}

/** The configuration, or without one that can be used the defaults. */
async function readConfig(option: string | undefined, env: NodeJS.ProcessEnv): Promise<{ own: AgentConfig; problem: string | null }> {
  try {
    return { own: await loadConfig(configPath(option, env), env, { connect: false, mustExist: option !== undefined }), problem: null };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // The keys alone: a value in the wrong place may be a secret.
    const keys = error.problems.map(({ key }) => key);
    return { own: defaultConfig(), problem: `cannot be used: ${keys.join(', ')}; hostwire-agent doctor says what is wrong` };
  }
}

/** What is wrong with a configuration names values, and one in the wrong place may be a secret. */
function withoutValues(finding: Finding): Finding {
  return finding.check !== 'configuration' || finding.level === 'ok' ? finding : { ...finding, message: 'see config.json' };
}

function versions(): object {
  const { version: node, versions: libraries, arch, platform } = process;
  return { agent: version, node, arch, platform, libraries, uptime_seconds: Math.round(process.uptime()), user: process.geteuid?.() };
}

/** What topic `info` would say, capabilities among it. */
async function facts({ collectors, sudo, intervals }: AgentConfig, env: NodeJS.ProcessEnv): Promise<object> {
  const source = await openHost({ ...hostOf(env), loop: false, sudo });
  const seconds = intervalsOf({ intervals });
  const ticks = createTicks({ source, clock: new TickClock(), intervals: seconds, collectors });
  try {
    return await getAcquainted({ source, ticks, remapped: isRemapped(env), run: newRunId(), intervals: seconds });
  } finally {
    ticks.close();
    await source.access.close();
  }
}

/** One reading with all that was asked for it, as a diagnostic dump that can be replayed. */
async function reading({ collectors, sudo, intervals }: AgentConfig, env: NodeJS.ProcessEnv): Promise<ArchiveFile[]> {
  const folder = await mkdtemp(join(tmpdir(), 'hostwire-diagnose-'));
  try {
    const warnings: string[] = [];
    const dump = new DiagnosticDump(folder, { warn: (message) => warnings.push(message), maxBytes: MAX_READING_BYTES, keep: 1 });
    const source = await openHost({ ...hostOf(env), loop: false, sudo });
    try {
      const recorded = { ...source, access: recordAccess(source.access, dump) };
      const samples = await dryRun({ source: recorded, host: 'diagnose', intervals: intervalsOf({ intervals }), collectors });
      for (const sample of samples) dump.payload(sample.tier, encodeSample(sample));
    } finally {
      await source.access.close();
      await dump.close();
    }
    const files = await lastOf(folder, 'reading', MAX_READING_BYTES);
    return warnings.length === 0 ? files : [...files, text('reading/warnings.txt', `${warnings.join('\n')}\n`)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function lastOfDump(folder: string): Promise<ArchiveFile[]> {
  return folder === '' ? [] : lastOf(folder, 'dump', MAX_DUMP_BYTES);
}

/** The end of each log in the folder of a dump, from the beginning of an entry. */
async function lastOf(folder: string, under: string, maxBytes: number): Promise<ArchiveFile[]> {
  const names = (await readdir(folder)).filter((name) => DUMP_FILES.test(name)).sort();
  return Promise.all(
    names.map(async (name) =>
      readEnd(join(folder, name), maxBytes).then(
        (bytes) => ({ name: `${under}/${name}`, bytes }),
        (error: unknown) => text(`${under}/${name}.failed.txt`, `${String(error)}\n`),
      ),
    ),
  );
}

async function readEnd(path: string, maxBytes: number): Promise<Buffer> {
  // The folder is the agent's, and whoever asks may be root: no link leads out of it.
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isFile() || stat.nlink > 1) throw new Error(`${path} is not a plain file`);
    const { size } = stat;
    if (size <= maxBytes) return await readFile(handle);
    const end = Buffer.alloc(maxBytes);
    const { bytesRead } = await handle.read(end, 0, maxBytes, size - maxBytes);
    const first = end.indexOf('\n===== ');
    return end.subarray(first < 0 ? bytesRead : first + 1, bytesRead);
  } finally {
    await handle.close();
  }
}

function hostOf(env: NodeJS.ProcessEnv): { readonly mock: boolean; readonly root?: string } {
  const root = env['HOST_ROOT'];
  return { mock: lacksProc(root), ...(root === undefined ? {} : { root }) };
}

function isRemapped(env: NodeJS.ProcessEnv): boolean {
  return !['', '/'].includes(env['HOST_ROOT'] ?? '');
}

function json(name: string, value: unknown): ArchiveFile {
  return text(name, `${JSON.stringify(value, null, 2)}\n`);
}

function text(name: string, content: string): ArchiveFile {
  return { name, bytes: Buffer.from(content) };
}
