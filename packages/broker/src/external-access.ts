import { Counters, type Topics } from '@hostwire/model';
import { type MqttUser, type Registry, verifyToken } from '@hostwire/registry';
import type { Logger } from '@hostwire/transport';
import { mayConnect, maySubscribe, publishableTopic, sessionId } from './access.ts';
import type { ServerUser } from './mosquitto-files.ts';
import type { Principal } from './principal.ts';
import { type Refusal, Refusals } from './refusals.ts';

/** `expiresAt`: ms since the epoch, when the credentials end; null: not by themselves. */
export type ConnectAnswer = { readonly allowed: true; readonly expiresAt: number | null } | { readonly allowed: false };

/** Decides for a broker elsewhere, as the embedded one would, who connects and who publishes and subscribes what. */
export interface ExternalAccess {
  /** Takes the same time for whatever is wrong. Rejects with RegistryError `unavailable`. */
  mayConnect(username: string, password: string, clientId: string): Promise<ConnectAnswer>;
  /** Of a client whose password the broker has checked: asks nobody, and knows a revoked token within 2 s. */
  may(username: string, action: 'publish' | 'subscribe', topic: string): boolean;
  /** A question that did not come from the broker. */
  refuseStranger(address: string): void;
}

export interface ExternalAccessOptions {
  readonly registry: Pick<Registry, 'hosts' | 'tokens'>;
  readonly topics: Topics;
  /** As whom the server itself connects; null: it does not. */
  readonly server: ServerUser | null;
  readonly counters?: Counters;
  readonly logger: Logger;
}

/** Client ids of the server's processes. */
const SERVER_CLIENT_ID = /^hostwire-/;
/** MQTT 5 section 4.8.2. */
const SHARED = /^\$share\/[^/+#]+\/(.+)$/s;

export function externalAccess({ registry, topics, server, counters = new Counters(), logger }: ExternalAccessOptions): ExternalAccess {
  const refusals = new Refusals(counters, logger);

  async function check(username: string, password: string, clientId: string): Promise<MqttUser | 'server' | Refusal> {
    if (username === server?.name) return verifyToken(password, server.hash) ? 'server' : 'bad-token';
    const result = await registry.tokens.checkMqtt(username, password);
    if (!result.ok) return result.reason;
    const user = registry.tokens.mqttUser(username);
    if (user === null) return 'revoked';
    const principal = principalOf(user);
    if (!mayConnect(principal)) return 'no-scope';
    if (sessionId(principal, clientId, () => 'new') === null) return 'client-id';
    // Client ids of all users are one set there: nobody may take over the session of a host or of the server.
    const isOthers = SERVER_CLIENT_ID.test(clientId) || (await registry.hosts.get(clientId)) !== null;
    return user.kind === 'token' && isOthers ? 'client-id' : user;
  }

  function refuse(reason: Refusal, fields: Readonly<Record<string, unknown>>): void {
    refusals.add(reason, fields);
  }

  return {
    async mayConnect(username, password, clientId) {
      const user = await check(username, password, clientId);
      if (user === 'server') return { allowed: true, expiresAt: null };
      if (typeof user === 'object') return { allowed: true, expiresAt: user.kind === 'token' ? user.record.expiresAt : null };
      refuse(user, { username, client: clientId });
      return { allowed: false };
    },

    may(username, action, topic) {
      const user = username === server?.name ? 'server' : registry.tokens.mqttUser(username);
      if (user === null) {
        refuse('revoked', { username });
        return false;
      }
      const principal: Principal = user === 'server' ? { kind: 'server' } : principalOf(user);
      if (action === 'publish') {
        if (publishableTopic(topics, principal, topic) !== null) return true;
        refuse('foreign-topic', { username, topic });
        return false;
      }
      const filter = principal.kind === 'server' ? (SHARED.exec(topic)?.[1] ?? topic) : topic;
      if (maySubscribe(topics, principal, filter)) return true;
      refuse('foreign-filter', { username, filter: topic });
      return false;
    },

    refuseStranger: (address) => refuse('bad-secret', { address }),
  };
}

function principalOf(user: MqttUser): Principal {
  return user.kind === 'host'
    ? { kind: 'host', host: user.name, speaksFor: user.speaksFor }
    : { kind: 'token', name: user.name, scopes: user.record.scopes };
}
