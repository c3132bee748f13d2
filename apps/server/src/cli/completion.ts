import { completionScript, SHELL_NAMES, shapeOf } from '@hostwire/service';
import type { CAC } from 'cac';
import { choose } from './choose.ts';
import { print } from './print.ts';

/** `completion <shell>`: prints the completion of this program's commands as they are defined. */
export function completionCommand(cli: CAC): void {
  const action = (shell: string) => () => print(completionScript(shell, shapeOf(cli)) ?? '');
  cli
    .command('completion <shell>', `Print what makes a shell complete this program: ${SHELL_NAMES.join(', ')}`)
    .action(choose<[]>('completion', Object.fromEntries(SHELL_NAMES.map((shell) => [shell, action(shell)]))));
}
