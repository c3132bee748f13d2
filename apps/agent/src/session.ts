import type { Ack, ActionResult, Catalog, HostInfo, Sample, Topics } from '@hostwire/model';
import { ackCheck } from '@hostwire/model/schema';
import type { Logger } from '@hostwire/service';
import { type ConnectionFailure, connectMqtt, decodeJson, gzipPayload, type MqttClient, type MqttClientOptions } from '@hostwire/transport';
import type { Connection } from './agent-config.ts';
import type { Outbox } from './outbox.ts';
import { Publisher, type PublisherTiming } from './publisher.ts';
import type { TickClock } from './tick-clock.ts';

export interface SessionOptions {
  readonly connection: Connection;
  readonly topics: Topics;
  /** Also the client id, and the user name if the connection has none. */
  readonly host: string;
  /** Whether the host is there, which is so for that of the agent itself; default true. */
  readonly present?: boolean;
  readonly run: string;
  readonly info: HostInfo;
  readonly catalog: Catalog;
  readonly outbox: Outbox;
  readonly clock: TickClock;
  /** The backlog goes at so many times the live rate; default 5. */
  readonly backlogRate?: number;
  readonly compress: boolean;
  readonly logger: Logger;
  /** Another run of this identity is alive. */
  readonly onConflict: () => void;
  /** Hears what the server sets; empty: nothing any more. Whatever it is comes again at each connection. */
  readonly onConfig?: (topic: string, payload: Uint8Array) => void;
  /** Hears what the server asks to be done, also what a broker kept of it. */
  readonly onCommand?: (payload: Uint8Array, retained: boolean) => void;
  /** Hears the server's clock, ms since the epoch, with each acknowledgement. */
  readonly onServerTime?: (time: number) => void;
  /** Gets every outgoing payload as text. */
  readonly onPayload?: (kind: string, text: string) => void;
  /** Hears when the connection stands, with null, and when it ended, with why. */
  readonly onConnection?: (failure: ConnectionFailure | null) => void;
  readonly timing?: SessionTiming;
}

/** For tests: delays of the connection and of sending. */
export type SessionTiming = Pick<MqttClientOptions, 'minDelayMs' | 'maxDelayMs'> & PublisherTiming;

interface PublishHow {
  readonly encode?: (text: string) => string | Uint8Array;
  readonly retain?: boolean;
}

/** A half-open connection, and so the host's last will, is noticed after 1.5 times this. */
const KEEPALIVE_SECONDS = 15;
/** An ack with all its ranges is far smaller. */
const MAX_ACK_BYTES = 64 * 1024;
const FAREWELL_MS = 500;

/** The agent's presence on the broker: says who it is at each connection, delivers samples, and listens for what concerns it. */
export class Session {
  readonly #options: SessionOptions;
  readonly #client: MqttClient;
  readonly #publisher: Publisher;
  #info: HostInfo;
  #present: boolean;
  #serverOffline = false;
  #closed = false;

