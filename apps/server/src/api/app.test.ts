import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { tempDir } from '@hostwire/testkit';
import Fastify from 'fastify';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { describe, expect, it, onTestFinished } from 'vitest';
import { testServer } from '../server.testkit.ts';
import { openApiDocument } from './app.ts';
import { handleError } from './errors.ts';
import { servePage } from './page.ts';
import { COMPONENTS } from './schemas.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { security?: object[]; operationId: string }>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const document = (await openApiDocument()) as Document;
const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { security, operationId }]) => ({
    path: path.replace('{host}', 'pve1').replace('{id}', 'x'),
    method: method.toUpperCase(),
    isOpen: security?.length === 0,
    operationId,
  })),
);

describe('the OpenAPI document', () => {
  it('describes every route under a name of its own, with the components that the dashboard is typed by', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(new Set(routes.map(({ operationId }) => operationId)).size).toBe(routes.length);
    expect(Object.keys(document.components.schemas).sort()).toEqual(COMPONENTS.map((schema) => String(Reflect.get(schema, '$id'))).sort());
  });
});

describe('who may ask', () => {
  it('must have sent the whole request in a minute', async () => {
    const limits: number[] = [];
    const note = (message: unknown): void => void limits.push((message as { readonly server: Server }).server.requestTimeout);
    const server = await testServer();
    subscribe('http.server.request.start', note);
    onTestFinished(() => void unsubscribe('http.server.request.start', note));
    await fetch(`${server.url}/health`);
    expect(limits).toEqual([60_000]);
  });

  it('is nobody without a login, but for health, the login itself, and what hosts need to enrol', async () => {
    const server = await testServer();
    expect(routes.filter(({ isOpen }) => isOpen).map(({ path }) => path)).toEqual([
      '/health',
      '/api/login',
      '/api/enroll',
      '/api/enroll/{request}',
      '/install.sh',
      '/download/{file}',
    ]);
    for (const { path, method, isOpen } of routes) {
      for (const headers of [{}, { authorization: 'Bearer wrong' }, { cookie: 'hostwire_session=wrong' }]) {
        const answer = await fetch(`${server.url}${path}`, { method, headers });
        if (isOpen) expect(answer.status, `${method} ${path}`).not.toBe(403);
        else
          expect([answer.status, (await answer.json()) as object], `${method} ${path}`).toMatchObject([
            401,
            { error: { code: 'not-logged-in' } },
          ]);
      }
    }
    for (const path of ['/docs', '/docs/static/swagger-ui.css', '/docs/json', '/api/openapi.json']) {
      expect((await server.get(path)).status, path).toBe(401);
    }
    expect((await server.get('/docs', { accept: 'text/html' })).headers.get('location')).toBe('/login');
  });

  it('is a token with the scope, and only for what the scope allows', async () => {
    const server = await testServer();
    const read = await server.bearer('api:read');
    expect((await server.get('/api/hosts', read)).status).toBe(200);
    expect((await server.get('/metrics', read)).status).toBe(200);
    expect((await server.get('/api/hosts', await server.bearer('mqtt:read'))).status).toBe(403);
    expect((await server.post('/api/alerts/x/ack', undefined, read)).status).toBe(403);
    expect((await server.post('/api/alerts/x/ack', undefined, await server.bearer('operate'))).status).toBe(404);
    expect(await (await server.get('/api/session', await server.bearer('admin'))).json()).toMatchObject({
      scopes: ['admin'],
      expires_at: null,
    });
  });

  it('is no token that was removed', async () => {
    const server = await testServer();
    const { tokens } = server.server.registry;
    const { token } = await tokens.add('short', ['api:read']);
    const headers = { authorization: `Bearer ${token}` };
    expect((await server.get('/api/hosts', headers)).status).toBe(200);
    await tokens.remove('short');
    expect((await server.get('/api/hosts', headers)).status).toBe(401);
  });
});

