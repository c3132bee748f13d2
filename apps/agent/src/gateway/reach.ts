import type { Collected } from '@hostwire/collectors';
import type { HostAccess } from '@hostwire/host-access';
import { UNREACHABLE } from '@hostwire/host-access';
import type { HostInfo } from '@hostwire/model';
import { version } from '@hostwire/service';

/** Whether a host that is asked from elsewhere can be reached; an SshHost is one. */
export interface HostReach {
  readonly reach: { readonly reachable: boolean } | null;
  onReach(listener: (reach: { readonly reachable: boolean }) => void): () => void;
}

/** True if the way to the host was lost under way: what was collected is no statement about its collectors. */
export function wasCut({ errors }: Collected): boolean {
  return errors.some(({ code }) => code === UNREACHABLE);
}

/** What is known of a host that nobody has reached yet. */
export function unknownFacts(host: string, { run, intervals }: Pick<HostInfo, 'run' | 'intervals'>): HostInfo {
  return {
    ...{ agent_version: version, hostname: host, os: 'unknown', kernel: 'unknown', arch: 'unknown', user: 'unknown' },
    ...{ groups: [], capabilities: {}, run, intervals },
  };
}

/** Names of machines as Node.js has them (process.arch), by those of uname(1). */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'x64',
  aarch64: 'arm64',
  armv6l: 'arm',
  armv7l: 'arm',
  i686: 'ia32',
};

/** As whom, and on what machine, a host lets itself be asked. Never rejects. */
export async function remoteIdentity(access: HostAccess): Promise<{ arch: string; user: string; groups: string[] }> {
  const say = async (command: string, argument: string): Promise<string> =>
    access.exec(command, [argument]).then(
      ({ exitCode, stdout }) => (exitCode === 0 ? stdout.trim() : ''),
      () => '',
    );
  const [machine, user, groups] = await Promise.all([say('uname', '-m'), say('id', '-un'), say('id', '-Gn')]);
  return {
    arch: ARCHITECTURES[machine] ?? (machine.slice(0, 32) || 'unknown'),
    user: user.slice(0, 255) || 'unknown',
    groups: groups
      .split(' ')
      .filter((name) => name !== '')
      .slice(0, 64),
  };
}
