import { EXIT } from '@hostwire/service';
import { describeFindings, findingsBody, hasErrors } from '@hostwire/service/doctor';
import { configPath, loadConfig } from '../agent-config.ts';
import { type AgentCommand, UsageError } from '../cli.ts';
import { openHost } from '../host-source.ts';
import { examineAgent } from './examine.ts';
import { killCommands, rootCommands, sudoersFile, sudoersUser } from './sudoers.ts';

/** `doctor`: looks at everything that the agent needs, and says what to do about what is wrong. Changes nothing. */
export const doctorCommand: AgentCommand = {
  name: 'doctor',
  summary: 'look for what is wrong, and say what to do about it',
  options: [
    ['--config <file>', 'configuration; else HOSTWIRE_AGENT_CONFIG, else /etc/hostwire/agent.toml'],
    ['--json', 'print JSON'],
    ['--sudoers', 'print instead the lines for /etc/sudoers.d/hostwire-agent that this host needs'],
  ],
  notes: `--sudoers asks the collectors that are switched on what they run as root here; as root it finds the most.

Exit codes: 0 no errors, warnings perhaps; 1 errors; 2 the command line (or, for --sudoers, the configuration) cannot be used.`,
  async run(given, env) {
    if (given.flag('sudoers')) {
      if (given.flag('json')) throw new UsageError('--sudoers and --json exclude each other');
      process.stdout.write(await printSudoers(given.text('config'), env));
      return EXIT.ok;
    }
    const findings = await examineAgent(given.text('config'), env);
    const text = given.flag('json') ? JSON.stringify(findingsBody(findings), null, 2) : describeFindings(findings);
    process.stdout.write(`${text}\n`);
    return hasErrors(findings) ? EXIT.failed : EXIT.ok;
  },
};

async function printSudoers(config: string | undefined, env: NodeJS.ProcessEnv): Promise<string> {
  const { collectors, sudo, actions } = await loadConfig(configPath(config, env), env, { connect: false, mustExist: config !== undefined });
  const { access } = await openHost({ mock: false, loop: false, root: env['HOST_ROOT'], sudo });
  try {
    const commands = await rootCommands(access, collectors);
    const kill = actions.allow.includes('tmux.kill') ? killCommands(commands) : [];
    return await sudoersFile([...commands, ...kill], sudoersUser());
  } finally {
    await access.close();
  }
}
