import type { EventEmitter } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { Counters, type Topics } from '@hostwire/model';
import { hashToken, type Registry } from '@hostwire/registry';
import type { BusMessage, Logger, MessageBus } from '@hostwire/transport';
import { Aedes, type AedesOptions, type Client } from 'aedes';
import { Connection } from './connection.ts';
import { gatekeeper, isCurrent } from './gatekeeper.ts';
import { type BrokerLimits, DEFAULT_LIMITS } from './limits.ts';
import { createLocalBus } from './local-bus.ts';
import { PaceGroup } from './pace.ts';
import { PendingConnections } from './pending.ts';
import { cleanPersistence } from './persistence.ts';
import type { Principal } from './principal.ts';
import { type Refusal, Refusals } from './refusals.ts';
import { RetainedMessages } from './retained.ts';
import { type SecurePort, type SecureServer, secureServer, shownCertificate } from './secure-server.ts';
import { attachUpgrade, type Upgrade, webSocketUpgrade } from './web-socket.ts';

export interface BrokerOptions {
  readonly registry: Pick<Registry, 'hosts' | 'tokens' | 'certificates' | 'onCredentialsChange'>;
  readonly topics: Topics;
  /** Address to listen on, e.g. `127.0.0.1` or `::`. */
  readonly host: string;
  /** For MQTT over TCP; 0 chooses a free one. */
  readonly port: number;
  /** For MQTT over WebSocket on a port of its own, path `/mqtt`; absent: only where `attachTo` says. */
  readonly wsPort?: number;
  /** MQTT over TLS on a port of its own; absent: not served. */
  readonly secure?: SecurePort;
  readonly limits?: Partial<BrokerLimits>;
  /**
   * Password of the user `hostwire-server`, as which the server's other processes publish and subscribe all below the
   * root; absent: nobody may.
   */
  readonly serverToken?: string;
  readonly logger: Logger;
  /** Where received messages and every refusal are counted. */
  readonly counters?: Counters;
  /** Gets every sample of a host. PUBACK waits for it; if it rejects there is none and the client is disconnected. */
  readonly onPublish?: (message: BusMessage, principal: Principal) => Promise<void>;
}

export interface Broker {
  readonly port: number;
  /** Of MQTT over TLS. */
  readonly securePort: number | null;
  readonly wsPort: number | null;
  /** A new bus of this process; closing it removes its subscriptions. */
  bus(): MessageBus;
  /** Serves MQTT over WebSocket at `path` (default `/mqtt`) of an HTTP server, whose other upgrades stay as they are. */
  attachTo(server: HttpServer, path?: string): void;
  /** Takes one upgrade to MQTT over WebSocket. */
  readonly handleUpgrade: Upgrade;
  stats(): BrokerStats;
  /** Takes no more WebSockets and ends those that are open; sends no wills. An HTTP server that they came by cannot close before. */
  closeWebSockets(): Promise<void>;
  /** Stops listening and disconnects everybody; sends no wills. */
  close(): Promise<void>;
}

export interface BrokerStats {
  /** Authenticated. */
  readonly clients: number;
  readonly hosts: readonly string[];
  readonly pending: number;
  /** Clients whose messages wait, because they cost more time than one may have. */
  readonly paced: number;
  readonly retained: { readonly messages: number; readonly bytes: number };
}

