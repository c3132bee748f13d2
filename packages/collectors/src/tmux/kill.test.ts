import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { AccessError, type HostAccess, LocalHost } from '@hostwire/host-access';
import { systemSuite } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { isNeeded } from '../needs.ts';
import { KILL_NEEDS, killSession, type SessionName } from './kill.ts';

const uid = process.getuid?.() ?? -1;
const environment = { PATH: process.env['PATH'], HOME: '/', SHELL: '/bin/sh', TERM: 'xterm', LC_ALL: 'C.UTF-8' };
const signal = AbortSignal.timeout(30_000);
let made = 0;

function startServer(user: number) {
  const name = `hostwire-end-${process.pid}-${made++}`;
  const path = `/tmp/tmux-${user}/${name}`;
  const as = user === uid ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
  const [command = '', ...args] = [...as, 'tmux', '-u', '-f', '/dev/null', '-L', name];
  const run = (...asked: string[]): string =>
    execFileSync(command, [...args, ...asked], {
      env: environment,
      encoding: 'utf8',
      cwd: '/',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  onTestFinished(() => {
    try {
      run('kill-server');
    } catch {
      // It has gone already.
    }
    rmSync(path, { force: true });
  });
  const begin = (session: string, owner: string): SessionName => {
    run('new-session', '-d', '-s', session, 'exec sleep 60');
    const [id = '', created = ''] = run('display-message', '-p', '-t', `=${session}:`, '#{session_id} #{session_created}').split(' ');
    return { user: owner, socket: path, session: id, created: Number(created) };
  };
  return { run, begin, names: () => run('list-sessions', '-F', '#{session_name}').split('\n') };
}

/** Runs nothing but what is declared. */
function declared(asRoot: boolean[] = []): HostAccess {
  const access: HostAccess = new LocalHost();
  const exec = access.exec.bind(access);
  access.exec = (command, args, how) => {
    if (!KILL_NEEDS.some((need) => isNeeded(need, [command, ...args], how?.sudo === true))) {
      throw new AccessError('EPERM', `${command} ${args.join(' ')} is not declared`);
    }
    asRoot.push(how?.sudo === true);
    return exec(command, args, how);
  };
  return access;
}

const me = execFileSync('id', ['-un'], { encoding: 'utf8' }).trim();

systemSuite(['tmux', 'setpriv', 'id'], 'the end of a session', () => {
  it('is that of the one that is named, by number, beginning, server and user, and of no other', async () => {
    const server = startServer(uid);
    const named = server.begin("it's $1; *", me);
    server.begin('1', me);
    const access = declared();
    const others: Partial<SessionName>[] = [
      { created: named.created - 1 },
      { session: '$99' },
      { socket: `${named.socket}x` },
      { user: 'somebody-else' },
    ];
    for (const other of others) expect(await killSession(access, { ...named, ...other }, signal), JSON.stringify(other)).toBe('gone');
    expect(server.names()).toHaveLength(2);
    expect(await killSession(access, named, signal)).toBe('done');
    expect(server.names()).toEqual(['1']);
    expect(await killSession(access, named, signal)).toBe('gone');
  });

  it('is not that of a new server, whose sessions are numbered anew', async () => {
    const server = startServer(uid);
    const named = server.begin('main', me);
    server.run('kill-server');
    expect(await killSession(declared(), named, signal)).toBe('gone');
    await sleep(1100 - (Date.now() % 1000));
    const anew = server.begin('main', me);
    expect(anew).toMatchObject({ session: named.session, socket: named.socket });
    expect(await killSession(declared(), named, signal)).toBe('gone');
    expect(server.names()).toEqual(['main']);
  });

  it.runIf(uid === 0)('of another user is brought about as that user, not as root', async () => {
    const nobody = 65534;
    const server = startServer(nobody);
    const named = server.begin('theirs', 'nobody');
    server.begin('kept', 'nobody');
    const asRoot: boolean[] = [];
    expect(await killSession(declared(asRoot), named, signal)).toBe('done');
    expect(asRoot).toEqual([true, true]);
    expect(server.names()).toEqual(['kept']);
  });
});
