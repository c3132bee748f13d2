import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findCommand } from '@hostwire/testkit';

export interface FailingFsync {
  /** The disk is well again. */
  end(): Promise<void>;
}

/**
 * From now on every fsync(2) and fdatasync(2) of a process that was started here answers EIO, as a disk that fails does
 * (strace(1), "Tampering"). Resolves when strace is attached to all its threads.
 */
export async function failFsync(pid: number): Promise<FailingFsync> {
  const command = findCommand('strace');
  if (command === null) throw new Error('strace is not installed');
  const child = spawn(
    command,
    ['-f', '-p', String(pid), '-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EIO', '-o', '/dev/null'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  await new Promise<void>((done, fail) => {
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('attached')) done();
    });
    child.once('exit', (code) => fail(new Error(`strace ended with ${code}: ${output}`)));
  });
  return {
    async end() {
      const ended = once(child, 'exit');
      // strace detaches when it is interrupted; what it was attached to goes on.
      child.kill('SIGINT');
      await ended;
    },
  };
}
