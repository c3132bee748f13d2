import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { onTestFinished } from 'vitest';

/** A tmux server of its own, with these sessions. */
export function startTmux(...sessions: readonly string[]) {
  const name = `hostwire-page-${process.pid}`;
  const run = (...args: string[]): string =>
    execFileSync('tmux', ['-u', '-f', '/dev/null', '-L', name, ...args], {
      env: { PATH: process.env['PATH'], HOME: '/', SHELL: '/bin/sh', TERM: 'xterm', LC_ALL: 'C.UTF-8' },
      ...{ encoding: 'utf8', cwd: '/', stdio: ['ignore', 'pipe', 'ignore'] },
    });
  onTestFinished(() => {
    try {
      run('kill-server');
    } catch {
      // It has gone with its last session.
    }
    rmSync(`/tmp/tmux-${process.getuid?.()}/${name}`, { force: true });
  });
  for (const session of sessions) run('new-session', '-d', '-s', session, 'exec sleep 600');
  return { name, names: () => run('list-sessions', '-F', '#{session_name}').trim().split('\n') };
}
