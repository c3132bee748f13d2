// `npm start`: builds what has changed, then runs the server in this process with an agent of this host beside it.
// Arguments go through to `hostwire up`; see `npm run hostwire -- --help`.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const server = join(root, 'apps/server/dist/main.js');
const agent = join(root, 'apps/agent/dist/main.js');
const KILL_AFTER_MS = 3000;

const isFirst = !existsSync(server);
process.stdout.write(isFirst ? 'Building Hostwire; the first time takes about half a minute\n' : 'Building what has changed\n');
await build();
process.argv = [process.argv[0], server, 'up', '--agent', agent, ...process.argv.slice(2)];
await import(server);

/** Runs the build; shows what it printed only if it fails. A signal ends it and this process. */
async function build() {
  const turbo = join(root, 'node_modules/turbo/bin/turbo');
  if (!existsSync(turbo)) {
    process.stderr.write('hostwire: the dependencies are not installed; run: npm ci\n');
    process.exit(1);
  }
  // A group of its own: turbo, its launcher and what they run end together, whichever of them forwards signals.
  const child = spawn(process.execPath, [turbo, 'run', 'build', '--output-logs=errors-only', '--no-update-notifier'], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1' },
  });
  // Its input ends with this process, however that ends (SIGKILL too), unless the build was over before.
  const guard = spawn('/bin/sh', ['-c', 'read -r over || kill -TERM "-$1"', 'sh', String(child.pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.on('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  const printed = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => printed.push(chunk));
  let asked = null;
  const onSignal = (signal) => {
    asked ??= signal;
    endGroup(child.pid, 'SIGTERM');
    setTimeout(() => endGroup(child.pid, 'SIGKILL'), KILL_AFTER_MS).unref();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const code = await new Promise((done) => {
    child.once('error', () => done(1));
    child.once('close', done);
  });
  guard.stdin.end('over\n');
  if (asked !== null) {
    // What still runs of the group lost its parent only.
    endGroup(child.pid, 'SIGKILL');
    process.exit(asked === 'SIGINT' ? 130 : 143);
  }
  process.off('SIGINT', onSignal);
  process.off('SIGTERM', onSignal);
  if (code !== 0) {
    process.stderr.write(Buffer.concat(printed));
    process.stderr.write('hostwire: the build failed; what it said stands above\n');
    process.exit(1);
  }
}

function endGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // It is gone already.
  }
}
