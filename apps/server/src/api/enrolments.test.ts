import { waitFor } from '@hostwire/testkit';
import { connectMqtt } from '@hostwire/transport';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { silent, type TestServer, testServer } from '../server.testkit.ts';
import type { EnrolledBody, EnrolmentBody, EnrolmentRequestBody, NewEnrolmentBody } from './enrolment-schemas.ts';
import { COMPONENTS } from './schemas.ts';

const FACTS = { hostname: 'pi-04', os: 'Debian 12', arch: 'arm64', agent_version: '1.0.0' };

interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

interface Failure {
  readonly error: { readonly code: string; readonly message: string };
}

async function ask<T>(answer: Promise<Response>): Promise<Answer<T>> {
  const { status, headers, text } = await answer.then(async (got) => ({
    status: got.status,
    headers: got.headers,
    text: await got.text(),
  }));
  return { status, body: (headers.get('content-type')?.includes('json') === true ? JSON.parse(text) : text) as T };
}

class Fleet {
  readonly server: TestServer;
  readonly admin: Record<string, string>;

  constructor(server: TestServer, admin: Record<string, string>) {
    this.server = server;
    this.admin = admin;
  }

  static async start(): Promise<Fleet> {
    const server = await testServer();
    return new Fleet(server, await server.bearer('admin'));
  }

  async code(body: object = {}): Promise<NewEnrolmentBody> {
    const { status, body: made } = await ask<NewEnrolmentBody>(this.server.post('/api/enrolments', body, this.admin));
    expect(status).toBe(200);
    return made;
  }

  enroll<T = EnrolledBody>(body: object): Promise<Answer<T>> {
    return ask(this.server.post('/api/enroll', { facts: FACTS, ...body }));
  }

  async list(): Promise<{ enrolments: EnrolmentBody[]; requests: EnrolmentRequestBody[] }> {
    return (await ask<{ enrolments: EnrolmentBody[]; requests: EnrolmentRequestBody[] }>(this.server.get('/api/enrolments', this.admin)))
      .body;
  }
}

function checked(name: string, body: unknown): void {
  const schemas = Object.fromEntries(COMPONENTS.map((schema) => [String(Reflect.get(schema, '$id')), schema]));
  expect([...Compile(schemas, Type.Ref(name)).Errors(body)]).toEqual([]);
}

