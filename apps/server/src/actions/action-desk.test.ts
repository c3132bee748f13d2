import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { type ActionRequest, type ActionResult, Counters, topics as topicsOf } from '@hostwire/model';
import { actionRequestCheck } from '@hostwire/model/schema';
import { SERVER_USERNAME } from '@hostwire/registry';
import { tempDir, waitFor } from '@hostwire/testkit';
import { connectMqtt, createMqttBus } from '@hostwire/transport';
import { describe, expect, it, onTestFinished } from 'vitest';
import { internalToken } from '../internal-token.ts';
import { silent, testServer } from '../server.testkit.ts';
import { openActionDesk } from './action-desk.ts';

const topics = topicsOf();
const keys = generateKeyPairSync('ed25519');
const INFO = {
  ...{ agent_version: '1', hostname: 'box', os: 'x', kernel: 'x', arch: 'x', user: 'hostwire', groups: [], capabilities: {} },
  ...{ run: 'r1', intervals: { fast: 5, medium: 30, slow: 300 }, actions: ['agent.refresh'] },
};

/** A desk beside that of a whole server, as where several processes serve the API, and a host that answers as the test says. */
async function start(answer: (request: ActionRequest) => Partial<ActionResult> | null) {
  const dataDir = tempDir();
  const server = await testServer({ dataDir });
  const host = await server.host('box');
  const requests: ActionRequest[] = [];
  const say = (result: object, of = 'box'): Promise<void> =>
    host.client.publish(topics.commandResult(of), JSON.stringify(result), { qos: 1 });
  const toResult = ({ id, action }: ActionRequest, change: Partial<ActionResult>): ActionResult => {
    return { v: 1, host: 'box', run: 'r1', id, action, result: 'done', time: 5, ...change };
  };
  await host.client.subscribe(topics.command('box'), ({ payload, retained }) => {
    const envelope = JSON.parse(Buffer.from(payload).toString()) as { payload: string; sig: string };
    const bytes = Buffer.from(envelope.payload, 'base64');
    const request: unknown = JSON.parse(bytes.toString());
    if (retained || !actionRequestCheck.Check(request) || !verify(null, bytes, keys.publicKey, Buffer.from(envelope.sig, 'base64'))) return;
    requests.push(request as ActionRequest);
    const change = answer(request as ActionRequest);
    if (change !== null) void say(toResult(request as ActionRequest, change));
  });
  await host.status('online');
  await host.client.publish(topics.info('box'), JSON.stringify(INFO), { qos: 1, retain: true });
  const live = await waitFor(() => {
    const found = server.server.live.get('box');
    return found?.state === 'online' && found.info !== null && found;
  });
  const client = connectMqtt({
    ...{ url: `mqtt://127.0.0.1:${server.server.ports.mqtt}`, clientId: 'desk', logger: silent },
    ...{ username: SERVER_USERNAME, password: internalToken(dataDir) },
  });
  onTestFinished(() => client.close());
  const counters = new Counters();
  const { audit } = server.server.registry;
  const desk = await openActionDesk({
    ...{ audit, bus: createMqttBus(client), topics, counters, logger: silent, timeoutMs: 300 },
    sign: (bytes) => sign(null, bytes, keys.privateKey),
  });
  onTestFinished(() => desk.close());
  await waitFor(() => client.connected);
  const ask = () => desk.ask({ host: live, action: 'agent.refresh', args: {}, actor: 'eve' });
  return { audit, ask, requests, say, toResult, counters, live, server };
}

