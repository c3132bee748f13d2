import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ActionRequest, canonicalJson, topics as topicsOf } from '@hostwire/model';
import { SERVER_USERNAME } from '@hostwire/registry';
import { systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { connectMqtt } from '@hostwire/transport';
import { expect, it, onTestFinished } from 'vitest';
import type { ActionRecord } from '../../apps/agent/src/actions/action-log.ts';
import { startAgent } from '../../apps/agent/src/agent.ts';
import { type AgentConfig, defaultConfig } from '../../apps/agent/src/agent-config.ts';
import { openHost } from '../../apps/agent/src/host-source.ts';
import type { AuditBody, TmuxSessionBody } from '../../apps/server/src/api/session-schemas.ts';
import { runCommandLine } from '../../apps/server/src/cli/command-line.ts';
import { internalToken } from '../../apps/server/src/internal-token.ts';
import { silent, type TestServer, testServer } from '../../apps/server/src/server.testkit.ts';
import { serverKey, signer } from '../../apps/server/src/server-key.ts';

const HOST = 'box';
const topics = topicsOf();
const environment = { PATH: process.env['PATH'], HOME: '/', SHELL: '/bin/sh', TERM: 'xterm', LC_ALL: 'C.UTF-8' };
const COLLECTORS = ['cpu', 'disk', 'diskio', 'docker', 'kernel', 'mem', 'net', 'netstat', 'pressure', 'processes', 'swap', 'temp'];
let made = 0;

/** A tmux server of its own. */
function startTmux() {
  const name = `hostwire-kill-${process.pid}-${made++}`;
  const path = `/tmp/tmux-${process.getuid?.()}/${name}`;
  const run = (...args: string[]): string =>
    execFileSync('tmux', ['-u', '-f', '/dev/null', '-L', name, ...args], {
      env: environment,
      encoding: 'utf8',
      cwd: '/',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  onTestFinished(() => {
    try {
      run('kill-server');
    } catch {
      // It has gone with its last session.
    }
    rmSync(path, { force: true });
  });
  const names = (): string[] => run('list-sessions', '-F', '#{session_name}').trim().split('\n').sort();
  return { path, run, names, begin: (session: string) => run('new-session', '-d', '-s', session, 'exec sleep 600') };
}

/** A server with a host whose real agent samples tmux every second. */
async function startAll(allow: AgentConfig['actions']['allow']) {
  const dataDir = tempDir();
  const server = await testServer({ dataDir });
  const { token } = await server.server.registry.hosts.add(HOST);
  const config: AgentConfig = {
    ...defaultConfig(),
    server_key: serverKey(dataDir),
    actions: { allow },
    intervals: { fast_seconds: 1, medium_seconds: 1, slow_seconds: 600 },
    collectors: Object.fromEntries(COLLECTORS.map((name) => [name, { enabled: false }])),
  };
  const spoolFolder = join(tempDir(), 'spool');
  const agent = await startAgent({
    ...{ config, host: HOST, spoolFolder, remapped: false, logger: silent },
    connection: { url: `mqtt://127.0.0.1:${server.server.ports.mqtt}`, token },
    source: await openHost({ mock: false, loop: false }),
  });
  onTestFinished(() => agent.stop());
  const audit = (): ActionRecord[] => {
    const text = (() => {
      try {
        return readFileSync(join(spoolFolder, 'audit.jsonl'), 'utf8');
      } catch {
        return '';
      }
    })();
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ActionRecord);
  };
  return { server, dataDir, audit, client: await operator(server) };
}

async function operator(server: TestServer): Promise<Client> {
  const { token } = await server.server.registry.tokens.add(`t${made++}`, ['api:read', 'operate']);
  return new Client(server, { authorization: `Bearer ${token}` });
}

/** What the page does. */
class Client {
  readonly #server: TestServer;
  readonly headers: Record<string, string>;

  constructor(server: TestServer, headers: Record<string, string>) {
    this.#server = server;
    this.headers = headers;
  }

  async sessions(socket: string): Promise<TmuxSessionBody[]> {
    const answer = await this.#server.get('/api/sessions', this.headers);
    const { sessions } = (await answer.json()) as { sessions: TmuxSessionBody[] };
    // The machine may have others.
    return sessions.filter(({ attachCommand }) => attachCommand?.includes(socket.split('/').at(-1) ?? '?') === true);
  }

  /** Once the host has told of it. */
  session(socket: string, name: string, not?: string): Promise<TmuxSessionBody> {
    const find = async () => (await this.sessions(socket)).find((one) => one.name === name && one.id !== not && one.killable.allowed);
    return waitFor(find, { what: `the session ${name}` });
  }

  async confirm(id: string): Promise<string> {
    const answer = await this.#server.get(`/api/sessions/${encodeURIComponent(id)}`, this.headers);
    const { confirmation } = (await answer.json()) as { confirmation: { token: string } | null };
    return confirmation?.token ?? 'none was given';
  }

  async kill(id: string, confirm: string): Promise<[number, unknown]> {
    const answer = await this.#server.post(`/api/sessions/${encodeURIComponent(id)}/kill`, { confirm }, this.headers);
    const body = (await answer.json()) as { result?: string; error?: { code: string } };
    return [answer.status, body.result ?? body.error?.code];
  }

  async audit(): Promise<AuditBody[]> {
    return ((await (await this.#server.get('/api/audit?host=box', this.headers)).json()) as { entries: AuditBody[] }).entries;
  }
}

systemSuite(['tmux'], 'killing a session', () => {
  it('works from the page, once, and for that session alone: not for one of its name, nor one of its number', async () => {
    const tmux = startTmux();
    for (const name of ['keep', 'old', 'again']) tmux.begin(name);
    const { server, dataDir, client, audit } = await startAll(['tmux.kill', 'agent.refresh']);
    const old = await client.session(tmux.path, 'old');

    const confirm = await client.confirm(old.id);
    const other = await operator(server);
    expect(await other.kill(old.id, confirm)).toEqual([403, 'confirmation-unknown']);
    expect(await new Client(server, await server.bearer('api:read')).kill(old.id, confirm)).toEqual([403, 'forbidden']);
    const keep = await client.session(tmux.path, 'keep');
    expect(await client.kill(keep.id, confirm)).toEqual([403, 'confirmation-unknown']);
    expect(await client.kill(old.id, confirm)).toEqual([200, 'done']);
    expect(tmux.names()).toEqual(['again', 'keep']);
    expect(await client.kill(old.id, confirm)).toEqual([403, 'confirmation-unknown']);
    expect(audit().map(({ action, result }) => [action, result])).toEqual([
      ['tmux.kill', 'accepted'],
      ['tmux.kill', 'done'],
    ]);

    // Anew under the same name, before the host has told of it.
    const again = await client.session(tmux.path, 'again');
    const second = await client.confirm(again.id);
    tmux.run('kill-session', '-t', 'again');
    tmux.begin('again');
    expect(await client.kill(again.id, second)).toEqual([410, 'session-gone']);

    // A new server: the same name and the same number, another second.
    const first = await client.session(tmux.path, 'keep');
    const number = tmux.run('display-message', '-p', '-t', 'keep', '#{session_id}');
    const third = await client.confirm(first.id);
    tmux.run('kill-server');
    await sleep(1000);
    tmux.begin('keep');
    expect(tmux.run('display-message', '-p', '-t', 'keep', '#{session_id}')).toBe(number);
    expect(await client.kill(first.id, third)).toEqual([410, 'session-gone']);
    const anew = await client.session(tmux.path, 'keep', first.id);
    expect(tmux.names()).toEqual(['keep']);

    const log = await client.audit();
    expect(log.filter(({ result }) => result === 'done')).toHaveLength(1);
    expect(log.filter(({ result, reason }) => result === 'refused' && /session/.test(reason ?? '')).length).toBe(5);
    expect(log.every(({ actor }) => actor !== null)).toBe(true);
    const refresh = await server.post('/api/hosts/box/actions/refresh', undefined, client.headers);
    expect(await refresh.json()).toMatchObject({ action: 'agent.refresh', result: 'done' });
    const dump = await server.post('/api/hosts/box/actions/dump', { minutes: 5 }, client.headers);
    expect([dump.status, await dump.json()]).toMatchObject([
      403,
      { error: { code: 'action-not-allowed', message: expect.stringContaining('agent.toml') } },
    ]);
    const cli = (...args: string[]): Promise<number> => runCommandLine(['node', 'hostwire', ...args, '--data-dir', dataDir]);
    expect(await cli('session', 'kill', first.id)).not.toBe(0);
    expect(tmux.names()).toEqual(['keep']);
    expect(await cli('session', 'kill', anew.id)).toBe(0);
    expect(() => tmux.names()).toThrow();
    expect((await client.audit())[0]).toMatchObject({ action: 'tmux.kill', actor: expect.stringMatching(/^cli-/), result: 'done' });
  });

  it('is refused when it comes late, twice, unsigned, signed by another, for another host or run, or where it is not allowed', async () => {
    const tmux = startTmux();
    tmux.begin('main');
    const { server, dataDir, client, audit } = await startAll(['tmux.kill']);
    const session = await client.session(tmux.path, 'main');
    const target = { user: session.user, socket: tmux.path, session: '$0', created: (session.created ?? 0) / 1000 };
    const run = server.server.live.get(HOST)?.info?.run ?? '';
    // Somebody who has all that the server has at the broker.
    const intruder = connectMqtt({
      ...{ url: `mqtt://127.0.0.1:${server.server.ports.mqtt}`, clientId: 'intruder', logger: silent },
      ...{ username: SERVER_USERNAME, password: internalToken(dataDir) },
    });
    onTestFinished(() => intruder.close());
    await waitFor(() => intruder.connected);
    const ownKey = signer(dataDir);
    const foreign = generateKeyPairSync('ed25519').privateKey;
    const ask = (change: Partial<ActionRequest> = {}): ActionRequest => {
      const issued = Date.now();
      const who = { v: 1, host: HOST, run, id: randomBytes(12).toString('base64url') } as const;
      return { ...who, action: 'tmux.kill', args: target, issued, expires: issued + 30_000, ...change };
    };
    const wrap = (request: ActionRequest, by: (bytes: Uint8Array) => Uint8Array = ownKey): string => {
      const bytes = Buffer.from(canonicalJson(request));
      return canonicalJson({ payload: bytes.toString('base64'), sig: Buffer.from(by(bytes)).toString('base64') });
    };
    const refused = async (request: ActionRequest, code: string, message = wrap(request), retain = false): Promise<void> => {
      await intruder.publish(topics.command(HOST), message, { qos: 1, retain });
      await waitFor(() => audit().some((one) => one.id === request.id && one.result === 'refused' && one.code === code), {
        what: `${code} at the agent`,
      });
      await waitFor(async () => (await client.audit()).some(({ id, result }) => id.startsWith(request.id) && result === 'refused'), {
        what: `${code} at the server`,
      });
      if (retain) await intruder.publish(topics.command(HOST), '', { qos: 1, retain });
    };
    const late = Date.now() - 60_000;
    await refused(ask({ issued: late, expires: late + 30_000 }), 'expired');
    await refused(ask({ expires: Date.now() + 3_600_000 }), 'expired');
    await refused(ask({ host: 'other' }), 'not-for-this-host');
    await refused(ask({ run: 'earlier' }), 'not-for-this-run');
    await refused(ask({ action: 'agent.refresh', args: {} }), 'not-allowed');
    await refused(ask({ args: { ...target, created: target.created - 1 } }), 'session-gone');
    const unsigned = ask();
    await refused(
      unsigned,
      'bad-signature',
      wrap(unsigned, () => Buffer.alloc(64)),
    );
    const forged = ask();
    await refused(
      forged,
      'bad-signature',
      wrap(forged, (bytes) => sign(null, bytes, foreign)),
    );
    await intruder.publish(topics.command(HOST), canonicalJson(ask()), { qos: 1, retain: false });
    await waitFor(() => audit().some(({ id, code }) => id === null && code === 'bad-signature'), { what: 'what has no signature at all' });
    expect(tmux.names()).toEqual(['main']);

    // Twice: of a session that is there all the time, as a second one of the number would be.
    const once = ask({ args: { ...target, session: '$9' } });
    await refused(once, 'session-gone');
    await refused(once, 'replayed');
    expect(tmux.names()).toEqual(['main']);
    expect((await client.audit()).every(({ actor, reason }) => actor === null && /did not ask|answered before/.test(reason ?? ''))).toBe(
      true,
    );
    // All that was missing is one that is right in everything.
    const right = ask();
    await intruder.publish(topics.command(HOST), wrap(right), { qos: 1, retain: false });
    await waitFor(() => audit().some(({ id, result }) => id === right.id && result === 'done'));
    expect(() => tmux.names()).toThrow();
  });

  it('cannot be asked of a host that is away, or does not allow it, and neither host nor token can command another', async () => {
    const tmux = startTmux();
    tmux.begin('main');
    const { server, client, audit } = await startAll([]);
    const [session] = await waitFor(async () => {
      const found = await client.sessions(tmux.path);
      return found.length > 0 && found;
    });
    expect(session?.killable).toMatchObject({ allowed: false, reason: expect.stringContaining('agent.toml') });
    const refresh = () => server.post('/api/hosts/box/actions/refresh', undefined, client.headers).then((answer) => answer.status);
    expect(await refresh()).toBe(403);
    const nas = await server.host('nas');
    await expect(nas.client.publish(topics.command(HOST), '{}', { qos: 1 })).rejects.toThrow();
    server.server.live.applyStatus(HOST, 'offline', { receivedAt: Date.now(), retained: false });
    expect(await refresh()).toBe(409);
    expect((await client.audit()).map(({ result }) => result)).toEqual(['refused', 'refused']);
    expect(audit()).toEqual([]);
    expect(tmux.names()).toEqual(['main']);
  });
});
