import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';

const SERVICE = fileURLToPath(new URL('./notify-service.ts', import.meta.url));
/** Prints each datagram that comes to the socket of its argument, its lines divided by blanks. */
const LISTENER = `use Socket; $| = 1; socket(S, AF_UNIX, SOCK_DGRAM, 0) && bind(S, sockaddr_un($ARGV[0])) or die $!;
while (defined recv(S, $m, 65536, 0)) { $m =~ s/\\n/ | /g; print "$m\\n" }`;

interface Listener {
  readonly socket: string;
  readonly messages: string[];
}

async function listen(): Promise<Listener> {
  const socket = join(tempDir(), 'notify');
  const child = spawn('perl', ['-e', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill());
  const messages: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    // By which systemd-notify waits until the manager has taken what came before.
    if (line !== 'BARRIER=1') messages.push(line);
  });
  await waitFor(() => existsSync(socket), { what: 'the listener' });
  return { socket, messages };
}

/** A program of this project as it is built. */
function startProgram(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const [program = '', ...rest] = args;
  const script = fileURLToPath(new URL(`../../apps/${program}/dist/main.js`, import.meta.url));
  const child = spawn(process.execPath, [script, ...rest], { stdio: 'ignore', env: { ...process.env, ...env } });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

function startService(env: NodeJS.ProcessEnv): ChildProcess & { say(order: string): void } {
  const args = ['--conditions=@hostwire/source', '--import', 'tsx', SERVICE];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  onTestFinished(() => void child.kill('SIGKILL'));
  return Object.assign(child, { say: (order: string) => void child.stdin?.write(`${order}\n`) });
}

const beatsOf = ({ messages }: Listener): number => messages.filter((message) => message.includes('WATCHDOG=1')).length;

systemSuite(['systemd-notify', 'perl'], 'what the service manager hears', () => {
  it('READY and STATUS, WATCHDOG at half of the interval, none while the loop is blocked, STOPPING', async () => {
    const listener = await listen();
    const service = startService({ NOTIFY_SOCKET: listener.socket, WATCHDOG_USEC: '400000' });
    await waitFor(() => beatsOf(listener) >= 3, { what: 'three signs of life' });
    expect(listener.messages[0]).toBe('READY=1 | STATUS=serving 2 hosts');

    const from = beatsOf(listener);
    await sleep(1200);
    const regular = beatsOf(listener) - from;
    expect(regular).toBeGreaterThanOrEqual(3);
    expect(regular).toBeLessThanOrEqual(7);

    service.say('block 1800');
    await sleep(500);
    const blocked = beatsOf(listener);
    await sleep(1000);
    expect(beatsOf(listener)).toBe(blocked);
    await waitFor(() => beatsOf(listener) > blocked, { what: 'a sign of life after the loop turns again' });

    service.say('status busy');
    service.say('stop');
    await waitFor(() => listener.messages.includes('STOPPING=1 | STATUS=stopping'), { what: 'STOPPING' });
    expect(listener.messages).toContain('STATUS=busy');
  });

  it('nothing while a part is silent, and its name', async () => {
    const listener = await listen();
    const service = startService({ NOTIFY_SOCKET: listener.socket, WATCHDOG_USEC: '400000' });
    await waitFor(() => beatsOf(listener) >= 1);
    service.say('silent store');
    await waitFor(() => listener.messages.includes('STATUS=no answer from store'));
    const silent = beatsOf(listener);
    await sleep(700);
    expect(beatsOf(listener)).toBe(silent);
    service.say('silent');
    await waitFor(() => listener.messages.at(-1)?.includes('WATCHDOG=1'));
    expect(listener.messages).toContain('WATCHDOG=1 | STATUS=serving 2 hosts');
  });

  it('no sign of life where none is asked for, or of another process', async () => {
    const silent = async (env: NodeJS.ProcessEnv): Promise<void> => {
      const listener = await listen();
      const service = startService({ NOTIFY_SOCKET: listener.socket, ...env });
      await waitFor(() => listener.messages.length === 1);
      service.say('env');
      const [told] = await new Promise<Buffer[]>((done) => service.stdout?.once('data', (...data: Buffer[]) => done(data)));
      expect(String(told)).toBe('null\n');
      await sleep(300);
      expect(beatsOf(listener)).toBe(0);
    };
    await Promise.all([{}, { WATCHDOG_USEC: '100000', WATCHDOG_PID: '1' }, { WATCHDOG_USEC: 'soon' }].map(silent));
  });

  it('that the server is up, lives, and ends', async () => {
    const listener = await listen();
    const ports = ['--port', '--mqtt-port', '--influx-port'].flatMap((option) => [option, '0']);
    const server = startProgram(['server', 'serve', '--data-dir', tempDir(), ...ports], {
      NOTIFY_SOCKET: listener.socket,
      WATCHDOG_USEC: '1000000',
    });
    await waitFor(() => beatsOf(listener) >= 2, { timeout: 25_000, what: 'signs of life of the server' });
    expect(listener.messages[0]).toBe('READY=1 | STATUS=broker, ingest, alerts, api on 127.0.0.1');
    server.kill('SIGTERM');
    await waitFor(() => listener.messages.includes('STOPPING=1 | STATUS=stopping'), { what: 'STOPPING' });
  });

  it('that the agent waits for its configuration, and then for the server', async () => {
    const listener = await listen();
    const folder = tempDir();
    const config = join(folder, 'agent.toml');
    startProgram(['agent', '--config', config], { NOTIFY_SOCKET: listener.socket, WATCHDOG_USEC: '1000000' });
    const idle = `READY=1 | STATUS=idle: there is no configuration at ${config}`;
    await waitFor(() => listener.messages.includes(idle), { what: 'READY of the agent' });
    const port = await freePort();
    writeFileSync(config, `server_url = "mqtt://127.0.0.1:${port}"\ntoken = "t"\nhost_id = "h"\n[spool]\ndir = "${folder}/spool"\n`);
    await waitFor(() => listener.messages.includes(`READY=1 | STATUS=connecting to mqtt://127.0.0.1:${port}`), { what: 'READY again' });
    await waitFor(() => beatsOf(listener) >= 2);
  });
});
