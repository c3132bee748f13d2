import { arch, hostname, userInfo } from 'node:os';
import type { HostAccess } from '@hostwire/host-access';
import type { HostInfo, Tier } from '@hostwire/model';
import { version } from '@hostwire/service';
import { remoteIdentity } from './gateway/reach.ts';
import type { HostSource } from './host-source.ts';
import type { Ticks } from './ticks.ts';

export interface FactsOptions {
  readonly source: HostSource;
  readonly ticks: Pick<Ticks, 'probeAll'>;
  /** True if the access is to a host whose root is mounted here: its name is then in /etc/hostname, the kernel's is the container's. */
  readonly remapped: boolean;
  readonly run: string;
  readonly intervals: Readonly<Record<Tier, number>>;
}

/** The host's name, through its own files. */
export async function readHostname(access: HostAccess, remapped: boolean): Promise<string> {
  const files = ['/proc/sys/kernel/hostname', '/etc/hostname'];
  for (const file of remapped ? files.reverse() : files) {
    const name = line(await read(access, file));
    if (name !== '') return name;
  }
  return hostname();
}

/**
 * What changes only with a reboot, for topic `info`: what the host is, and which collectors work there. What cannot be read is
 * left out or says `unknown`. Never rejects. An agent and a dry run both begin with it, so that what one of them recorded the
 * other replays: each ask meets the answer that it had.
 */
export async function getAcquainted({ source, ticks, remapped, run, intervals }: FactsOptions): Promise<HostInfo> {
  const { access, mock, replay, reach } = source;
  replay?.beginTick('fast');
  const capabilities = await ticks.probeAll();
  const [name, release, kernel, cpuinfo, meminfo, stat, groups] = await Promise.all([
    readHostname(access, remapped),
    read(access, '/etc/os-release'),
    read(access, '/proc/sys/kernel/osrelease'),
    read(access, '/proc/cpuinfo'),
    read(access, '/proc/meminfo'),
    read(access, '/proc/stat'),
    read(access, '/etc/group'),
  ]);
  const identity = reach === undefined ? ownIdentity(groups) : await remoteIdentity(access);
  const model = /^(?:model name|Model|cpu model)\s*:\s*(.+)$/m.exec(cpuinfo)?.[1];
  const cores = stat.match(/^cpu\d+ /gm)?.length ?? 0;
  const memory = /^MemTotal:\s+(\d+) kB$/m.exec(meminfo)?.[1];
  const boot = /^btime (\d+)$/m.exec(stat)?.[1];
  return {
    agent_version: version,
    hostname: name.slice(0, 255),
    os: osName(release),
    kernel: line(kernel) || 'unknown',
    arch: identity.arch,
    ...(model === undefined ? {} : { cpu_model: model.trim().slice(0, 255) }),
    ...(cores === 0 ? {} : { n_cpus: cores }),
    ...(memory === undefined ? {} : { mem_total: Number(memory) * 1024 }),
    ...(boot === undefined ? {} : { boot_time: Number(boot) }),
    user: identity.user,
    groups: identity.groups,
    capabilities,
    ...(mock ? { mock } : {}),
    run,
    intervals,
  };
}

/** Of this process. */
function ownIdentity(groups: string): { arch: string; user: string; groups: string[] } {
  return { arch: arch(), user: userName(), groups: groupNames(groups) };
}

/** What a host says of itself to a server that does not know it yet. Never rejects. */
export async function readEnrolmentFacts(
  access: HostAccess,
  remapped: boolean,
): Promise<{ hostname: string; os: string; arch: string; agent_version: string }> {
  const [name, release] = await Promise.all([readHostname(access, remapped), read(access, '/etc/os-release')]);
  return { hostname: name.slice(0, 255), os: osName(release), arch: arch(), agent_version: version };
}

/** PRETTY_NAME of os-release(5), whose values may be quoted as in a shell. */
function osName(release: string): string {
  const value = /^PRETTY_NAME=(.*)$/m.exec(release)?.[1]?.trim() ?? '';
  return value.replace(/^(["'])(.*)\1$/, '$2').slice(0, 255) || 'unknown';
}

/** The groups that this process runs with; a number where the host's /etc/group (group(5)) has no name for it. */
function groupNames(file: string): string[] {
  const names = new Map(
    file.split('\n').map((entry) => {
      const [name = '', , gid = ''] = entry.split(':');
      return [gid, name];
    }),
  );
  const ids = [...new Set([process.getgid?.(), ...(process.getgroups?.() ?? [])])].filter((id) => id !== undefined);
  return ids.map((id) => names.get(String(id)) || String(id));
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

async function read(access: HostAccess, path: string): Promise<string> {
  return access.readFile(path).catch(() => '');
}

function line(text: string): string {
  return text.split('\n')[0]?.trim() ?? '';
}