describe('a code for one host', () => {
  it('is exchanged for a token that connects, once, and both are seen', async () => {
    const fleet = await Fleet.start();
    const made = await fleet.code({ host: 'pi-04', group: 'pi', labels: { site: 'home' }, expires_in: 600 });
    checked('NewEnrolment', made);
    expect(made).toMatchObject({ kind: 'once', host: 'pi-04', replaces: false });
    expect(made.commands.install).toContain(`--host pi-04 --code ${made.code}`);
    expect(made.notes).toEqual([expect.stringContaining('--listen 0.0.0.0')]);
    const events: unknown[] = [];
    const socket = new WebSocket(`${fleet.server.url.replace('http', 'ws')}/ws`, { headers: fleet.admin });
    onTestFinished(() => socket.terminate());
    socket.on('message', (bytes: Buffer) => events.push(JSON.parse(bytes.toString())));
    await waitFor(() => events.length > 0);

    const { status, body } = await fleet.enroll({ code: made.code, host: 'pi-04' });
    expect(status).toBe(200);
    checked('Enrolled', body);
    expect(body).toMatchObject({ host: 'pi-04', group: 'pi', labels: { site: 'home' }, topic_root: 'hostwire', ca_pem: null });
    expect(body.server_key).toMatch(/^ed25519:/);
    const client = connectMqtt({ url: body.mqtt_url, clientId: 'pi-04', username: 'pi-04', password: body.token, logger: silent });
    onTestFinished(() => client.close());
    await waitFor(() => client.connected);
    await waitFor(() => events.some((event) => (event as { event: string }).event === 'enrolment'), { what: 'the event' });
    expect((await fleet.enroll<Failure>({ code: made.code })).body.error.code).toBe('code-used');
    const { enrolments } = await fleet.list();
    expect(enrolments).toMatchObject([{ id: made.id, used_by: 'pi-04', used_from: '127.0.0.1' }]);
    checked('EnrolmentList', await fleet.list());

    // Revoked: out within 2 s.
    await fleet.server.post('/api/hosts/pi-04/rotate', undefined, fleet.admin);
    await waitFor(() => !client.connected, { timeout: 2000, what: 'the end of the connection' });
  });

  it('is redeemed by one of many that try at the same time', async () => {
    const fleet = await Fleet.start();
    const { code } = await fleet.code();
    const tries = await Promise.all(Array.from({ length: 8 }, (_, index) => fleet.enroll({ code, host: `host${index}` })));
    expect(tries.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 7 }, () => 410)]);
    expect(await fleet.server.server.registry.hosts.list()).toHaveLength(1);
  });

  it('gives the same agent a fresh token if the answer was lost', async () => {
    const fleet = await Fleet.start();
    const { code } = await fleet.code();
    const nonce = 'a'.repeat(22);
    const first = await fleet.enroll({ code, nonce });
    const again = await fleet.enroll({ code, nonce });
    expect([first.status, again.status, again.body.host]).toEqual([200, 200, 'pi-04']);
    const { tokens } = fleet.server.server.registry;
    expect([(await tokens.checkMqtt('pi-04', first.body.token)).ok, (await tokens.checkMqtt('pi-04', again.body.token)).ok]).toEqual([
      false,
      true,
    ]);
  });

  it('that is wrong, cancelled, of another host or of one that is there is refused with a sentence that says what to do', async () => {
    const fleet = await Fleet.start();
    const mine = await fleet.code({ host: 'pi-04' });
    const cancelled = await fleet.code();
    expect(
      (await ask(fetch(`${fleet.server.url}/api/enrolments/${cancelled.id}`, { method: 'DELETE', headers: fleet.admin }))).status,
    ).toBe(204);
    await fleet.server.server.registry.hosts.add('nas');
    const any = await fleet.code();
    const tries: [object, number, string, RegExp][] = [
      [{ code: '0000-0000-0000' }, 403, 'code-unknown', /make a new one: hostwire enroll/],
      [{ code: 'x' }, 403, 'code-unknown', /slip/],
      [{ code: cancelled.code }, 403, 'code-unknown', /slip/],
      [{ code: mine.code, host: 'other' }, 409, 'host-mismatch', /--host pi-04/],
      [{ code: any.code, host: 'nas' }, 409, 'host-exists', /hostwire enroll nas/],
      [{ code: any.code, host: '../x' }, 400, 'invalid', /host id/],
      [{ code: any.code, host: 'x'.repeat(64) }, 400, 'invalid', /host/],
      [{ code: any.code, nonce: 'short' }, 400, 'invalid', /nonce/],
    ];
    for (const [body, status, code, message] of tries) {
      const answer = await fleet.enroll<Failure>(body);
      expect([body, answer.status, answer.body.error]).toMatchObject([body, status, { code, message: expect.stringMatching(message) }]);
    }
    const replacing = await fleet.code({ host: 'nas' });
    expect([replacing.replaces, replacing.notes.at(-1)]).toEqual([true, expect.stringContaining('nas is enrolled already')]);
  });

  it('cannot be guessed at more than ten times a minute', async () => {
    const fleet = await Fleet.start();
    const statuses: number[] = [];
    for (let index = 0; index < 12; index++) statuses.push((await fleet.enroll({ code: '0000-0000-0000' })).status);
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 403), 429, 429]);
  });

  it('is made only by who may administrate, and only as it can be', async () => {
    const fleet = await Fleet.start();
    const read = await fleet.server.bearer('operate');
    expect((await fleet.server.post('/api/enrolments', {}, read)).status).toBe(403);
    expect((await fleet.server.get('/api/enrolments', read)).status).toBe(403);
    for (const body of [{ kind: 'any' }, { expires_in: 59 }, { host: '../x' }, { labels: { '': 'x' } }, { group: '\n' }, { more: 1 }]) {
      expect([body, (await fleet.server.post('/api/enrolments', body, fleet.admin)).status]).toEqual([body, 400]);
    }
  });
});

describe('a universal code', () => {
  it('lets a host wait until somebody approves it', async () => {
    const fleet = await Fleet.start();
    const { code, commands } = await fleet.code({ kind: 'universal', labels: { site: 'home' } });
    expect(commands.install).not.toContain('--host');
    const { status, body } = await fleet.enroll<{ request: string; secret: string }>({ code });
    checked('EnrolmentWaiting', body);
    expect(status).toBe(202);
    const claim = () => ask<EnrolledBody>(fleet.server.post(`/api/enroll/${body.request}`, { secret: body.secret }));
    expect(await claim()).toEqual({ status: 202, body: { state: 'pending', request: body.request, host: 'pi-04' } });
    expect((await fleet.list()).requests).toMatchObject([
      { id: body.request, host: 'pi-04', address: '127.0.0.1', facts: FACTS, state: 'pending' },
    ]);
    const decide = (what: string, approval?: object) =>
      ask<EnrolmentRequestBody>(fleet.server.post(`/api/enrolments/requests/${body.request}/${what}`, approval, fleet.admin));
    expect(await decide('approve', { host: 'pi-05', group: 'pi' })).toMatchObject({
      status: 200,
      body: { host: 'pi-05', state: 'approved' },
    });
    expect((await decide('deny')).status).toBe(409);
    expect(await claim()).toMatchObject({ status: 200, body: { host: 'pi-05', group: 'pi', labels: { site: 'home' } } });
    expect((await fleet.server.post(`/api/enroll/${body.request}`, { secret: 'wrong' })).status).toBe(404);
  });

  it('tells a host that it was denied', async () => {
    const fleet = await Fleet.start();
    const { code } = await fleet.code({ kind: 'universal' });
    const { request, secret } = (await fleet.enroll<{ request: string; secret: string }>({ code })).body;
    await fleet.server.post(`/api/enrolments/requests/${request}/deny`, undefined, fleet.admin);
    const answer = await ask<Failure>(fleet.server.post(`/api/enroll/${request}`, { secret }));
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'request-denied' } } });
    expect((await fleet.list()).requests).toMatchObject([{ state: 'denied', decided_by: expect.stringMatching(/^t/) }]);
  });
});
