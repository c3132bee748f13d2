import type { Counters } from '@hostwire/model';
import { connect as connectMqttJs, type IClientOptions, type MqttClient as MqttJsClient } from 'mqtt';
import { type BrokerUrl, parseBrokerUrl } from './broker-url.ts';
import { type ConnectionFailure, describeFailure } from './failure.ts';
import type { Logger } from './logger.ts';
import type { BusMessage, PublishOptions } from './message-bus.ts';
import { topicFilter } from './topic-filter.ts';

export interface MqttClientOptions {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`. A function is asked at each attempt: the broker may have moved. */
  readonly url: string | (() => string);
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  readonly will?: { readonly topic: string; readonly payload: string; readonly qos: 0 | 1; readonly retain: boolean };
  readonly logger: Logger;
  /** Where connections, lost ones, attempts that failed, and what was refused or not sent is counted. */
  readonly counters?: Counters;
  /** Hears of each attempt that failed and each connection that was lost, but not by `close`. */
  readonly onFailure?: (failure: ConnectionFailure) => void;
  /** What to do when the broker refuses the credentials, in place of the general advice. */
  readonly refusedAdvice?: string;
  /** Reconnecting waits a random time between this (default 1,000) and a bound that doubles up to `maxDelayMs` (default 60,000). */
  readonly minDelayMs?: number;
  readonly maxDelayMs?: number;
  /** A connection that lasted this long sets the bound back; default 60,000. */
  readonly stableMs?: number;
  /** Until CONNACK, and then until SUBACK; default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Default 30. A half-open connection is noticed after 1.5 times this. */
  readonly keepaliveSeconds?: number;
  /** 4 is MQTT 3.1.1 (default), 5 is MQTT 5. */
  readonly protocolVersion?: 4 | 5;
  /** For mqtts and wss. A function is asked at each attempt: the files may have changed. What it throws is a failure to connect. */
  readonly tls?: ClientTls | (() => ClientTls);
}

/** PEM texts; without `ca` the roots that Node.js knows. */
export interface ClientTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * A handler that returns a promise holds back the PUBACK of its message, and all packets behind it, until that settles.
 * It must not wait for a QoS 1 publish on the same client: that PUBACK is behind it.
 */
export type MessageHandler = (message: BusMessage) => void | Promise<void>;

/** An MQTT client that keeps one clean session to one broker alive until it is closed. It keeps no messages. */
export interface MqttClient {
  /** True between the moment when all subscriptions stand and the loss of the connection. */
  readonly connected: boolean;
  /** QoS 0 resolves when the bytes were handed to the socket, QoS 1 at PUBACK. Rejects with TransportError when not connected or when the connection is lost first. */
  publish(topic: string, payload: string | Uint8Array, options: PublishOptions): Promise<void>;
  /**
   * Resolves at SUBACK, or at once while there is no connection: then it is applied at the next one, as it is again at
   * every reconnect. Rejects with TransportError `refused` if the broker refuses the filter. A message is given to the
   * handlers of all filters that match it. The result removes the handler.
   */
  subscribe(filter: string, handler: MessageHandler, options?: { readonly qos?: 0 | 1 }): Promise<() => Promise<void>>;
  /** Called at each connection, after the subscriptions stand; at once if connected already. The result removes the listener. */
  onConnect(listener: () => void): () => void;
  /** Called when a connection that stood is lost (not by `close`). */
  onDisconnect(listener: (failure: ConnectionFailure) => void): () => void;
  /** Ends the session with DISCONNECT, so that the will is not sent. Publishes nothing. */
  close(): Promise<void>;
}

/** `offline`: no connection (any more). `refused`: the broker does not allow it. `closed`: `close` was called. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly code: 'offline' | 'refused' | 'closed';
  constructor(code: TransportError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

interface Subscription {
  readonly filter: string;
  readonly matches: (topic: string) => boolean;
  readonly handler: MessageHandler;
  readonly qos: 0 | 1;
}

const CLOSE_TIMEOUT_MS = 2000;

/** Begins to connect, and goes on for ever. Throws an Error at once only if the URL is not valid. */
export function connectMqtt(options: MqttClientOptions): MqttClient {
  return new ReconnectingClient(options);
}

/** The wait before reconnect attempt `attempt` (0 is the first): uniform between `min` and a bound that doubles up to `max`. */
export function reconnectDelay(attempt: number, min: number, max: number, random: () => number = Math.random): number {
  const bound = Math.min(max, min * 2 ** Math.min(attempt + 1, 30));
  return min + random() * Math.max(0, bound - min);
}

function urlOf({ url }: MqttClientOptions): BrokerUrl {
  return parseBrokerUrl(typeof url === 'string' ? url : url());
}

class ReconnectingClient implements MqttClient {
  readonly #options: MqttClientOptions;
  #url: BrokerUrl;
  readonly #connectTimeoutMs: number;
  readonly #subscriptions = new Set<Subscription>();
  readonly #connectListeners = new Set<() => void>();
  readonly #disconnectListeners = new Set<(failure: ConnectionFailure) => void>();
  /** Rejects what waits for an answer of the present connection. */
  readonly #pending = new Set<(error: TransportError) => void>();
  /** Null: what is needed to connect could not be read. */
  #mqtt: MqttJsClient | null = null;
  #connected = false;
  #connectedAt = 0;
  #closed = false;
  #attempt = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastFailure = '';

  constructor(options: MqttClientOptions) {
    this.#options = options;
    this.#url = urlOf(options);
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 10_000;
    this.#open();
  }

  get connected(): boolean {
    return this.#connected;
  }

  publish(topic: string, payload: string | Uint8Array, { qos, retain = false }: PublishOptions): Promise<void> {
    if (!this.#connected) {
      this.#count('publishes_failed');
      return Promise.reject(this.#notConnected());
    }
    const bytes = typeof payload === 'string' ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    const answered = this.#answered((done) => {
      this.#mqtt?.publish(topic, bytes, { qos, retain }, (error) => done(error ?? null));
    });
    answered.catch(() => this.#count('publishes_failed'));
    return answered;
  }

  async subscribe(filter: string, handler: MessageHandler, { qos = 1 }: { readonly qos?: 0 | 1 } = {}): Promise<() => Promise<void>> {
    if (this.#closed) throw this.#notConnected();
    const subscription: Subscription = { filter, matches: topicFilter(filter), handler, qos };
    this.#subscriptions.add(subscription);
    if (this.#connected) {
      const [refused] = await this.#apply([subscription]).catch((error: unknown): Subscription[] => {
        // Lost meanwhile: it is applied at the next connection, like one that was asked for without any.
        if (error instanceof TransportError && error.code === 'offline') return [];
        throw error;
      });
      if (refused !== undefined) {
        this.#subscriptions.delete(subscription);
        throw new TransportError('refused', `the broker refuses the subscription to ${filter}`);
      }
    }
    return async () => {
      if (!this.#subscriptions.delete(subscription) || !this.#connected) return;
      if ([...this.#subscriptions].some((other) => other.filter === filter)) return;
      await this.#answered((done) => this.#mqtt?.unsubscribe(filter, (error) => done(error ?? null)));
    };
  }

  onConnect(listener: () => void): () => void {
    this.#connectListeners.add(listener);
    if (this.#connected) this.#call(listener, undefined);
    return () => this.#connectListeners.delete(listener);
  }

  onDisconnect(listener: (failure: ConnectionFailure) => void): () => void {
    this.#disconnectListeners.add(listener);
    return () => this.#disconnectListeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#connected = false;
    clearTimeout(this.#timer);
    const mqtt = this.#mqtt;
    await new Promise<void>((done) => {
      if (mqtt === null) {
        done();
        return;
      }
      // mqtt.js waits for outstanding acknowledgements without a limit.
      const limit = setTimeout(() => {
        mqtt.stream.destroy();
        done();
      }, CLOSE_TIMEOUT_MS);
      mqtt.end(!mqtt.connected, () => {
        clearTimeout(limit);
        done();
      });
    });
    this.#rejectPending(new TransportError('closed', 'the MQTT client was closed'));
  }

  /** A new mqtt.js client for each connection: nothing queued for one connection can reach the next. */
  #open(): void {
    let tls: ClientTls | undefined;
    try {
      tls = typeof this.#options.tls === 'function' ? this.#options.tls() : this.#options.tls;
    } catch (error) {
      this.#mqtt = null;
      const message = error instanceof Error ? error.message : String(error);
      setImmediate(() => this.#lost({ kind: 'tls', message }));
      return;
    }
    const mqtt = connectMqttJs(this.#clientOptions(tls));
    this.#mqtt = mqtt;
    let failure: Error | null = null;
    let established = false;
    const keep = (error: Error): void => {
      failure ??= error;
    };
    mqtt.on('error', keep);
    // mqtt.js hands on only those errors of its stream that have a code; those of a WebSocket have none.
    mqtt.stream.on('error', keep);
    mqtt.on('disconnect', (packet) => keep(Object.assign(new Error('DISCONNECT'), { code: packet.reasonCode ?? 0 })));
    mqtt.handleMessage = (packet, done) => {
      const { topic, payload } = packet;
      this.#dispatch(
        { topic, payload: typeof payload === 'string' ? Buffer.from(payload) : payload, retained: packet.retain, receivedAt: Date.now() },
        done,
      );
    };
    mqtt.once('connect', () => {
      established = true;
      this.#established(mqtt).catch((error: unknown) => {
        keep(error instanceof Error ? error : new Error(String(error)));
        mqtt.stream.destroy();
      });
    });
    mqtt.once('close', () => this.#lost(describeFailure(failure, established, this.#options.refusedAdvice)));
  }

  #clientOptions(tls: ClientTls | undefined): IClientOptions {
    const { clientId, will, protocolVersion = 4, keepaliveSeconds = 30 } = this.#options;
    const { protocol, host, port, path } = this.#url;
    const username = this.#options.username ?? this.#url.username;
    const password = this.#options.password ?? this.#url.password;
    const web = protocol === 'ws' || protocol === 'wss';
    return {
      protocol,
      // mqtt.js puts the host into a URL for a WebSocket, where an IPv6 address stands in brackets.
      host: web && host.includes(':') ? `[${host}]` : host,
      port,
      ...(web ? { path } : {}),
      clientId,
      clean: true,
      protocolVersion,
      protocolId: 'MQTT',
      keepalive: keepaliveSeconds,
      connectTimeout: this.#connectTimeoutMs,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      // It holds each of the 65,536 numbers as bytes: 8 MB.
      writeCache: false,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(will === undefined ? {} : { will: { ...will, payload: Buffer.from(will.payload) } }),
      ...(protocol === 'mqtts' || protocol === 'wss' ? { ...tls, minVersion: 'TLSv1.2' as const } : {}),
    };
  }

  async #established(mqtt: MqttJsClient): Promise<void> {
    const timeout = setTimeout(() => mqtt.stream.destroy(), this.#connectTimeoutMs);
    try {
      const applied = new Set<Subscription>();
      for (;;) {
        // Also what was subscribed to while the SUBACK was awaited.
        const rest = [...this.#subscriptions].filter((subscription) => !applied.has(subscription));
        if (rest.length === 0) break;
        for (const { filter } of await this.#apply(rest)) {
          this.#options.logger.warn({ broker: this.#url.shown, filter }, 'the broker refuses a subscription');
        }
        for (const subscription of rest) applied.add(subscription);
      }
    } finally {
      clearTimeout(timeout);
    }
    if (this.#closed || mqtt !== this.#mqtt || !mqtt.connected) return;
    this.#connected = true;
    this.#connectedAt = Date.now();
    this.#lastFailure = '';
    this.#count('connections');
    this.#options.logger.info({ broker: this.#url.shown }, 'connected to the broker');
    for (const listener of [...this.#connectListeners]) this.#call(listener, undefined);
  }

  #lost(failure: ConnectionFailure): void {
    const stood = this.#connected;
    this.#connected = false;
    this.#rejectPending(new TransportError(this.#closed ? 'closed' : 'offline', `the connection to the broker ended: ${failure.message}`));
    if (this.#closed) return;
    this.#count(stood ? 'connections_lost' : 'connections_failed');
    this.#options.onFailure?.(failure);
    if (stood && Date.now() - this.#connectedAt >= (this.#options.stableMs ?? 60_000)) this.#attempt = 0;
    const delay = reconnectDelay(this.#attempt++, this.#options.minDelayMs ?? 1000, this.#options.maxDelayMs ?? 60_000);
    const fields = { broker: this.#url.shown, kind: failure.kind, retryInMs: Math.round(delay) };
    // The same failure again and again is one state.
    if (stood || failure.message !== this.#lastFailure) {
      this.#options.logger.warn(
        fields,
        `${stood ? 'lost the connection to the broker' : 'cannot connect to the broker'}: ${failure.message}`,
      );
    } else {
      this.#options.logger.debug(fields, `still cannot connect to the broker: ${failure.message}`);
    }
    this.#lastFailure = failure.message;
    this.#timer = setTimeout(() => {
      this.#url = urlOf(this.#options);
      this.#open();
    }, delay);
    if (stood) for (const listener of [...this.#disconnectListeners]) this.#call(listener, failure);
  }

  /** Subscribes in one packet; returns what the broker refused (return code 0x80 and above, MQTT 3.1.1 section 3.9.3). */
  async #apply(subscriptions: readonly Subscription[]): Promise<Subscription[]> {
    if (subscriptions.length === 0) return [];
    const request: Record<string, { qos: 0 | 1 }> = {};
    for (const { filter, qos } of subscriptions) request[filter] = { qos: request[filter]?.qos === 1 ? 1 : qos };
    const refused = new Set<string>();
    await this.#answered((done) => {
      this.#mqtt?.subscribe(request, (error, _granted, packet) => {
        const filters = Object.keys(request);
        for (const [index, code] of (packet?.granted ?? []).entries()) {
          if (Number(code) >= 128) refused.add(filters[index] ?? '');
        }
        // mqtt.js reports a refused filter as an error too; with a SUBACK at hand that is an answer.
        done(packet === undefined ? (error ?? null) : null);
      });
    });
    const unheard = subscriptions.filter(({ filter }) => refused.has(filter));
    if (unheard.length > 0) this.#count('subscriptions_refused', unheard.length);
    return unheard;
  }

  #answered(ask: (done: (error: Error | null) => void) => void): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#pending.add(reject);
      ask((cause) => {
        this.#pending.delete(reject);
        if (cause === null) resolve();
        else {
          // A number is a reason code of MQTT 5: the broker answered.
          const refused = typeof (cause as Error & { code?: unknown }).code === 'number';
          reject(new TransportError(refused ? 'refused' : 'offline', `the broker did not take it: ${cause.message}`, { cause }));
        }
      });
    });
  }

  #rejectPending(error: TransportError): void {
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const reject of pending) reject(error);
  }

  #dispatch(message: BusMessage, done: (error?: Error) => void): void {
    const waits: Promise<void>[] = [];
    for (const { matches, handler } of this.#subscriptions) {
      if (!matches(message.topic)) continue;
      try {
        const wait = handler(message);
        if (wait instanceof Promise) waits.push(wait);
      } catch (error) {
        this.#count('handlers_failed');
        this.#options.logger.error({ topic: message.topic, err: error }, 'a handler of MQTT messages threw');
      }
    }
    if (waits.length === 0) {
      done();
      return;
    }
    Promise.all(waits).then(
      () => done(),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    );
  }

  #call<T>(listener: (value: T) => void, value: T): void {
    try {
      listener(value);
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a listener of the MQTT connection threw');
    }
  }

  #count(name: string, by = 1): void {
    this.#options.counters?.add(name, by);
  }

  #notConnected(): TransportError {
    return this.#closed
      ? new TransportError('closed', 'the MQTT client was closed')
      : new TransportError('offline', 'there is no connection to the broker');
  }
}
