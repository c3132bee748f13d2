import type { DefinedProgram } from '@hostwire/service';
import { cac } from 'cac';

export interface CliOptions {
  readonly config?: string;
  readonly dryRun: boolean;
  readonly list: boolean;
  readonly version: boolean;
  readonly help: boolean;
  readonly replay?: string;
  readonly mock: boolean;
  readonly parent: boolean;
}

/** One option: as the parser takes it (`--config <file>`), and what it does. */
export type CommandOption = readonly [flag: string, help: string];

/** A command of the program, beside running the agent. */
export interface AgentCommand {
  readonly name: string;
  /** Words after the name, as the parser takes them: `<shell>`; default none. */
  readonly words?: string;
  readonly summary: string;
  readonly options: readonly CommandOption[];
  /** What `--help` says below the options, e.g. the exit codes. */
  readonly notes?: string;
  /** Prints to standard output what was asked for, and nothing else. Resolves with the exit code; throws UsageError and ConfigError. */
  run(given: Given, env: NodeJS.ProcessEnv): Promise<number>;
}

/** What was given to a command. */
export interface Given {
  readonly words: readonly string[];
  text(option: string): string | undefined;
  flag(option: string): boolean;
}

/** A command line that cannot be understood; the message says what is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'usage';
}

/** Of running the agent, which is what it does without a command. */
const OPTIONS: readonly CommandOption[] = [
  ['--config <file>', 'configuration; else HOSTWIRE_AGENT_CONFIG, else /etc/hostwire/agent.toml'],
  ['--dry-run', 'collect once and print the samples as JSON (a list, one sample for each tier)'],
  ['--list', 'print the collectors, their tiers and whether they work here'],
  ['--replay <dir>', 'collect from a diagnostic dump instead of this host'],
  ['--mock', 'collect from the dump that ships with Hostwire (chosen where there is no /proc)'],
  ['--parent', 'end when the parent process does (standard input or the IPC channel closes)'],
];
const COMMON: readonly CommandOption[] = [['--help', 'print this']];
const VERSION: CommandOption = ['--version', 'print the version'];

const NOTES = `Environment: HOSTWIRE_AGENT_CONFIG, HOSTWIRE_AGENT_SERVER_URL, HOSTWIRE_AGENT_TOKEN, HOSTWIRE_AGENT_TOKEN_FILE,
HOSTWIRE_AGENT_HOST_ID, HOSTWIRE_AGENT_SPOOL_DIR, HOSTWIRE_AGENT_DUMP_DIR go before the file; HOSTWIRE_LOG_LEVEL is
trace, debug, info, warn or error; HOST_ROOT is where the host's root is mounted in a container.
HOSTWIRE_AGENT_HEALTH_FILE is touched every 10 s while the agent is connected.

Exit codes: 0 stopped as asked, 1 failed, 2 the configuration or the command line cannot be used.`;

/** What `--help` prints, of the program or of one of its commands. */
export function helpText(commands: readonly AgentCommand[], command: AgentCommand | null = null): string {
  if (command !== null) {
    const usage = ['hostwire-agent', command.name, ...(command.words === undefined ? [] : [command.words]), '[options]'].join(' ');
    return [
      `hostwire-agent ${command.name}: ${command.summary}`,
      `Usage: ${usage}`,
      listed([...command.options, ...COMMON]),
      ...(command.notes === undefined ? [] : [command.notes]),
      '',
    ].join('\n\n');
  }
  const named = commands.map(({ name, words, summary }) => [words === undefined ? name : `${name} ${words}`, summary] as const);
  return [
    'hostwire-agent: samples this host and publishes over MQTT',
    `Usage: hostwire-agent [options]${commands.length === 0 ? '' : '\n       hostwire-agent COMMAND [options]'}`,
    ...(named.length === 0 ? [] : [`Commands (COMMAND --help says more):\n\n${listed(named)}`]),
    listed([...OPTIONS, VERSION, ...COMMON]),
    NOTES,
    '',
  ].join('\n\n');
}

