import { createHash, timingSafeEqual } from 'node:crypto';
import { type ExternalAccess, externalAccess } from '@hostwire/broker';
import type { Counters, Topics } from '@hostwire/model';
import { hashToken, type Registry, SERVER_USERNAME } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { ServerConfig } from '../config/load-config.ts';

/** Answers an external broker that asks the API who may do what. */
export interface BrokerAccess extends ExternalAccess {
  /** Whether this is the secret of `broker.auth_secret`; takes the same time for each that is not. */
  isSecret(text: unknown): boolean;
}

/** Null where the configuration gives no secret: then nobody is answered. */
export function openBrokerAccess({
  config: { broker },
  registry,
  serverToken,
  topics,
  counters,
  logger,
}: {
  readonly config: Pick<ServerConfig, 'broker'>;
  readonly registry: Pick<Registry, 'hosts' | 'tokens'>;
  /** The password of `hostwire-server` where the configuration gives none. */
  readonly serverToken: string;
  readonly topics: Topics;
  readonly counters: Counters;
  readonly logger: Logger;
}): BrokerAccess | null {
  if (broker.kind !== 'external' || broker.authSecret === undefined) return null;
  const wanted = digest(broker.authSecret);
  const { username, password = username === SERVER_USERNAME ? serverToken : undefined } = broker;
  const server = username === undefined || password === undefined ? null : { name: username, hash: hashToken(password) };
  return {
    ...externalAccess({ registry, topics, server, counters, logger }),
    isSecret: (text) => typeof text === 'string' && timingSafeEqual(digest(text), wanted),
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
