import { completionScript, EXIT, SHELL_NAMES, shapeOf } from '@hostwire/service';
import { type AgentCommand, programOf, UsageError } from './cli.ts';

/** `completion <shell>`: prints the completion of the commands as they are defined. */
export function completionCommand(commands: () => readonly AgentCommand[]): AgentCommand {
  return {
    name: 'completion',
    words: `<${SHELL_NAMES.join('|')}>`,
    summary: 'print what makes a shell complete this program',
    options: [],
    async run({ words: [shell = ''] }) {
      const script = completionScript(shell, shapeOf(programOf(commands())));
      if (script === null) throw new UsageError(`completion ${shell} is not a command; there are: ${SHELL_NAMES.join(', ')}`);
      process.stdout.write(`${script}\n`);
      return EXIT.ok;
    },
  };
}
