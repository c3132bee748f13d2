import { AccessError, type ExecResult, type HostAccess } from '@hostwire/host-access';
import type { Capability, FieldValue } from '@hostwire/model';
import Type from 'typebox';
import { cut } from '../clean-rows.ts';
import { type CollectContext, defineCollector } from '../collector.ts';
import { gauge, state } from '../declare.ts';
import { isAbsent, linesOf, readDirOrNone } from '../proc-text.ts';
import { countApk, countApt, countDnf, countPacman, type Manager, managerOf, newestKernel, type Pending } from './parse.ts';

const APT = ['list', '--upgradable'];
/** From what was fetched before: nothing is asked over the network. */
const DNF = ['-q', '-C', 'check-update'];
const DNF_SECURITY = [...DNF, '--security'];
const PACMAN = ['-Qu'];
const APK = ['list', '--upgradable', '--no-network'];
const RPM_TOOLS = ['dnf', 'yum'];

const OS_RELEASE = '/etc/os-release';
const RUNNING = '/proc/sys/kernel/osrelease';
const MODULES = '/lib/modules';
/** The same kernels, as `vmlinuz-VERSION`: the unit that the agent ships with may not see the modules. */
const BOOT = '/boot';
const REBOOT = ['/run/reboot-required', '/run/reboot-required.pkgs'];
/** Two commands of at most this follow each other. */
const COMMAND_TIMEOUT_MS = 55_000;

export const updates = defineCollector({
  name: 'updates',
  tier: 'slow',
  help: 'Updates that wait to be installed, and whether the host wants to be started anew.',
  needs: {
    commands: [
      { command: 'apt', args: APT },
      ...RPM_TOOLS.flatMap((command) => [DNF, DNF_SECURITY].map((args) => ({ command, args }))),
      { command: 'pacman', args: PACMAN },
      { command: 'apk', args: APK },
    ],
    files: [OS_RELEASE, ...REBOOT, MODULES, BOOT],
  },
  measurements: {
    updates: {
      help: 'What the package manager has that is newer than what is installed.',
      tags: { manager: 'apt, dnf, pacman or apk' },
      fields: {
        pending: gauge('int', '1', 'Packages that can be updated'),
        security: gauge('int', '1', 'Of these, those that mend a hole; only where the manager tells'),
        reboot_required: state('bool', 'The host wants to be started anew, for what was updated to be used'),
        reboot_packages: gauge('int', '1', 'Packages that ask for it (Debian and Ubuntu)'),
        kernel_running: state('string', 'The kernel that runs'),
        kernel_newest: state('string', 'The newest kernel of its kind that is installed; only where it is known'),
      },
    },
  },
  options: Type.Object({
    timeout_seconds: Type.Number({
      remote: true,
      minimum: 0.1,
      maximum: 300,
      default: 120,
      description: 'After this it is given up and reported',
    }),
  }),
  async probe(access): Promise<Capability> {
    const manager = await readManager(access);
    if (manager !== undefined) return { available: true };
    return { available: false, reason: `${OS_RELEASE} names no distribution of apt, dnf, pacman or apk` };
  },
  async collect(context) {
    const { access, signal } = context;
    const manager = await readManager(access, signal);
    if (manager === undefined) throw new AccessError('ENOENT', `${OS_RELEASE} names no distribution of apt, dnf, pacman or apk`);
    const reboot = await readReboot(context);
    return { updates: [{ tags: { manager }, fields: { ...(await COUNT[manager](context)), ...reboot } }] };
  },
});

const COUNT: Readonly<Record<Manager, (context: CollectContext) => Promise<Pending>>> = {
  apt: async (context) => countApt(await ask(context, 'apt', APT, [0])),
  pacman: async (context) => ({ pending: countPacman(await ask(context, 'pacman', PACMAN, [0, 1])) }),
  apk: async (context) => ({ pending: countApk(await ask(context, 'apk', APK, [0])) }),
  dnf: async (context) => {
    const pending = countDnf(await askRpm(context, DNF));
    return { pending, security: pending === 0 ? 0 : countDnf(await askRpm(context, DNF_SECURITY)) };
  },
};

async function readManager(access: HostAccess, signal?: AbortSignal): Promise<Manager | undefined> {
  try {
    return managerOf(await access.readFile(OS_RELEASE, signal === undefined ? {} : { signal }));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Standard output, if it ended with one of these codes; else throws AccessError. */
async function ask({ access, signal }: CollectContext, command: string, args: readonly string[], good: readonly number[]): Promise<string> {
  const result = await access.exec(command, args, { signal, timeout: COMMAND_TIMEOUT_MS });
  // pacman -Qu ends with 1 if there is nothing, and also if it failed.
  if (good.includes(result.exitCode) && (result.exitCode !== 1 || result.stderr.trim() === '')) return result.stdout;
  throw new AccessError(`exit-${result.exitCode}`, `${command} ${args.join(' ')}: ${said(result)}`);
}

/** dnf, or yum on what is older than that: 100 if there are updates (dnf(8), Exit Status). */
async function askRpm(context: CollectContext, args: readonly string[]): Promise<string> {
  try {
    return await ask(context, 'dnf', args, [0, 100]);
  } catch (error) {
    if (!(error instanceof AccessError && error.code === 'ENOENT')) throw error;
    return await ask(context, 'yum', args, [0, 100]);
  }
}

function said({ exitCode, stderr }: ExecResult): string {
  const [why = ''] = stderr.trim().split('\n');
  return why === '' ? `exit code ${exitCode}` : cut(why, 200);
}

/** By the file that Debian's packages leave, and by the kernels that are installed. */
async function readReboot({ access, signal }: CollectContext): Promise<Record<string, FieldValue>> {
  const [osrelease, flag, packages] = await access.readFiles([RUNNING, ...REBOOT], { signal });
  const running = typeof osrelease === 'string' ? osrelease.trim() : '';
  const newest = newestKernel(running, await readKernels(access, signal));
  return {
    reboot_required: typeof flag === 'string' || (newest !== undefined && newest !== running),
    ...(typeof packages === 'string' ? { reboot_packages: new Set(linesOf(packages)).size } : {}),
    ...(running === '' ? {} : { kernel_running: running }),
    ...(newest === undefined ? {} : { kernel_newest: newest }),
  };
}

async function readKernels(access: HostAccess, signal: AbortSignal): Promise<string[]> {
  const images = (await readDirOrNone(access, BOOT, { signal })).flatMap((name) => /^vmlinuz-(.+)$/s.exec(name)?.[1] ?? []);
  return [...(await readDirOrNone(access, MODULES, { signal })), ...images];
}
