import { randomUUID } from 'node:crypto';
import type { Counters, HostTopic, Topics } from '@hostwire/model';
import { type Registry, SERVER_USERNAME, verifyToken } from '@hostwire/registry';
import type { BusMessage, Logger } from '@hostwire/transport';
import type { AedesOptions, Client, PublishPacket } from 'aedes';
import { hostOfClient, mayConnect, maySendWill, maySubscribe, publishableTopic, sessionId } from './access.ts';
import type { Connection, Session } from './connection.ts';
import type { BrokerLimits } from './limits.ts';
import type { Principal } from './principal.ts';
import type { Refusal, Refusals } from './refusals.ts';
import type { RetainedMessages } from './retained.ts';

export interface GatekeeperParts {
  readonly registry: Pick<Registry, 'hosts' | 'tokens' | 'certificates'>;
  readonly topics: Topics;
  /** Hash of the password of the server's own processes; undefined: nobody is let in as one. */
  readonly serverHash: string | undefined;
  readonly limits: BrokerLimits;
  /** Whether hosts may, or must, show a certificate. */
  readonly clientCertificates: 'off' | 'accept' | 'require';
  readonly logger: Logger;
  readonly counters: Counters;
  readonly refusals: Refusals;
  readonly retained: RetainedMessages;
  readonly onPublish: ((message: BusMessage, principal: Principal) => Promise<void>) | undefined;
  /** The connection of an aedes client. */
  readonly connectionOf: (client: Client) => Connection | undefined;
  /** Called with a connection whose credentials were accepted; resolves when a predecessor of the same session is gone. */
  readonly admit: (connection: Connection) => Promise<void>;
}

type PublishedTopic = HostTopic | { readonly kind: 'other' };

type Hooks = Required<Pick<AedesOptions, 'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe'>>;

/** CONNACK return codes, MQTT 3.1.1 section 3.2.2.3. */
const IDENTIFIER_REJECTED = 2;
const SERVER_UNAVAILABLE = 3;
const NOT_AUTHORIZED = 5;

