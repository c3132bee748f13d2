import { version } from '@hostwire/service';
import { type CAC, cac } from 'cac';
import { actionCommands } from './actions.ts';
import { exportBroker } from './broker-export.ts';
import { choose } from './choose.ts';
import { completionCommand } from './completion.ts';
import { type LetterFilter, listDeadLetters, replayDeadLetters, showDeadLetter } from './deadletter.ts';
import { doctorCommand } from './doctor.ts';
import { enrollCommand } from './enroll.ts';
import { describeFailure, UsageError } from './failure.ts';
import { issueHostCertificate } from './host-certificate.ts';
import { addHost, listHosts, removeHost, rotateHost, setHost } from './hosts.ts';
import { printLogin } from './login.ts';
import { asWritten, eachOf, isJson, listOf, nameOf, type Parsed, serverOptions, serverOptionsOf, textOf } from './options.ts';
import { remoteConfigCommand } from './remote-config.ts';
import { serve } from './serve.ts';
import { statusCommand } from './status.ts';
import { addToken, listTokens, removeToken } from './tokens.ts';

/** Commands that stand in files of their own. One that ends otherwise than well resolves with its exit code. */
const COMMANDS: readonly ((cli: CAC) => void)[] = [
  enrollCommand,
  remoteConfigCommand,
  actionCommands,
  doctorCommand,
  statusCommand,
  completionCommand,
];

/**
 * Runs one command of `hostwire`. Resolves with the exit code: 0, 1 if it failed, 2 if the command line or the
 * configuration cannot be used, or what the command says. A server goes on running; a signal ends the process.
 */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const cli = defineProgram();
  try {
    cli.parse([...argv], { run: false });
    if (cli.options['help'] === true || cli.options['version'] === true) return 0;
    const code: unknown = await cli.runMatchedCommand();
    return typeof code === 'number' ? code : 0;
  } catch (error) {
    const { message, exitCode } = describeFailure(error);
    process.stderr.write(`hostwire: ${message}\n`);
    return exitCode;
  }
}

/** Commands and options, as they are parsed, helped with and completed. */
export function defineProgram(): CAC {
  const cli = cac('hostwire');
  defineCommands(cli);
  cli.help();
  cli.version(version);
  return cli;
}

