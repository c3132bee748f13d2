import { COLLECTORS } from '@hostwire/collectors';
import { EXIT } from '@hostwire/service';
import { configPath, loadConfig } from '../agent-config.ts';
import { type AgentCommand, UsageError } from '../cli.ts';
import { openHost } from '../host-source.ts';
import { describeReading, readingBody } from './describe-reading.ts';
import { takeReadings } from './reading.ts';

/** `verify`: takes one reading and shows each value next to what it was read from. Sends nothing. */
export const verifyCommand: AgentCommand = {
  name: 'verify',
  summary: 'take one reading, and show each value next to the text that it was read from',
  options: [
    ['--collector <name>', 'this one alone; --list has the names'],
    ['--config <file>', 'configuration; else HOSTWIRE_AGENT_CONFIG, else /etc/hostwire/agent.toml'],
    ['--replay <dir>', 'read from a diagnostic dump instead of this host'],
    ['--json', 'print JSON'],
  ],
  notes: 'Exit codes: 0 all that is available was read, 1 something failed, 2 the command line or the configuration cannot be used.',
  async run(given, env) {
    const name = given.text('collector');
    const chosen = COLLECTORS.filter((collector) => name === undefined || collector.name === name);
    if (chosen.length === 0) throw new UsageError(`there is no collector ${JSON.stringify(name)}; hostwire-agent --list has the names`);
    const file = given.text('config');
    const { collectors, sudo } = await loadConfig(configPath(file, env), env, { connect: false, mustExist: file !== undefined });
    const { access } = await openHost({ replay: given.text('replay'), mock: false, loop: false, root: env['HOST_ROOT'], sudo });
    try {
      const readings = await takeReadings(access, chosen, collectors);
      const json = () => JSON.stringify({ readings: readings.map(readingBody) }, bigintAsText, 2);
      process.stdout.write(`${given.flag('json') ? json() : readings.map(describeReading).join('\n\n')}\n`);
      return readings.some(({ errors }) => errors.length > 0) ? EXIT.failed : EXIT.ok;
    } finally {
      await access.close();
    }
  },
};

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
