import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AlertBody, HostSummaryBody } from '../../server/src/api/schemas.ts';
import { storyAlerts, storyHosts } from './story.ts';
import { storyContainers } from './story-containers.ts';
import { enrolStory } from './story-enrol.ts';
import { storyCatalog, storyDetail, storyMoment, storyRows } from './story-host.ts';
import { storySeries } from './story-series.ts';
import { type ServerStory, storyGaps, storySelf, storyServer } from './story-server.ts';
import { storySessions } from './story-sessions.ts';
import { acceptSockets, type FixtureSocket } from './ws-server.ts';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws:; object-src 'none'; base-uri 'none'";

export interface FixtureOptions {
  readonly port?: number;
  /** Also hosts that are late, never connected, or have a failing collector. */
  readonly rare?: boolean;
  readonly hosts?: (hosts: HostSummaryBody[]) => HostSummaryBody[];
  readonly alerts?: boolean;
  /** Status that /api/hosts answers with. */
  readonly failing?: number;
  readonly loggedIn?: boolean;
  /** docker-1 has a clone. */
  readonly conflict?: boolean;
  /** What `/api/server` tells; `failing`: it answers 503. Default `well`. */
  readonly server?: ServerStory;
  /** Hosts wait for approval. */
  readonly waiting?: boolean;
  /** The server listens on loopback only. */
  readonly loopback?: boolean;
  readonly warnings?: readonly { readonly code: string; readonly message: string }[];
  /** ms between live samples; 0: none. */
  readonly every?: number;
}

export interface Fixture {
  readonly url: string;
  /** Drops the WebSockets; with `refuse`, also refuses new ones. */
  cut(refuse: boolean): void;
  close(): Promise<void>;
}