describe('a one-time link', () => {
  it('opens one session, which a logout ends', async () => {
    const server = await testServer();
    const { code } = await server.server.registry.logins.createLink(60_000);
    const first = await server.post('/api/login', { code });
    expect(first.status).toBe(204);
    const set = first.headers.get('set-cookie') ?? '';
    expect(set).toMatch(/^hostwire_session=[^;]+;.*HttpOnly.*SameSite=Strict/);
    expect((await server.post('/api/login', { code })).status).toBe(401);

    const cookie = set.split(';')[0] ?? '';
    const session = (await (await server.get('/api/session', { cookie })).json()) as { expires_at: number };
    expect(Math.abs(session.expires_at - Date.parse(/Expires=([^;]+)/.exec(set)?.[1] ?? ''))).toBeLessThan(1000);
    const logout = await server.post('/api/logout', undefined, { cookie, origin: server.url, 'x-hostwire-csrf': '1' });
    expect(logout.status).toBe(204);
    expect((await server.get('/api/session', { cookie })).status).toBe(401);
  });

  it('cannot be guessed at more than ten times a minute', async () => {
    const server = await testServer();
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push((await server.post('/api/login', { code: `guess${i}` })).status);
    expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 401));
    expect(statuses.slice(10)).toEqual([429, 429]);
  });
});

describe('a change by cookie', () => {
  it("comes with the header and from this server's own pages, or not at all", async () => {
    const server = await testServer();
    const { cookie } = await server.cookie();
    const own = { cookie, origin: server.url, 'x-hostwire-csrf': '1' };
    const attempts: [Record<string, string>, number][] = [
      [own, 404],
      [{ cookie, origin: server.url }, 403],
      [{ cookie, 'x-hostwire-csrf': '1' }, 403],
      [{ ...own, origin: 'http://evil.example' }, 403],
      [{ ...own, origin: 'null' }, 403],
    ];
    for (const [headers, status] of attempts) expect((await server.post('/api/alerts/x/ack', undefined, headers)).status).toBe(status);
    expect((await server.post('/api/login', { code: 'x' }, { origin: 'http://evil.example' })).status).toBe(403);
  });
});