function defineCommands(cli: CAC): void {
  serverOptions(cli.command('', 'Run the server'), true).action((options: Parsed) => serve(serverOptionsOf(options), null));
  serverOptions(cli.command('serve', 'Run the server'), true).action((options: Parsed) => serve(serverOptionsOf(options), null));
  serverOptions(cli.command('up', 'Run the server and an agent for this host'), true)
    .option('--agent <file>', "The agent's program")
    .option('--mock', 'The agent replays a recorded dump instead of sampling this host')
    .action((options: Parsed) => {
      const agent = textOf(options, 'agent');
      if (agent === undefined) throw new UsageError('up needs --agent FILE, the program of the agent');
      return serve(serverOptionsOf(options), { script: agent, mock: options['mock'] === true });
    });
  serverOptions(cli.command('login', 'Print a new one-time link to the dashboard'), false)
    .option('--json', 'Print JSON')
    .action((options: Parsed) => printLogin(serverOptionsOf(options), isJson(options)));
  serverOptions(cli.command('host <action> [name]', 'Hosts: add NAME, list, remove NAME, rotate NAME, set NAME, certificate NAME'), false)
    .option('--group <group>', "For set: the group that it is in, '' for none")
    .option('--gateway <host>', "For add and set: the host whose agent asks this one over SSH, '' for none")
    .option('--out <dir>', 'For certificate: where it and its key are written')
    .option('--days <count>', 'For certificate: how long it is good (default 365)')
    .option('--label <key=value>', 'For set: a label that it gets; may be given more than once')
    .option('--unlabel <key>', 'For set: a label that it loses; may be given more than once')
    .option('--json', 'Print JSON')
    .action(
      choose<[name: unknown, options: Parsed]>('host', {
        add: (name, options) => addHost(serverOptionsOf(options), nameOf(name), textOf(options, 'gateway'), isJson(options)),
        list: (_, options) => listHosts(serverOptionsOf(options), isJson(options)),
        remove: (name, options) => removeHost(serverOptionsOf(options), nameOf(name), isJson(options)),
        rotate: (name, options) => rotateHost(serverOptionsOf(options), nameOf(name), isJson(options)),
        certificate: (name, options) => {
          const settings = { out: asWritten(cli, options, 'out'), days: textOf(options, 'days') };
          return issueHostCertificate(serverOptionsOf(options), nameOf(name), settings, isJson(options));
        },
        set: (name, options) => {
          const [label, unlabel] = [eachOf(options['label']), eachOf(options['unlabel'])];
          const settings = { group: asWritten(cli, options, 'group'), gateway: asWritten(cli, options, 'gateway'), label, unlabel };
          return setHost(serverOptionsOf(options), nameOf(name), settings, isJson(options));
        },
      }),
    );
  serverOptions(cli.command('token <action> [name]', 'Tokens of people and programs: add NAME, list, remove NAME'), false)
    .option('--scope <scopes>', 'For add: what it may do, divided by commas')
    .option('--expires <duration>', 'For add: when it ends, e.g. 30d')
    .option('--file <file>', 'For add: write it there instead of showing it, unless a good one is there')
    .option('--json', 'Print JSON')
    .action(
      choose<[name: unknown, options: Parsed]>('token', {
        add: (name, options) =>
          addToken(
            serverOptionsOf(options),
            {
              name: nameOf(name),
              scopes: listOf(options['scope']),
              expires: textOf(options, 'expires'),
              file: asWritten(cli, options, 'file'),
            },
            isJson(options),
          ),
        list: (_, options) => listTokens(serverOptionsOf(options), isJson(options)),
        remove: (name, options) => removeToken(serverOptionsOf(options), nameOf(name), isJson(options)),
      }),
    );
  serverOptions(cli.command('deadletter <action> [...ids]', 'Messages that were not stored: list, show ID, replay ID...'), false)
    .option('--reason <reason>', 'For list and replay --all: only those set aside for this')
    .option('--host <host>', 'For list and replay --all: only those of this host')
    .option('--limit <count>', 'For list: at most so many, the newest first (default 50)')
    .option('--all', 'For replay: every one that is not stored by now')
    .option('--json', 'Print JSON')
    .action(
      choose<[ids: unknown, options: Parsed]>('deadletter', {
        list: (_, options) => listDeadLetters(serverOptionsOf(options), letterFilterOf(options), isJson(options)),
        show: (ids, options) => showDeadLetter(serverOptionsOf(options), nameOf(listOf(ids)[0]), isJson(options)),
        replay: (ids, options) =>
          replayDeadLetters(
            serverOptionsOf(options),
            listOf(ids),
            options['all'] === true ? letterFilterOf(options) : null,
            isJson(options),
          ),
      }),
    );
  serverOptions(cli.command('broker <action>', 'Files for an external broker: export'), false)
    .option('--format <mosquitto|emqx>', 'mosquitto: passwords, ACL and configuration; emqx: configuration that lets it ask the API')
    .option('--out <dir>', 'Folder to write to (default broker in the data directory)')
    .option('--api-url <url>', 'For emqx: where it reaches the API (default http://127.0.0.1:8080)')
    .option('--broker-url <url>', 'MQTT broker to use; HOSTWIRE_BROKER_USERNAME and HOSTWIRE_BROKER_PASSWORD')
    .option('--topic-root <root>', 'First levels of all topics (default hostwire)')
    .option('--json', 'Print JSON')
    .action(
      choose<[options: Parsed]>('broker', {
        export: (options) =>
          exportBroker(
            serverOptionsOf(options),
            { format: textOf(options, 'format'), out: textOf(options, 'out'), apiUrl: textOf(options, 'apiUrl') },
            isJson(options),
          ),
      }),
    );
  for (const define of COMMANDS) define(cli);
}

function letterFilterOf(options: Parsed): LetterFilter {
  const limit = textOf(options, 'limit');
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit)) throw new UsageError(`--limit ${limit} is not a whole number above 0`);
  return { reason: textOf(options, 'reason'), host: textOf(options, 'host'), limit: limit === undefined ? undefined : Number(limit) };
}
