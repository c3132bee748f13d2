import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { toAccessError } from './access-failure.ts';
import type { CommandTurn } from './command-slots.ts';
import { AccessError, type ExecResult } from './host-access.ts';

/** Where commands are looked up, on every host alike. */
export const COMMAND_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Most bytes of standard output and standard error together. */
export const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/**
 * What a command sees of the environment: nothing of the agent's own (tokens, LD_LIBRARY_PATH), and the C locale,
 * because parsers read its output.
 */
export function commandEnvironment(): NodeJS.ProcessEnv {
  return {
    PATH: COMMAND_PATH,
    LC_ALL: 'C',
    LANG: 'C',
    HOME: process.env['HOME'] ?? '/',
  };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Gone already, or root's by sudo, which has a time limit of its own.
  }
}

/**
 * Runs argv in a process group of its own, which is gone when it ends. Ended by a signal is exit code 128 + its number, as a
 * shell says it. If `signal` aborts, the group is killed and its reason thrown at once; `turn` hears when the process is truly
 * gone.
 */
export function runCommand(
  command: string,
  args: readonly string[],
  { signal, turn, maxBytes }: { readonly signal: AbortSignal; readonly turn: CommandTurn; readonly maxBytes: number },
): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    let child: ReturnType<typeof start>;
    try {
      child = start(command, args);
    } catch (thrown) {
      turn.ended();
      reject(toAccessError(thrown, command));
      return;
    }
    const output: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
    let bytes = 0;

    const stop = (reason: unknown) => {
      signal.removeEventListener('abort', onAbort);
      killGroup(child);
      turn.givenUp();
      // A grandchild that left the group may hold the pipes open; nobody waits for it.
      child.stdout.destroy();
      child.stderr.destroy();
      reject(reason);
    };
    const onAbort = () => stop(signal.reason);
    const take = (chunks: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) stop(new AccessError('too-large', `${command}: more than ${maxBytes} bytes of output`));
      else chunks.push(chunk);
    };

    child.stdout.on('data', take(output.stdout));
    child.stderr.on('data', take(output.stderr));
    child.once('error', (thrown) => {
      signal.removeEventListener('abort', onAbort);
      if (child.pid === undefined) turn.ended();
      reject(toAccessError(thrown, command));
    });
    child.once('exit', () => turn.ended());
    child.once('close', (code, by) => {
      signal.removeEventListener('abort', onAbort);
      // What it left behind would be one more at each reading.
      killGroup(child);
      resolve({
        exitCode: code ?? 128 + (by === null ? 0 : constants.signals[by]),
        stdout: Buffer.concat(output.stdout).toString('utf8'),
        stderr: Buffer.concat(output.stderr).toString('utf8'),
      });
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function start(command: string, args: readonly string[]) {
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: commandEnvironment(), cwd: '/' });
}