describe('answers', () => {
  it('have the shape that their schema says', async () => {
    const server = await testServer();
    const host = await server.host('pve1');
    await host.status('online');
    await host.send({
      cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: 12.5 } }],
      net: [{ fields: { bytes_recv: 2n ** 60n } }],
    });
    const admin = await server.bearer('admin');
    const schemas = Object.fromEntries(COMPONENTS.map((schema) => [String(Reflect.get(schema, '$id')), schema]));
    const answers = {
      '/health': 'Health',
      '/api/hosts': 'HostList',
      '/api/hosts/pve1': 'HostDetail',
      '/api/hosts/pve1/host': 'HostPart',
      '/api/series?measurement=cpu&field=usage_active': 'SeriesAnswer',
      '/api/catalog': 'Catalog',
      '/api/alerts': 'AlertList',
      '/api/config': 'Config',
      '/api/session': 'Session',
    };
    for (const [path, name] of Object.entries(answers)) {
      const answer = await server.get(path, admin);
      const body: unknown = await answer.json();
      const check = Compile(schemas, Type.Ref(name));
      expect([path, answer.status, [...check.Errors(body)]]).toEqual([path, 200, []]);
    }
  });

  it('to a question that makes no sense say which part, with a code', async () => {
    const server = await testServer();
    const admin = await server.bearer('admin');
    const questions: [string, number, string][] = [
      ['/api/series?measurement=cpu', 400, 'invalid'],
      ['/api/series?measurement=cpu&field=usage_active&nonsense=1', 400, 'invalid'],
      ['/api/series?measurement=nothing&field=x', 400, 'unknown-measurement'],
      ['/api/series?measurement=cpu&field=x', 400, 'unknown-field'],
      ['/api/series?measurement=constructor&field=name', 400, 'unknown-measurement'],
      ['/api/series?measurement=cpu&field=usage_active&group_by=nope', 400, 'unknown-tag'],
      ['/api/series?measurement=cpu&field=usage_active&aggregate=rate', 400, 'not-a-counter'],
      ['/api/series?measurement=agent&field=run', 400, 'not-a-number'],
      ['/api/series?measurement=cpu&field=usage_active&from=-30d&step=1s', 400, 'too-many-buckets'],
      ['/api/hosts/nobody', 404, 'not-found'],
      ['/api/nothing', 404, 'not-found'],
      ['/api/hosts/%ff', 400, 'invalid'],
      ['/%zz', 400, 'invalid'],
      ['/%2e%2e/%2e%2e/package.json', 404, 'not-found'],
    ];
    for (const [path, status, code] of questions) {
      const answer = await server.get(path, admin);
      expect([path, answer.status, await answer.json()]).toMatchObject([path, status, { error: { code } }]);
    }
    const wrong = (await (await server.get('/api/alerts?state=x&a=1', admin)).json()) as { error: { message: string } };
    expect(wrong.error.message).toBe(
      'querystring: querystring must not have additional properties (a); state must be pending; state must be firing; state must be resolved',
    );
    const broken = await fetch(`${server.url}/api/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' });
    expect([broken.status, await broken.json()]).toMatchObject([400, { error: { code: 'invalid' } }]);
  });

  it('never hold a secret', async () => {
    const server = await testServer({ config: secretConfig() });
    const body = await (await server.get('/api/config', await server.bearer('admin'))).text();
    expect(body).toContain('"kind":"influxdb"');
    expect(body).not.toContain('s3cret');
  });

  it('allow no inline code', async () => {
    const server = await testServer();
    const policyOf = async (path: string) => (await server.get(path, await server.cookie())).headers.get('content-security-policy') ?? '';
    const policy = await policyOf('/health');
    expect(policy).toContain("script-src 'self';style-src 'self';");
    expect(policy).not.toContain('unsafe');
    // Its only other words are the hash of one style.
    expect((await policyOf('/docs')).replace(/ 'sha256-[\w+/=]+'/, '')).toBe(policy);
  });
});

describe('the dashboard', () => {
  it('is served to anybody, each of its routes by index.html, and nothing outside its folder', async () => {
    const folder = tempDir();
    mkdirSync(join(folder, 'web', 'assets'), { recursive: true });
    writeFileSync(join(folder, 'web', 'index.html'), '<title>Hostwire</title>');
    writeFileSync(join(folder, 'web', 'assets', 'app-1234.js'), 'export {};');
    writeFileSync(join(folder, 'secret'), 'no');
    const app = Fastify();
    app.setErrorHandler(handleError);
    await servePage(app, join(folder, 'web'));
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    onTestFinished(() => app.close());
    const page = { headers: { accept: 'text/html' } };
    for (const path of ['/', '/hosts/pve1', '/login']) expect(await (await fetch(url + path, page)).text(), path).toContain('Hostwire');
    const script = await fetch(`${url}/assets/app-1234.js`);
    expect([script.status, script.headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
    expect((await fetch(`${url}/api/nothing`, page)).status).toBe(404);
    for (const path of ['/assets/gone.js', '/..%2fsecret', '/%2e%2e/secret', '/assets/..%2f..%2fsecret', '/assets']) {
      const answer = await fetch(url + path);
      expect([path, answer.ok, answer.headers.get('content-type')]).toEqual([path, false, 'application/json; charset=utf-8']);
    }
  });
});

function secretConfig(): string {
  const file = join(tempDir(), 'hostwire.toml');
  writeFileSync(file, '[store]\nkind = "influxdb"\nurl = "http://127.0.0.1:9"\nusername = "hostwire"\npassword = "s3cret"\n');
  return file;
}