/** Decides who may connect, publish and subscribe: aedes' hooks. */
export function gatekeeper(parts: GatekeeperParts): Hooks {
  const { registry, topics, serverHash, limits, clientCertificates, counters, refusals, retained, onPublish, connectionOf, admit } = parts;

  function refuse(connection: Connection, reason: Refusal, fields: Readonly<Record<string, unknown>> = {}): void {
    const who = connection.session === null ? { client: connection.request?.clientId } : { session: connection.session.id };
    refusals.add(reason, { address: connection.address, ...who, ...fields });
  }

  /** Refuses what ends the connection. */
  function endWith(connection: Connection, reason: Refusal, fields: Readonly<Record<string, unknown>>): void {
    connection.accounted = true;
    refuse(connection, reason, fields);
  }

  async function identify(username: string, password: string): Promise<Pick<Session, 'principal' | 'credential'> | Refusal> {
    if (username === SERVER_USERNAME)
      return verifyToken(password, serverHash) ? { principal: { kind: 'server' }, credential: '' } : 'bad-token';
    const result = await registry.tokens.checkMqtt(username, password);
    if (!result.ok) return result.reason;
    const { credential } = result;
    if (result.kind === 'host') return { principal: { kind: 'host', host: result.host }, credential };
    return { principal: { kind: 'token', name: result.record.name, scopes: result.record.scopes }, credential };
  }

  /** Whether the certificate that a client showed is that of the host `username`, which its CN names, and not revoked. */
  function certified({ certificate }: Connection, username: string): 'none' | 'theirs' | 'foreign' {
    if (certificate === null || clientCertificates === 'off') return 'none';
    const { isTrusted, commonName, serial } = certificate;
    return isTrusted && commonName === username && registry.certificates.hostOf(serial) === username ? 'theirs' : 'foreign';
  }

  /** Who connects as a host that it is the gateway of, is that host here. */
  function speaker(principal: Principal, clientId: string): Principal {
    if (principal.kind !== 'host') return principal;
    const host = hostOfClient(clientId);
    return registry.tokens.gatewayOf(host) === principal.host ? { kind: 'host', host, gateway: principal.host } : principal;
  }

  /** On this machine itself there may be no TLS. */
  function mustShow({ isSecure, address }: Connection, principal: Principal): boolean {
    return clientCertificates === 'require' && principal.kind === 'host' && (isSecure || !/^(::ffff:)?127\.|^::1$/.test(address));
  }

  /** Null: the connection may go on. Every answer to wrong credentials, client id or will costs one check of a hash. */
  async function check(connection: Connection, username: string, password: string): Promise<Refusal | null> {
    const { request } = connection;
    if (request === null) return 'protocol';
    const shown = certified(connection, username);
    const identified = await identify(username, password);
    const isEnough = shown === 'theirs' && password === '';
    const known = isEnough ? { principal: { kind: 'host' as const, host: username }, credential: '' } : identified;
    if (typeof known === 'string') return known;
    const { credential } = known;
    const principal = speaker(known.principal, request.clientId);
    if (shown === 'foreign') return 'bad-certificate';
    if (shown === 'none' && mustShow(connection, principal)) return 'no-certificate';
    if (!mayConnect(principal)) return 'no-scope';
    const id = sessionId(principal, request.clientId, randomUUID);
    if (id === null) return 'client-id';
    if (request.willTopic !== null && !maySendWill(topics, principal, request.willTopic)) return 'will';
    connection.session = { id, principal, credential, certificate: shown === 'theirs' ? (connection.certificate?.serial ?? null) : null };
    return null;
  }

  async function authenticate(client: Client, username: string, password: string): Promise<number> {
    const connection = connectionOf(client);
    if (connection === undefined) return NOT_AUTHORIZED;
    // MQTT-3.1.3-8: without a client id there is no session that could be kept.
    if (connection.request?.clientId === '' && !connection.request.clean) {
      endWith(connection, 'client-id', { username });
      return IDENTIFIER_REJECTED;
    }
    try {
      const reason = await check(connection, username, password);
      if (reason !== null) {
        endWith(connection, reason, { username });
        return NOT_AUTHORIZED;
      }
    } catch (error) {
      endWith(connection, 'registry-unavailable', { err: error });
      return SERVER_UNAVAILABLE;
    }
    if (connection.session !== null) client.id = connection.session.id;
    await admit(connection);
    return 0;
  }

  /** What is published, or why it may not be. */
  function mayPublish(connection: Connection, client: Client, packet: PublishPacket): PublishedTopic | Refusal {
    const { session } = connection;
    if (session === null) return 'revoked';
    const target = publishableTopic(topics, session.principal, packet.topic);
    if (target === null) return 'foreign-topic';
    // What a closed client still publishes is its will, checked at CONNECT: a host that was revoked is offline.
    if (!client.closed && !isCurrent(registry, session)) return 'revoked';
    if (session.principal.kind === 'server' || target.kind === 'other') return target;
    if (packet.retain && (target.kind === 'press' || target.kind === 'command/result')) packet.retain = false;
    const { maxRetainedPerHost: messages, maxRetainedBytesPerHost: bytes } = limits;
    if (packet.retain && !retained.admits(target.host, packet.topic, packet.payload.length, messages, bytes)) {
      packet.retain = false;
      refuse(connection, 'retained-limit', { topic: packet.topic });
    }
    return target;
  }

  function authorizePublish(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    const connection = client === null ? undefined : connectionOf(client);
    if (client === null || connection === undefined) {
      done(new Error('not authorized'));
      return;
    }
    const target = mayPublish(connection, client, packet);
    if (typeof target === 'string') {
      endWith(connection, target, { topic: packet.topic });
      done(new Error(target));
      return;
    }
    counters.add('broker_messages_received_total');
    counters.add('broker_bytes_received_total', packet.payload.length);
    const principal = connection.session?.principal;
    if (onPublish === undefined || principal?.kind !== 'host' || target.kind !== 'sample') {
      done(null);
      return;
    }
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    onPublish({ topic: packet.topic, payload, retained: false, receivedAt: Date.now() }, principal).then(
      () => done(null),
      (error: unknown) => {
        // Without a PUBACK the client keeps the message, connects again and sends it again.
        endWith(connection, 'store-unavailable', { err: error });
        done(new Error('store-unavailable', { cause: error }));
      },
    );
  }

  return {
    preConnect(client, packet, done) {
      const connection = connectionOf(client);
      if (connection !== undefined) {
        connection.request = { clientId: packet.clientId, clean: packet.clean !== false, willTopic: packet.will?.topic ?? null };
      }
      // The broker keeps no sessions and no queues (aedes' queue for a sleeping client has no bound).
      packet.clean = true;
      done(null, connection !== undefined);
    },

    authenticate(client, username, password, done) {
      authenticate(client, username ?? '', password?.toString() ?? '').then(
        (returnCode) => {
          if (returnCode === 0) done(null, true);
          else done(Object.assign(new Error('not authorized'), { returnCode }), null);
        },
        (error: unknown) => {
          counters.add('broker_failures_total');
          parts.logger.error({ err: error }, 'the MQTT broker failed to authenticate a client');
          done(Object.assign(new Error('not authorized'), { returnCode: SERVER_UNAVAILABLE }), null);
        },
      );
    },

    authorizePublish(client, packet, done) {
      const take = (): void => {
        try {
          authorizePublish(client, packet, done);
        } catch (error) {
          counters.add('broker_failures_total');
          parts.logger.error({ err: error }, 'the MQTT broker failed to take a message');
          done(new Error('internal error', { cause: error }));
        }
      };
      const connection = client === null || client.closed ? undefined : connectionOf(client);
      // A will does not wait: it is sent when its connection is gone.
      if (connection === undefined) take();
      else connection.pace.run(take);
    },

    authorizeSubscribe(client, subscription, done) {
      const connection = connectionOf(client);
      const principal = connection?.session?.principal;
      if (connection === undefined || principal === undefined) {
        done(new Error('not authorized'));
        return;
      }
      if (!maySubscribe(topics, principal, subscription.topic)) {
        refuse(connection, 'foreign-filter', { filter: subscription.topic });
        done(null, null);
      } else if (connection.subscriptions >= limits.maxSubscriptions) {
        refuse(connection, 'too-many-subscriptions');
        done(null, null);
      } else {
        connection.subscriptions++;
        done(null, subscription);
      }
    },
  };
}

/** Whether a session's credentials would be accepted now. The server's own stand while the broker runs. */
export function isCurrent({ tokens, certificates }: Pick<Registry, 'tokens' | 'certificates'>, session: Session): boolean {
  const { principal, credential, certificate } = session;
  if (principal.kind === 'server') return true;
  if (principal.kind === 'host' && principal.gateway !== undefined && tokens.gatewayOf(principal.host) !== principal.gateway) return false;
  return (credential === '' || tokens.isCurrent(credential)) && (certificate === null || certificates.hostOf(certificate) !== null);
}
