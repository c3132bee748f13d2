import { execFile } from 'node:child_process';

/** Runs a program to its end; standard output. Throws with what it said on standard error. */
export function run(command, args, options = {}) {
  return new Promise((done, fail) => {
    execFile(command, args, { maxBuffer: 64 * 1024 * 1024, ...options }, (error, stdout, stderr) => {
      if (error === null) done(stdout);
      else fail(new Error(`${command} ${args.join(' ')}: ${stderr.trim() || error.message}`, { cause: error }));
    });
  });
}
