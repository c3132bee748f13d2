import { stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { boundAccess, COLLECTORS, type CollectorsConfig, type CommandNeed, commandNeeds, isNeeded, settingsOf } from '@hostwire/collectors';
import { COMMAND_PATH, type HostAccess } from '@hostwire/host-access';

/** A command line that a collector runs as root. */
export interface RootCommand {
  readonly collector: string;
  readonly argv: readonly string[];
  /** A last argument that is `$` and so many digits, whichever. */
  readonly numberDigits?: number;
  /** Why it is not to be granted, if so. */
  readonly refused?: string;
}

const READING_MS = 20_000;
/** tmux counts its sessions from 0. */
const MAX_DIGITS = 4;
/** Of one need; a machine with more disks is told by the reading. */
const MAX_LINES = 256;
/** Seconds after which sudo itself ends a command: the agent may not kill what is root's. */
const TIMEOUT = 60;

/**
 * What the collectors that are switched on would run as root on this host: what they declare, for the disks that are here, and
 * what one reading asks for. Never rejects.
 */
export async function rootCommands(access: HostAccess, config: CollectorsConfig): Promise<RootCommand[]> {
  const devices = await listDevices(access);
  const found: RootCommand[] = [];
  for (const collector of COLLECTORS) {
    const { enabled, options } = settingsOf(collector, config);
    const needs = commandNeeds(collector, options).filter(({ sudo }) => sudo === true);
    if (!enabled || needs.length === 0) continue;
    const asked: string[][] = [];
    const bound = boundAccess(access, collector, options);
    const noting: HostAccess = {
      ...bound,
      exec(command, args, how) {
        if (how?.sudo === true) asked.push([command, ...args]);
        return bound.exec(command, args, how);
      },
    };
    const signal = AbortSignal.timeout(READING_MS);
    const context = { access: noting, options, time: Date.now(), monotonic: performance.now(), signal, memory: new Map(), report() {} };
    // What it cannot read yet is what the lines are for.
    await collector.collect(context).catch(() => undefined);
    const { name } = collector;
    for (const argv of needs.flatMap((need) => expand(need, devices))) found.push({ collector: name, argv });
    for (const argv of asked) {
      const fits = needs.some((need) => isNeeded(need, argv, true) && hasPlainNames(need, argv));
      found.push(fits ? { collector: name, argv } : { collector: name, argv, refused: 'a name in it has blanks or special characters' });
    }
  }
  const seen = new Set<string>();
  return found.filter(({ argv }) => seen.size < seen.add(JSON.stringify(argv)).size);
}

/** What ends the sessions of the servers that `commands` ask: each by its number, which nobody knows before. */
export function killCommands(commands: readonly RootCommand[]): RootCommand[] {
  return commands.flatMap(({ argv, refused }) => {
    const verb = argv.indexOf('list-sessions');
    if (argv[0] !== 'setpriv' || verb < 0 || refused !== undefined) return [];
    const kill = [...argv.slice(0, verb), 'kill-session', '-t'];
    return Array.from({ length: MAX_DIGITS }, (_, index) => ({ collector: 'tmux.kill', argv: kill, numberDigits: index + 1 }));
  });
}

/** False if what stands for a pattern (a name that a user may have chosen) could be read as more than one word. */
function hasPlainNames({ args }: CommandNeed, argv: readonly string[]): boolean {
  return args.every((arg, index) => typeof arg === 'string' || /^[A-Za-z0-9_@%+=:,./-]+$/.test(argv[index + 1] ?? ''));
}

/** The command lines that a need stands for, if each of its patterns is for a device. */
function expand({ command, args }: CommandNeed, devices: readonly string[]): string[][] {
  let lines: string[][] = [[command]];
  for (const arg of args) {
    const pattern = typeof arg === 'string' ? null : new RegExp(`^(?:${arg.pattern})$`, 's');
    const words = typeof arg === 'string' ? [arg] : devices.filter((device) => pattern?.test(device));
    lines = lines.flatMap((line) => words.map((word) => [...line, word])).slice(0, MAX_LINES);
  }
  return lines;
}

async function listDevices(access: HostAccess): Promise<string[]> {
  const folders = ['/sys/block', '/sys/class/nvme', '/sys/class/scsi_generic'];
  const names = await Promise.all(folders.map((folder) => access.readDir(folder).catch(() => [])));
  return [...new Set(names.flat())].map((name) => `/dev/${name}`);
}

/** A file for sudoers.d: one line per command line, `#` before what cannot be granted with why. */
export async function sudoersFile(commands: readonly RootCommand[], user: string): Promise<string> {
  const lines = [
    '# What hostwire-agent may run as root, by `hostwire-agent doctor --sudoers`: print it again when disks come or go.',
    '# Belongs in /etc/sudoers.d/hostwire-agent with mode 0440; `visudo -c` checks it. Then: sudo = true in agent.toml.',
  ];
  if (commands.length === 0) lines.push('# No collector that is switched on needs root on this host.');
  let last = '';
  for (const { collector, argv, numberDigits = 0, refused } of commands) {
    if (collector !== last) lines.push(`# ${collector}`);
    last = collector;
    lines.push(refused === undefined ? await lineOf(argv, numberDigits, user) : `# left out, because ${refused}: ${argv[0]}`);
  }
  return `${lines.join('\n')}\n`;
}

async function lineOf([command = '', ...args]: readonly string[], numberDigits: number, user: string): Promise<string> {
  const program = await findProgram(command);
  if (program === null) return `# ${command} is not installed`;
  if (!(await isRootsAlone(program))) return `# left out, because others than root may change it: ${program}`;
  const words = [...args.map(quoteArgument), ...(numberDigits === 0 ? [] : [`$${'[0-9]'.repeat(numberDigits)}`])];
  if (words.includes(null)) return `# left out, because sudoers cannot express an argument: ${program}`;
  return `${user} ALL=(root) TIMEOUT=${TIMEOUT} NOPASSWD: ${[program, ...(words.length === 0 ? ['""'] : words)].join(' ')}`;
}

/**
 * One argument as sudoers(5) wants it, so that it stands for itself alone: what is special there behind a backslash, what is
 * special to fnmatch(3) too. Null if it cannot be: sudo joins arguments with blanks, so that one that is empty or begins or ends
 * with one would be another.
 */
export function quoteArgument(arg: string): string | null {
  if (!/^[!-~]+(?: [!-~]+)*$/.test(arg)) return null;
  return arg.replaceAll('\\', '\\\\\\\\').replace(/[*?[\]!^:,=# ]/g, '\\$&');
}

/** The user that the lines are for: the service's where root asks, else who asks. */
export function sudoersUser(): string {
  const { uid, username } = userInfo();
  if (uid === 0) return 'hostwire-agent';
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(username) ? username : `#${uid}`;
}

async function findProgram(command: string): Promise<string | null> {
  for (const folder of COMMAND_PATH.split(':')) {
    const path = `${folder}/${command}`;
    const found = await stat(path).catch(() => null);
    if (found?.isFile() === true && (found.mode & 0o111) !== 0) return path;
  }
  return null;
}

async function isRootsAlone(program: string): Promise<boolean> {
  const found = await Promise.all([stat(program), stat(dirname(program))]);
  return found.every(({ uid, mode }) => uid === 0 && (mode & 0o022) === 0);
}
