import { AccessError, type ExecResult } from './host-access.ts';

const GRANT = '`hostwire-agent doctor --sudoers` prints the lines that grant it';

const UNIT =
  'its unit needs the drop-in hostwire-agent-sudo.conf (docs/guides/capabilities.md), a container security_opt without no-new-privileges';

/** The argv that runs a command as root without asking anybody. Throws AccessError EACCES where that is not allowed. */
export function sudoArgv(command: string, args: readonly string[], allowed: boolean): [string, ...string[]] {
  if (!allowed) {
    throw new AccessError('EACCES', `${command}: needs root; set sudo = true in agent.toml, and ${GRANT}`);
  }
  return ['sudo', '-n', '--', command, ...args];
}

/** What the command said, or an AccessError if it was sudo that spoke. */
export async function toSudoResult(command: string, ran: Promise<ExecResult>): Promise<ExecResult> {
  const result = await ran.catch((thrown: unknown) => {
    if (!(thrown instanceof AccessError) || thrown.code !== 'ENOENT') throw thrown;
    throw new AccessError('EACCES', `${command}: needs root, and sudo is not installed`, { cause: thrown });
  });
  // sudo(8), "Exit value": 1 if it could not run the command, with a line of its own on standard error.
  if (result.exitCode !== 1 || !/^(?:sudo: |Sorry, user )/m.test(result.stderr)) return result;
  if (/^sudo: .*: command not found$/m.test(result.stderr)) throw new AccessError('ENOENT', `${command}: does not exist (ENOENT)`);
  if (/no new privileges|effective uid is not 0|Operation not permitted/.test(result.stderr)) {
    throw new AccessError('EACCES', `${command}: this service is kept from becoming root; ${UNIT}`);
  }
  throw new AccessError('EACCES', `${command}: sudo does not allow it; ${GRANT}`);
}
