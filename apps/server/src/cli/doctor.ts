import { EXIT } from '@hostwire/service';
import { describeFindings, findingsBody, hasErrors } from '@hostwire/service/doctor';
import type { CAC } from 'cac';
import { examineServer } from '../doctor/examine.ts';
import { isJson, type Parsed, serverOptions, serverOptionsOf } from './options.ts';
import { print, printJson } from './print.ts';

/** `doctor`: looks at everything that the server needs, and says what to do about what is wrong. Changes nothing. */
export function doctorCommand(cli: CAC): void {
  serverOptions(cli.command('doctor', 'Look for what is wrong, and say what to do about it'), true)
    .option('--json', 'Print JSON')
    .action(async (options: Parsed) => {
      const findings = await examineServer(serverOptionsOf(options));
      if (isJson(options)) printJson(findingsBody(findings));
      else print(describeFindings(findings));
      return hasErrors(findings) ? EXIT.failed : EXIT.ok;
    });
}