function listed(entries: readonly CommandOption[]): string {
  const width = Math.max(...entries.map(([name]) => name.length)) + 2;
  return entries
    .map(
      ([name, help]) =>
        `  ${name
          .replace(/<(\w+)>/g, (_, word: string) => word.toUpperCase())
          .replace(/<([\w|]+)>/g, '$1')
          .padEnd(width)}${help}`,
    )
    .join('\n');
}

/** What there is to complete: the program and its commands as they are defined. */
export function programOf(commands: readonly AgentCommand[]): DefinedProgram {
  const defined = (options: readonly CommandOption[]) => options.map(([rawName, description]) => ({ rawName, description }));
  return {
    name: 'hostwire-agent',
    globalCommand: { options: defined(COMMON) },
    commands: [
      { name: '', rawName: '', description: 'Sample this host and publish', options: defined([...OPTIONS, VERSION]) },
      ...commands.map(({ name, summary, words = '', options }) => {
        const choices = /^<(.*\|.*)>$/.exec(words)?.[1]?.split('|') ?? [];
        return {
          name,
          rawName: `${name} ${words}`.trim(),
          description: summary,
          options: defined(options),
          commandAction: Object.assign(() => undefined, { words: choices }),
        };
      }),
    ],
  };
}

/** The command that a command line (without node and script) names, with what it was given; null: run the agent. Throws UsageError. */
export function parseCommand(
  args: readonly string[],
  commands: readonly AgentCommand[],
): { readonly command: AgentCommand; readonly given: Given } | null {
  const command = commands.find(({ name }) => name === args[0]);
  return command === undefined ? null : { command, given: parse(args.slice(1), [...command.options, ...COMMON], command.words) };
}

/** The options of a command line that runs the agent. Throws UsageError. */
export function parseCommandLine(args: readonly string[]): CliOptions {
  const given = parse(args, [...OPTIONS, VERSION, ...COMMON]);
  const [config, replay] = [given.text('config'), given.text('replay')];
  if (replay !== undefined && given.flag('mock')) throw new UsageError('--replay and --mock exclude each other');
  return {
    ...(config === undefined ? {} : { config }),
    ...(replay === undefined ? {} : { replay }),
    dryRun: given.flag('dryRun'),
    list: given.flag('list'),
    version: given.flag('version'),
    help: given.flag('help'),
    mock: given.flag('mock'),
    parent: given.flag('parent'),
  };
}

function parse(args: readonly string[], options: readonly CommandOption[], words = ''): Given {
  const cli = cac('hostwire-agent');
  // Who asks for help need not know the words.
  const command = cli.command(args.includes('--help') ? words.replace(/<(.*)>/, '[$1]') : words, '');
  for (const [flag, help] of options) command.option(flag, help);
  command.action((...all: unknown[]) => all);
  let all: unknown[];
  try {
    cli.parse(['node', 'hostwire-agent', ...args], { run: false });
    if (words === '' && cli.args.length > 0) throw new Error(`unexpected argument ${cli.args[0]}`);
    // Who asks for help need not say more.
    all = cli.options['help'] === true ? [cli.options] : (cli.runMatchedCommand() as unknown[]);
  } catch (error) {
    throw new UsageError(`${(error as Error).message}; --help lists the options`);
  }
  const found = all.pop() as Record<string, unknown>;
  return {
    words: all
      .flat()
      .filter((word) => word !== undefined)
      .map(String),
    flag(name) {
      const value = found[name];
      // The parser takes the word after a name with a hyphen for its value.
      if (typeof value === 'string') throw new UsageError(`unexpected argument ${value}; --help lists the options`);
      return value === true;
    },
    text(name) {
      const value = found[name];
      if (Array.isArray(value)) throw new UsageError(`--${name} is given more than once`);
      if (typeof value !== 'number') return value === undefined ? undefined : String(value);
      // The parser reads what looks like a number as one: 007, 1e5.
      const at = args.indexOf(`--${name}`);
      return at === -1 ? args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) : args[at + 1];
    },
  };
}