/** Serves the built page and the story's API on 127.0.0.1, strict Content-Security-Policy included. */
export async function startFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const server = options.server ?? 'well';
  let loggedIn = options.loggedIn ?? true;
  let refuse = false;
  const enrol = enrolStory(options.waiting ?? false);
  const regrouped = new Map<string, Partial<HostSummaryBody>>();
  const removed = new Set<string>();
  const acknowledged = new Map<string, string>();
  const watching = new Map<FixtureSocket, readonly string[]>();

  const hosts = (): HostSummaryBody[] => {
    const all = storyHosts(Date.now(), options.rare, options.conflict)
      .filter(({ host }) => !removed.has(host))
      .map((host) => ({ ...host, ...regrouped.get(host.host) }));
    return options.hosts?.(all) ?? all;
  };
  const alerts = (): AlertBody[] =>
    (options.alerts === false ? [] : storyAlerts(Date.now(), options.conflict)).map((alert) =>
      acknowledged.has(alert.id)
        ? { ...alert, acknowledged_at: Date.now() - 1000, acknowledged_by: 'admin', note: acknowledged.get(alert.id) ?? null }
        : alert,
    );

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fixture');
    const json = (body: unknown, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const refusal = (status: number, code: string, message: string): void => json({ error: { code, message } }, status);
    if (url.pathname === '/health')
      return json({ ok: true, roles: ['broker', 'ingest', 'alerts', 'api'], version: '0.1.0', mock: false, degraded: [] });
    if (!url.pathname.startsWith('/api/')) return page(url.pathname, response);
    if (url.pathname === '/api/login') {
      const { code } = JSON.parse(await text(request)) as { code: string };
      if (code !== 'GOOD') return refusal(401, 'login_code', 'This code is not known.');
      loggedIn = true;
      response.writeHead(204);
      response.end();
      return;
    }
    if (!loggedIn) return refusal(401, 'unauthorized', 'Log in first.');
    if (url.pathname === '/api/session') return json({ name: 'admin', scopes: ['admin'], expires_at: Date.now() + 1e9 });
    if (url.pathname === '/api/logout') {
      loggedIn = false;
      response.writeHead(204);
      response.end();
      return;
    }
    if (url.pathname === '/api/config') return json(storyConfig(options));
    if (url.pathname.startsWith('/api/enrolments')) {
      const sent = await text(request);
      const told = enrol.answer(request.method ?? 'GET', url.pathname, sent === '' ? null : JSON.parse(sent));
      if (told === null) return refusal(404, 'not-found', 'There is no such code.');
      if (request.method !== 'GET') for (const socket of watching.keys()) socket.send({ event: 'enrolment', data: {} });
      return told.body === null ? void response.writeHead(told.status).end() : json(told.body, told.status);
    }
    if (url.pathname === '/api/catalog') return json(storyCatalog(Date.now()));
    if (url.pathname === '/api/hosts')
      return options.failing
        ? refusal(options.failing, 'store', 'The store does not answer.')
        : json({ hosts: hosts(), server_time: Date.now() });
    if (url.pathname === '/api/server')
      return server === 'failing' ? refusal(503, 'store-unavailable', 'The store does not answer.') : json(storyServer(Date.now(), server));
    if (url.pathname === '/api/series' && url.searchParams.get('measurement') === 'hostwire')
      return json(storySelf(url.searchParams, Date.now(), server));
    if (url.pathname === '/api/series') return json(storySeries(hosts(), url.searchParams, Date.now()));
    if (url.pathname === '/api/alerts') return json({ alerts: alerts() });
    const ack = /^\/api\/alerts\/(\w+)\/ack$/.exec(url.pathname);
    if (ack?.[1] !== undefined) {
      if (request.headers['x-hostwire-csrf'] !== '1') return refusal(403, 'csrf', 'The header x-hostwire-csrf is missing.');
      if (request.method === 'DELETE') acknowledged.delete(ack[1]);
      else acknowledged.set(ack[1], '');
      return json(alerts().find(({ id }) => id === ack[1]));
    }
    const losing = /^\/api\/hosts\/([^/]+)\/gaps$/.exec(url.pathname)?.[1];
    if (url.pathname.endsWith('/containers')) return json(storyContainers(Date.now()));
    if (losing !== undefined) return json({ gaps: storyGaps(losing, Date.now()) });
    if (url.pathname === '/api/sessions') return json({ sessions: storySessions(Date.now()), server_time: Date.now() });
    if (url.pathname.startsWith('/api/sessions/')) {
      const session = storySessions(Date.now()).find(
        ({ id }) => url.pathname.includes(encodeURIComponent(id)) || url.pathname.includes(id),
      );
      if (request.method === 'GET') return json({ session, confirmation: { token: 'story', expiresAt: Date.now() + 60_000 } });
      return refusal(409, 'action-refused', 'It was made anew under the same name.');
    }
    const then = /^\/api\/hosts\/([^/]+)\/processes$/.exec(url.pathname)?.[1];
    const asked = hosts().find(({ host }) => host === then);
    if (asked !== undefined) return json(storyMoment(asked, Number(url.searchParams.get('at')), Date.now()));
    const name = /^\/api\/hosts\/([^/]+)(?:\/rotate)?$/.exec(url.pathname)?.[1] ?? '';
    if (request.method === 'POST') return json({ host: name, token: 'hwh_story' });
    if (request.method === 'PATCH') {
      regrouped.set(name, JSON.parse(await text(request)) as Partial<HostSummaryBody>);
      return json({ host: name, ...regrouped.get(name) });
    }
    if (request.method === 'DELETE') {
      removed.add(name);
      for (const socket of watching.keys()) socket.send({ event: 'host_removed', data: { host: name } });
      return json({ host: name, message: `Host ${name} removed: its token is refused from now on. What it measured stays in the store.` });
    }
    const host = hosts().find((one) => one.host === name);
    return host === undefined ? refusal(404, 'unknown_host', 'There is no such host.') : json(storyDetail(host, Date.now()));
  }

  const listener = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const dropAll = acceptSockets(
    listener,
    (socket) => {
      if (refuse) return socket.close();
      watching.set(socket, []);
      socket.send({ event: 'hello', data: { server_time: Date.now(), version: '0.1.0' } });
    },
    (socket, message) => watching.set(socket, (JSON.parse(message) as { watch: string[] }).watch),
  );
  const every = options.every ?? 2000;
  const live = setInterval(() => {
    const now = Date.now();
    for (const [socket, names] of watching) {
      const online = hosts().filter(({ state, late }) => state === 'online' && !late);
      const moved = online
        .slice(0, 6)
        .map((host) => ({ ...host, last_seen: now, cpu: Math.round((host.cpu ?? 0) * (0.9 + Math.random() * 0.2) * 100) / 100 }));
      socket.send({ event: 'hosts_update', data: { hosts: moved, server_time: now } });
      for (const host of online.filter((one) => names.includes(one.host))) {
        socket.send({
          event: 'sample',
          data: { host: host.host, tier: 'fast', time: now, interval: 5, ...storyRows(host, now), errors: [] },
        });
      }
    }
  }, every || 1e9);

  await new Promise<void>((ready) => listener.listen(options.port ?? 0, '127.0.0.1', ready));
  const address = listener.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    cut: (refusing) => {
      refuse = refusing;
      watching.clear();
      dropAll();
    },
    close: () =>
      new Promise((closed) => {
        clearInterval(live);
        dropAll();
        listener.closeAllConnections();
        listener.close(() => closed());
      }),
  };
}

function storyConfig({ loopback = false, warnings = [] }: FixtureOptions): object {
  const address = loopback ? '127.0.0.1' : '0.0.0.0';
  return {
    ...{ version: '0.1.0', roles: ['broker', 'ingest', 'alerts', 'api'], topic_root: 'hostwire' },
    listen: { address, http: 8080, mqtt: 1883, mqtts: loopback ? null : 8883, influx: 8086 },
    tls: { enabled: !loopback, names: ['hostwire.example'], not_after: Date.now() + 3e10, ca_fingerprint: 'sha256:0f', own_ca: true },
    ...{ store: { kind: 'embedded', url: null }, database: { kind: 'sqlite', url: null }, broker: { kind: 'embedded', url: null } },
    public_url: loopback ? null : 'https://hostwire.example:8080',
    warnings,
  };
}

function page(path: string, response: ServerResponse): void {
  const asked = normalize(path).replace(/^\/+/, '');
  const file = asked.includes('.') ? asked : 'index.html';
  try {
    const content = readFileSync(join(dist, file));
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'content-security-policy': POLICY });
    response.end(content);
  } catch {
    response.writeHead(404);
    response.end();
  }
}

async function text(request: IncomingMessage): Promise<string> {
  let all = '';
  for await (const chunk of request) all += String(chunk);
  return all;
}