describe('the action desk', () => {
  it('signs what it asks, for the run that is, for 30 s, and says what became of it', async () => {
    const { ask, audit, requests } = await start(() => ({}));
    expect(await ask()).toEqual({ done: true, id: requests[0]?.id, time: 5 });
    const [request] = requests;
    expect(request).toMatchObject({ host: 'box', run: 'r1', action: 'agent.refresh' });
    expect((request?.expires ?? 0) - (request?.issued ?? 0)).toBe(30_000);
    expect(await audit.list()).toMatchObject([{ id: request?.id, host: 'box', actor: 'eve', result: 'done', reason: null }]);
  });

  it('hands on what an agent says against it', async () => {
    const answers: Partial<ActionResult>[] = [
      { result: 'refused', code: 'not-allowed', reason: 'no' },
      { result: 'refused', code: 'session-gone', reason: 'gone' },
      { result: 'refused', code: 'busy', reason: 'later' },
      { result: 'failed', code: 'failed', reason: 'tmux: no answer' },
    ];
    const codes = ['action-not-allowed', 'session-gone', 'action-refused', 'action-failed'];
    let asked = 0;
    const { ask, audit } = await start(() => answers[asked] ?? null);
    for (const [index, code] of codes.entries()) {
      asked = index;
      const { result, reason = '' } = answers[index] ?? {};
      expect(await ask()).toEqual({ done: false, code, reason: expect.stringContaining(reason) });
      expect((await audit.list()).filter((one) => one.result === result && one.reason === reason)).toHaveLength(1);
    }
  });

  it('waits no longer than it says, and still writes down what comes late, once, whoever hears it', async () => {
    const { ask, audit, requests, say, toResult } = await start(() => null);
    expect(await ask()).toMatchObject({ done: false, code: 'unanswered' });
    expect((await audit.list())[0]).toMatchObject({ result: 'unanswered' });
    const late = toResult(requests[0] as ActionRequest, { result: 'done' });
    await say(late);
    await waitFor(async () => (await audit.list())[0]?.result === 'done');
    expect(await audit.list()).toHaveLength(1);
  });

  it('believes a host only of itself, and takes answers for what they are', async () => {
    const { ask, audit, requests, say, toResult, counters } = await start(() => null);
    const asked = ask();
    await waitFor(() => requests.length === 1);
    const request = requests[0] as ActionRequest;
    await say({ ...toResult(request, {}), host: 'nas' });
    await say({ ...toResult(request, {}), result: 'sent' });
    await say([1]);
    expect(await asked).toMatchObject({ done: false, code: 'unanswered' });
    await waitFor(() => counters.get('answers_invalid') === 3);
    expect(await audit.list()).toHaveLength(1);
  });

  it('does not let a host answer what another was asked', async () => {
    const { ask, audit, requests, toResult, counters, server } = await start(() => null);
    const other = await server.host('nas');
    const asked = ask();
    await waitFor(() => requests.length === 1);
    const forged = { ...toResult(requests[0] as ActionRequest, {}), host: 'nas' };
    await other.client.publish(topics.commandResult('nas'), JSON.stringify(forged), { qos: 1 });
    expect(await asked).toMatchObject({ done: false, code: 'unanswered' });
    await waitFor(() => counters.get('answers_strange') === 1);
    const entries = await audit.list();
    expect(entries.find(({ host }) => host === 'box')).toMatchObject({ id: forged.id, result: 'unanswered' });
    expect(entries.find(({ host }) => host === 'nas')).toMatchObject({ actor: null, reason: 'this server did not ask it' });
  });

  it('writes down that somebody else speaks to an agent, but not without end', async () => {
    const { audit, say, counters } = await start(() => null);
    for (let i = 0; i < 60; i++) {
      await say({
        v: 1,
        host: 'box',
        run: 'r1',
        id: `strange-${i}`,
        action: 'tmux.kill',
        result: 'refused',
        code: 'bad-signature',
        time: i,
      });
    }
    await waitFor(() => counters.get('answers_strange') === 60);
    const entries = await audit.list();
    expect(entries.length).toBeLessThanOrEqual(40);
    expect(entries.every(({ actor, result, reason }) => actor === null && result === 'refused' && /did not ask/.test(reason ?? ''))).toBe(
      true,
    );
  });

  it('asks nobody who is away, says nothing of it, or is not allowed', async () => {
    const { ask, audit, requests, live } = await start(() => ({}));
    live.applyInfo({ ...INFO, actions: [] }, { receivedAt: Date.now(), retained: false });
    expect(await ask()).toMatchObject({ code: 'action-not-allowed', reason: expect.stringContaining('agent.toml') });
    live.applyStatus('offline', { receivedAt: Date.now(), retained: false });
    expect(await ask()).toMatchObject({ code: 'host-offline' });
    expect(requests).toEqual([]);
    expect((await audit.list()).map(({ result }) => result)).toEqual(['refused', 'refused']);
  });
});
