import websocket from '@fastify/websocket';
import { type AlertEvent, toAlertBody } from '@hostwire/alerting';
import { Counters } from '@hostwire/model';
import type { FastifyInstance } from 'fastify';
import type { WebSocket } from 'ws';
import type { LiveSample } from '../live/live-state.ts';
import { sessionNews } from '../live/session-news.ts';
import { type Identity, isSameOrigin } from './auth.ts';
import { hostSummary, rowBody } from './bodies.ts';
import type { ApiContext } from './context.ts';
import { ApiError } from './errors.ts';
import type { HostSummaryBody } from './schemas.ts';

export interface LiveSocketOptions {
  /** Ms between two `hosts_update`; default 1000. */
  readonly batchMs?: number;
  /** Ms between two looks at whether a client is still logged in, and there; default 30,000. */
  readonly checkMs?: number;
  readonly counters?: Counters;
}

interface Client {
  readonly socket: WebSocket;
  readonly identity: Identity;
  watched: ReadonlySet<string>;
  /** Answered the last ping. */
  alive: boolean;
}

/** The first look at a fleet of 2,000 hosts is 1 MB at once: a client that reads must get past that. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;
const MAX_MESSAGE_BYTES = 16 * 1024;
const MAX_WATCHED = 50;
/** RFC 6455 section 7.4.1: the message violates the policy. */
const POLICY_VIOLATION = 1008;

/**
 * Takes upgrades to WebSocket. To be registered before any hook that may refuse a request: its own hook is what later
 * ends the socket of a refused upgrade.
 */
export async function acceptUpgrades(app: FastifyInstance): Promise<void> {
  await app.register(websocket, { options: { maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false } });
}

/** `GET /ws`: what changes, as it changes. */
export function liveSocket(context: ApiContext, options: LiveSocketOptions = {}): (app: FastifyInstance) => Promise<void> {
  const { batchMs = 1000, checkMs = 30_000, counters = new Counters() } = options;
  const { live } = context;
  const clients = new Set<Client>();

  const send = (client: Client, message: string): void => {
    if (client.socket.bufferedAmount > MAX_BUFFERED_BYTES) {
      counters.add('ws_dropped{reason="slow"}');
      // Its socket closes a turn later, and what is sent until then would count it again.
      clients.delete(client);
      client.socket.terminate();
      return;
    }
    client.socket.send(message);
  };
  const broadcast = (event: string, body: unknown): void => {
    if (clients.size === 0) return;
    const message = JSON.stringify({ event, data: body });
    for (const client of clients) send(client, message);
  };

  const changed = new Set<string>();
  const told = new Map<string, string>();
  const news = sessionNews(live, context.now);
  const sendHosts = (): void => {
    if (clients.size === 0) {
      told.clear();
      news.forget();
      changed.clear();
      return;
    }
    const hosts: HostSummaryBody[] = [];
    for (const host of live.hosts()) {
      // Silence changes a host too, and nothing tells of it.
      const standing = `${host.state} ${host.isLate(context.now())}`;
      if (told.get(host.host) === standing && !changed.has(host.host)) continue;
      told.set(host.host, standing);
      hosts.push(hostSummary(context, host));
    }
    for (const host of changed) {
      if (live.get(host) !== undefined) continue;
      told.delete(host);
      broadcast('host_removed', { host });
    }
    changed.clear();
    if (hosts.length > 0) broadcast('hosts_update', { hosts, server_time: context.now() });
    const moved = news.read();
    if (moved.length > 0) broadcast('sessions_update', { hosts: moved });
  };

  const sendSample = ({ sample, rates }: LiveSample): void => {
    const watching = [...clients].filter(({ watched }) => watched.has(sample.host));
    if (watching.length === 0) return;
    const { host, tier, time, interval, data, errors = [] } = sample;
    const bodies = (table: LiveSample['sample']['data']): object =>
      Object.fromEntries(Object.entries(table).map(([name, rows]) => [name, rows.map(rowBody)]));
    const message = JSON.stringify({
      event: 'sample',
      data: { host, tier, time, interval, latest: bodies(data), rates: bodies(rates()), errors },
    });
    for (const client of watching) send(client, message);
  };

  const sendAlert = ({ event, alert }: AlertEvent): void => {
    changed.add(alert.host);
    broadcast(event, toAlertBody(alert));
  };

  const check = async (client: Client): Promise<void> => {
    if (!client.alive) {
      counters.add('ws_dropped{reason="silent"}');
      client.socket.terminate();
      return;
    }
    client.alive = false;
    client.socket.ping();
    const isValid = await client.identity.stillValid().catch(() => true);
    if (isValid) return;
    counters.add('ws_dropped{reason="logged-out"}');
    client.socket.close(POLICY_VIOLATION, 'logged out');
  };

  const accept = (socket: WebSocket, identity: Identity): void => {
    const client: Client = { socket, identity, watched: new Set(), alive: true };
    clients.add(client);
    socket.on('close', () => clients.delete(client));
    // The close that follows an error says all that is needed.
    socket.on('error', () => counters.add('ws_errors'));
    socket.on('pong', () => {
      client.alive = true;
    });
    socket.on('message', (bytes: Buffer) => {
      const watched = parseWatch(bytes.toString());
      if (watched !== null) {
        client.watched = watched;
        return;
      }
      counters.add('ws_dropped{reason="message"}');
      socket.close(POLICY_VIOLATION, `expected {"watch": [host, ...]} with at most ${MAX_WATCHED} hosts`);
    });
    send(client, JSON.stringify({ event: 'hello', data: { server_time: context.now(), version: context.self.version } }));
  };

  return async (app) => {
    app.get(
      '/ws',
      {
        websocket: true,
        schema: { hide: true },
        preValidation: async (request) => {
          const fromPage = request.identity?.via === 'session';
          if (!isSameOrigin(request, { required: fromPage })) {
            throw new ApiError('foreign-origin', "A WebSocket with this cookie is opened by this server's own pages only.");
          }
        },
      },
      (socket, request) => {
        if (request.identity !== null) accept(socket, request.identity);
      },
    );
    const unsubscribe = [
      live.onChange((host) => changed.add(host)),
      live.onSample(sendSample),
      context.alerts.onEvent(sendAlert),
      context.registry.enrolments.onChange(() => broadcast('enrolment', {})),
    ];
    const timers = [
      setInterval(sendHosts, batchMs),
      setInterval(() => {
        for (const client of clients) void check(client);
      }, checkMs),
    ];
    for (const timer of timers) timer.unref();
    app.addHook('preClose', async () => {
      for (const timer of timers) clearInterval(timer);
      for (const stop of unsubscribe) stop();
      for (const { socket } of clients) socket.terminate();
    });
  };
}

function parseWatch(text: string): ReadonlySet<string> | null {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return null;
  }
  const watch = (message as { watch?: unknown } | null)?.watch;
  if (!Array.isArray(watch) || watch.length > MAX_WATCHED) return null;
  return watch.every((host) => typeof host === 'string') ? new Set<string>(watch) : null;
}
