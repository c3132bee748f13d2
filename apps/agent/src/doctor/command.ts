import { EXIT } from '@hostwire/service';
import { describeFindings, findingsBody, hasErrors } from '@hostwire/service/doctor';
import type { AgentCommand } from '../cli.ts';
import { examineAgent } from './examine.ts';

/** `doctor`: looks at everything that the agent needs, and says what to do about what is wrong. Changes nothing. */
export const doctorCommand: AgentCommand = {
  name: 'doctor',
  summary: 'look for what is wrong, and say what to do about it',
  options: [
    ['--config <file>', 'configuration; else HOSTWIRE_AGENT_CONFIG, else /etc/hostwire/agent.toml'],
    ['--json', 'print JSON'],
  ],
  notes: 'Exit codes: 0 no errors, warnings perhaps; 1 errors; 2 the command line cannot be used.',
  async run(given, env) {
    const findings = await examineAgent(given.text('config'), env);
    const text = given.flag('json') ? JSON.stringify(findingsBody(findings), null, 2) : describeFindings(findings);
    process.stdout.write(`${text}\n`);
    return hasErrors(findings) ? EXIT.failed : EXIT.ok;
  },
};