  constructor(options: SessionOptions) {
    const { connection, topics, host, info, logger, timing = {} } = options;
    const { minDelayMs, maxDelayMs } = timing;
    const { username = host } = connection;
    this.#options = options;
    this.#info = info;
    this.#present = options.present ?? true;
    this.#client = connectMqtt({
      url: connection.url,
      clientId: host,
      username,
      password: connection.token,
      ...(connection.tls === undefined ? {} : { tls: connection.tls }),
      will: { topic: topics.status(host), payload: 'offline', qos: 1, retain: true },
      keepaliveSeconds: KEEPALIVE_SECONDS,
      logger,
      refusedAdvice:
        username !== host
          ? `the token of ${username} was rotated or revoked, or ${host} is not behind it: on the server run hostwire host add ${host} --gateway ${username}`
          : `the token of ${host} was rotated or revoked, or the host removed: on the server run hostwire enroll ${host}, and here the command that it prints`,
      ...(minDelayMs === undefined ? {} : { minDelayMs }),
      ...(maxDelayMs === undefined ? {} : { maxDelayMs }),
    });
    this.#publisher = new Publisher({ ...options, intervals: info.intervals, client: this.#client });
    this.#listen(topics.ack(host), (payload) => this.#acknowledge(payload));
    this.#listen(topics.config(host), (payload) => options.onConfig?.(topics.config(host), payload));
    this.#listen(topics.command(host), (payload, retained) => options.onCommand?.(payload, retained));
    this.#listen(topics.status(host), (payload) => {
      // The will of a predecessor whose half-open connection the broker has only now given up.
      if (payload.toString() === 'offline' && this.#present && this.#client.connected)
        this.#publish('status', topics.status(host), 'online');
    });
    this.#listen(topics.serverStatus, (payload) => this.#followServer(payload.toString()));
    this.#client.onConnect(() => {
      options.onConnection?.(null);
      this.#announce();
      this.#publisher.connected();
    });
    this.#client.onDisconnect((failure) => options.onConnection?.(failure));
  }

  /** Keeps and sends a sample; `monotonic` is when its tick began. Resolves when it is kept. */
  send(sample: Sample, monotonic: number): Promise<void> {
    return this.#publisher.add(sample, monotonic);
  }

  /** Says what is different of the host, now and from now on, and goes on in its rhythm. */
  introduce(info: HostInfo, compress: boolean): void {
    this.#info = info;
    this.#publisher.tune({ intervals: info.intervals, compress });
    if (this.#client.connected) this.#sayInfo();
  }

  /** Says that it is there, where no samples do. */
  sayOnline(): void {
    const { topics, host } = this.#options;
    if (this.#present && this.#client.connected) this.#publish('status', topics.status(host), 'online');
  }

  /** Says that the host is there, or is not although its agent is. */
  setPresent(present: boolean): void {
    if (this.#present === present) return;
    this.#present = present;
    if (this.#client.connected) this.#sayStatus();
  }

  /** Tells the server what became of what it asked. */
  answer(result: ActionResult): void {
    const { topics, host } = this.#options;
    if (this.#client.connected) this.#publish('command/result', topics.commandResult(host), JSON.stringify(result), { retain: false });
  }

  /** Samples that were sent again. */
  get resent(): number {
    return this.#publisher.resent;
  }

  /** Ends the session: with a farewell (`offline`, retained) unless another agent goes on under this name. */
  async close({ farewell }: { readonly farewell: boolean }): Promise<void> {
    const { topics, host, onPayload } = this.#options;
    this.#closed = true;
    this.#publisher.close();
    if (farewell && this.#client.connected) {
      onPayload?.('status', 'offline');
      const said = this.#client.publish(topics.status(host), 'offline', { qos: 1, retain: true }).catch(() => undefined);
      await Promise.race([said, new Promise((done) => setTimeout(done, FAREWELL_MS))]);
    }
    await this.#client.close();
  }

  /** Retained is not storage: a broker that restarted has none of it, so each connection says all of it again. */
  #announce(): void {
    const { topics, host, catalog } = this.#options;
    this.#sayStatus();
    this.#sayInfo();
    this.#publish('catalog', topics.catalog(host), JSON.stringify(catalog), { encode: gzipPayload });
  }

  #sayStatus(): void {
    const { topics, host } = this.#options;
    this.#publish('status', topics.status(host), this.#present ? 'online' : 'offline');
  }

  #sayInfo(): void {
    const { topics, host } = this.#options;
    this.#publish('info', topics.info(host), JSON.stringify(this.#info));
  }

  #publish(kind: string, topic: string, text: string, { encode = (plain) => plain, retain = true }: PublishHow = {}): void {
    this.#options.onPayload?.(kind, text);
    this.#client.publish(topic, encode(text), { qos: 1, retain }).catch((error: unknown) => {
      const again = retain ? '; it is said again at the next connection' : '';
      this.#options.logger.debug({ err: error, topic }, `not taken by the broker${again}`);
    });
  }

  #listen(filter: string, handler: (payload: Buffer, retained: boolean) => void): void {
    const subscribed = this.#client.subscribe(filter, ({ payload, retained }) => {
      if (!this.#closed) handler(Buffer.from(payload), retained);
    });
    subscribed.catch((error: unknown) => this.#options.logger.warn({ err: error, filter }, 'could not subscribe'));
  }

  #acknowledge(payload: Buffer): void {
    let ack: unknown;
    try {
      ack = decodeJson(payload, MAX_ACK_BYTES);
    } catch (error) {
      ack = error;
    }
    if (ackCheck.Check(ack)) {
      this.#options.onServerTime?.((ack as Ack).time);
      this.#publisher.acknowledge(ack as Ack);
    } else {
      this.#options.logger.warn({ bytes: payload.length }, 'an acknowledgement could not be read and was ignored');
    }
  }

  #followServer(status: string): void {
    const { logger } = this.#options;
    if (status === 'offline' && !this.#serverOffline) {
      this.#serverOffline = true;
      logger.warn('the server is offline: samples are kept until it is back');
    } else if (status === 'online' && this.#serverOffline) {
      this.#serverOffline = false;
      logger.info('the server is back');
      this.#publisher.connected();
    }
  }
}