/** `address-in-use`: another program has the port. `listen`: any other reason not to listen. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly code: 'address-in-use' | 'listen';
  constructor(code: BrokerError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

const TAKEOVER_MS = 2000;
const SWEEP_MS = 1000;
const TCP_KEEPALIVE_MS = 30_000;
const BACKLOG = 4096;

/** An MQTT 3.1 and 3.1.1 broker for hosts and tokens of the registry. Throws BrokerError if it cannot listen. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const broker = new EmbeddedBroker(options);
  await broker.start();
  return broker;
}

class EmbeddedBroker implements Broker {
  readonly #options: BrokerOptions;
  readonly #limits: BrokerLimits;
  readonly #counters: Counters;
  readonly #refusals: Refusals;
  readonly #retained: RetainedMessages;
  readonly #aedes: Aedes;
  readonly #connections = new Set<Connection>();
  readonly #connectionOf = new WeakMap<Client, Connection>();
  readonly #sessions = new Map<string, Connection>();
  readonly #pending: PendingConnections;
  readonly #paces = new PaceGroup();
  readonly #webSockets: ReturnType<typeof webSocketUpgrade>;
  readonly #tcpServer: Server;
  readonly #secure: SecureServer | null;
  readonly #httpServer: HttpServer | null;
  #closing = false;
  #isWebClosed = false;
  #sweep: NodeJS.Timeout | undefined;
  #unlisten = (): void => {};

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const counters = options.counters ?? new Counters();
    this.#counters = counters;
    this.#pending = new PendingConnections(this.#limits);
    this.#refusals = new Refusals(counters, options.logger);
    this.#retained = new RetainedMessages(options.topics);
    const hooks = gatekeeper({
      registry: options.registry,
      topics: options.topics,
      serverHash: options.serverToken === undefined ? undefined : hashToken(options.serverToken),
      limits: this.#limits,
      clientCertificates: options.secure?.clientCertificates ?? 'off',
      logger: options.logger,
      counters,
      refusals: this.#refusals,
      retained: this.#retained,
      onPublish: options.onPublish,
      connectionOf: (client) => this.#connectionOf.get(client),
      admit: (connection) => this.#admit(connection),
    });
    this.#aedes = new Aedes(this.#aedesOptions(hooks));
    // aedes' types lack this event.
    (this.#aedes as EventEmitter).on('error', (error: unknown) => {
      counters.add('broker_failures_total');
      options.logger.error({ err: error }, 'the MQTT broker failed');
    });
    this.#aedes.on('keepaliveTimeout', (client) => this.#connectionOf.get(client)?.drop('keepalive'));
    this.#webSockets = webSocketUpgrade(this.#limits.maxPacketBytes + 1024, (stream, request) => {
      if (this.#isWebClosed) stream.destroy();
      else this.#accept(stream, request.socket, true);
    });
    this.#tcpServer = createServer((socket) => this.#accept(socket, socket));
    this.#secure =
      options.secure === undefined
        ? null
        : secureServer(options.secure, {
            limits: this.#limits,
            accept: (socket) => this.#accept(socket, socket),
            refused: (reason, address, error) =>
              this.#refusals.add(reason, { address, ...(error === undefined ? {} : { cause: error.message }) }),
          });
    this.#httpServer = options.wsPort === undefined ? null : createHttpServer((_request, response) => response.writeHead(404).end());
    if (this.#httpServer !== null) this.attachTo(this.#httpServer);
  }

  get port(): number {
    return portOf(this.#tcpServer);
  }

  get securePort(): number | null {
    return this.#secure === null ? null : portOf(this.#secure.server);
  }

  get wsPort(): number | null {
    return this.#httpServer === null ? null : portOf(this.#httpServer);
  }

  get handleUpgrade(): Upgrade {
    return this.#webSockets.upgrade;
  }

  async start(): Promise<void> {
    const { host, port, secure, wsPort, registry, logger } = this.#options;
    await this.#aedes.listen();
    try {
      const failed = (): void => this.#counters.add('broker_accepts_failed_total');
      await listen(this.#tcpServer, host, port, 'MQTT', failed);
      if (this.#secure !== null && secure !== undefined)
        await listen(this.#secure.server, secure.host, secure.port, 'MQTT over TLS', failed);
      if (this.#httpServer !== null && wsPort !== undefined) await listen(this.#httpServer, host, wsPort, 'MQTT over WebSocket', failed);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#unlisten = registry.onCredentialsChange(() => {
      this.#dropRevoked()
        .then(() => this.#forgetRemovedHosts())
        .catch((error: unknown) => {
          this.#counters.add('broker_failures_total');
          logger.error({ err: error }, 'cannot read the hosts of the registry');
        });
    });
    // Tokens also end by the clock.
    this.#sweep = setInterval(() => void this.#dropRevoked(), SWEEP_MS);
    this.#sweep.unref();
  }

  bus(): MessageBus {
    return createLocalBus(this.#aedes, this.#retained, {
      spent: (id, ms) => this.#sessions.get(id)?.pace.spent(ms),
      threw: (error, topic) => {
        this.#counters.add('broker_handlers_failed_total');
        this.#options.logger.error({ topic, err: error }, 'a handler of MQTT messages threw');
      },
    });
  }

  attachTo(server: HttpServer, path = '/mqtt'): void {
    attachUpgrade(server, path, this.handleUpgrade);
  }

  stats(): BrokerStats {
    const hosts: string[] = [];
    for (const { session } of this.#sessions.values()) if (session?.principal.kind === 'host') hosts.push(session.principal.host);
    return {
      clients: this.#sessions.size,
      hosts,
      pending: this.#pending.size,
      paced: this.#paces.waiting,
      retained: { messages: this.#retained.size, bytes: this.#retained.bytes },
    };
  }

  async closeWebSockets(): Promise<void> {
    this.#isWebClosed = true;
    const web = [...this.#connections].filter(({ isWeb }) => isWeb);
    for (const connection of web) {
      connection.isSentAway = true;
      connection.accounted = true;
      connection.stream.destroy();
    }
    await Promise.all(web.map(({ ended }) => ended));
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    clearInterval(this.#sweep);
    this.#unlisten();
    const servers = [this.#tcpServer, this.#secure?.server, this.#httpServer].filter((server) => server?.listening === true);
    const stopped = servers.map((server) => new Promise((done) => server?.close(done)));
    this.#webSockets.close();
    this.#secure?.close();
    const connections = [...this.#connections];
    for (const { stream } of connections) stream.destroy();
    await Promise.all([...stopped, ...connections.map(({ ended }) => ended)]);
    await new Promise<void>((done) => this.#aedes.close(done));
  }

  #aedesOptions(hooks: ReturnType<typeof gatekeeper>): AedesOptions {
    return {
      ...hooks,
      authorizePublish: (client, packet, done) => {
        // A will: whom the broker sends away comes back.
        const isSentAway = client !== null && this.#connectionOf.get(client)?.isSentAway === true;
        if (this.#closing || isSentAway) done(new Error('closing'));
        else hooks.authorizePublish(client, packet, done);
      },
      persistence: cleanPersistence(this.#retained),
      // Later than this broker's own limit, which counts.
      connectTimeout: this.#limits.connectTimeoutMs + 5000,
      maxClientsIdLength: 128,
      maxInflightInbound: 16,
      // Connections never report a full buffer, see Connection.
      drainTimeout: 0,
      concurrency: 1000,
    };
  }

  #accept(stream: Duplex, socket: Socket, isWeb = false): void {
    const address = socket.remoteAddress ?? 'unknown';
    stream.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') this.#refusals.add('oversized', { address });
    });
    if (this.#closing || this.#sessions.size >= this.#limits.maxClients || !this.#pending.makeRoom(address)) {
      if (!this.#closing) this.#refusals.add('too-many-connections', { address });
      stream.destroy();
      return;
    }
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    const connection = new Connection(stream, address, this.#limits, this.#paces, (reason, { session }) =>
      this.#refuse(reason, address, session?.id),
    );
    connection.isWeb = isWeb;
    if (socket instanceof TLSSocket) {
      connection.isSecure = true;
      connection.certificate = shownCertificate(socket);
    }
    this.#connections.add(connection);
    this.#pending.add(connection);
    stream.once('close', () => {
      this.#connections.delete(connection);
      this.#pending.remove(connection);
      const { _disconnected: saidGoodbye } = client as Client & { readonly _disconnected: boolean };
      // What is left is what aedes does not take: a damaged packet, one out of its order, another version of MQTT.
      if (!connection.accounted && !saidGoodbye && !this.#closing) this.#refuse('protocol', address, connection.session?.id);
      if (connection.session !== null && this.#sessions.get(connection.session.id) === connection)
        this.#sessions.delete(connection.session.id);
    });
    const client = this.#aedes.handle(stream);
    this.#connectionOf.set(client, connection);
    connection.guard(client);
    // A CONNECT that comes byte by byte, or credentials that take for ever, must not hold a place either.
    const limit = setTimeout(() => {
      if (connection.session === null) connection.drop('timeout');
    }, this.#limits.connectTimeoutMs);
    stream.once('close', () => clearTimeout(limit));
  }

  /** The same client id with valid credentials takes over a predecessor, which may be half open; its will goes first. */
  async #admit(connection: Connection): Promise<void> {
    const { session } = connection;
    if (session === null) return;
    this.#pending.remove(connection);
    for (;;) {
      const old = this.#sessions.get(session.id);
      if (old === undefined || old === connection) break;
      old.accounted = true;
      this.#counters.add('broker_takeovers_total');
      old.stream.destroy();
      await Promise.race([old.ended, new Promise((done) => setTimeout(done, TAKEOVER_MS).unref())]);
      if (this.#sessions.get(session.id) === old) this.#sessions.delete(session.id);
    }
    if (!connection.stream.destroyed) this.#sessions.set(session.id, connection);
  }

  /** Resolves when all whose credentials are valid no more are gone. */
  async #dropRevoked(): Promise<void> {
    const { registry } = this.#options;
    const revoked = [...this.#sessions.values()].filter(({ session }) => session !== null && !isCurrent(registry, session));
    for (const connection of revoked) connection.drop('revoked');
    await Promise.all(revoked.map(({ ended }) => ended));
  }

  /** What a host that was removed had retained would stand there for ever. */
  async #forgetRemovedHosts(): Promise<void> {
    const kept = this.#retained.hosts();
    if (kept.length === 0) return;
    const known = new Set((await this.#options.registry.hosts.list()).map(({ host }) => host));
    for (const host of kept) {
      if (known.has(host) || this.#closing) continue;
      for (const topic of this.#retained.topicsOf(host)) {
        this.#aedes.publish({ cmd: 'publish', topic, payload: Buffer.alloc(0), qos: 1, retain: true, dup: false }, () => {});
      }
    }
  }

  #refuse(reason: Refusal, address: string, session: string | undefined): void {
    this.#refusals.add(reason, { address, session });
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return address === null || typeof address === 'string' ? 0 : address.port;
}

/** `failed` is called for each connection that could not be accepted. */
function listen(server: Server, host: string, port: number, what: string, failed: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: Error & { code?: string }) => {
      if (cause.code === 'EADDRINUSE') {
        reject(
          new BrokerError('address-in-use', `port ${port} on ${host} is in use, so ${what} cannot be served there; choose another port`, {
            cause,
          }),
        );
      } else {
        reject(new BrokerError('listen', `cannot serve ${what} on ${host} port ${port}: ${cause.message}`, { cause }));
      }
    });
    // A fleet that comes back all at once: what does not fit into the queue tries again only after a second (tcp(7)).
    server.listen({ port, host, backlog: BACKLOG }, () => {
      // An accept that fails (no file descriptors left) must not end the process.
      server.removeAllListeners('error');
      server.on('error', failed);
      resolve();
    });
  });
}
