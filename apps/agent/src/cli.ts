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

/** A command line that cannot be understood; the message says what is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'usage';
}

/** What `--help` prints. */
export const HELP = `hostwire-agent: samples this host and publishes over MQTT

Usage: hostwire-agent [options]

  --config FILE    configuration; else HOSTWIRE_AGENT_CONFIG, else /etc/hostwire/agent.toml
  --dry-run        collect once and print the samples as JSON (a list, one sample for each tier)
  --list           print the collectors, their tiers and whether they work here
  --replay DIR     collect from a diagnostic dump instead of this host
  --mock           collect from the dump that ships with Hostwire (chosen where there is no /proc)
  --parent         end when the parent process does (standard input or the IPC channel closes)
  --version        print the version
  --help           print this

Environment: HOSTWIRE_AGENT_CONFIG, HOSTWIRE_AGENT_SERVER_URL, HOSTWIRE_AGENT_TOKEN, HOSTWIRE_AGENT_TOKEN_FILE,
HOSTWIRE_AGENT_HOST_ID, HOSTWIRE_AGENT_SPOOL_DIR, HOSTWIRE_AGENT_DUMP_DIR go before the file; HOSTWIRE_LOG_LEVEL is
trace, debug, info, warn or error; HOST_ROOT is where the host's root is mounted in a container.

Exit codes: 0 stopped as asked, 1 failed, 2 the configuration or the command line cannot be used.
`;

/** The options of a command line (without node and script). Throws UsageError. */
export function parseCommandLine(args: readonly string[]): CliOptions {
  const cli = cac('hostwire-agent');
  cli
    .command('', '')
    .option('--config <file>', '')
    .option('--dry-run', '')
    .option('--list', '')
    .option('--replay <dir>', '')
    .option('--mock', '')
    .option('--parent', '')
    .option('--version', '')
    .option('--help', '')
    .action((options: Record<string, unknown>) => options);
  let options: Record<string, unknown>;
  try {
    cli.parse(['node', 'hostwire-agent', ...args], { run: false });
    if (cli.args.length > 0) throw new Error(`unexpected argument ${cli.args[0]}`);
    options = cli.runMatchedCommand() as Record<string, unknown>;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}; --help lists the options`);
  }
  const flag = (name: string): boolean => {
    const value = options[name];
    // The parser takes the word after a name with a hyphen for its value.
    if (typeof value === 'string') throw new UsageError(`unexpected argument ${value}; --help lists the options`);
    return value === true;
  };
  const text = (name: string): string | undefined => {
    const value = options[name];
    if (Array.isArray(value)) throw new UsageError(`--${name} is given more than once`);
    return value === undefined ? undefined : String(value);
  };
  const config = text('config');
  const replay = text('replay');
  if (replay !== undefined && flag('mock')) throw new UsageError('--replay and --mock exclude each other');
  return {
    ...(config === undefined ? {} : { config }),
    ...(replay === undefined ? {} : { replay }),
    dryRun: flag('dryRun'),
    list: flag('list'),
    version: flag('version'),
    help: flag('help'),
    mock: flag('mock'),
    parent: flag('parent'),
  };
}
