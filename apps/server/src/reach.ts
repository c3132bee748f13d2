import type { ServerConfig } from './config/load-config.ts';
import { reachable } from './kept-address.ts';

/** How hosts and people on other machines reach this server. */
export interface Reach {
  /** Of the API and the dashboard, without a slash at its end: https://hostwire.example:8080. */
  readonly httpUrl: string;
  /** Of the broker that agents connect to. */
  readonly mqttUrl: string;
  /** Of the certificate of `httpUrl`, as curl's --pinnedpubkey takes it: sha256//BASE64. Null: there is none. */
  readonly pin: string | null;
  /** The CA with which agents check the server; null: they use the system's. */
  readonly caPem: string | null;
  /** `sha256:` and hexadecimal digits, of `caPem`. */
  readonly caFingerprint: string | null;
  readonly topicRoot: string;
  /** Nobody on another machine can connect. */
  readonly loopbackOnly: boolean;
}

/** Of a server without TLS, as it listens. */
export function plainReach(
  { listen, broker, topicRoot }: Pick<ServerConfig, 'listen' | 'broker' | 'topicRoot'>,
  { http, mqtt }: { readonly http: number | null; readonly mqtt: number | null },
): Reach {
  const address = reachable(listen);
  return {
    httpUrl: `http://${address}:${http ?? 0}`,
    mqttUrl: broker.kind === 'external' ? broker.url : `mqtt://${address}:${mqtt ?? 0}`,
    ...{ pin: null, caPem: null, caFingerprint: null, topicRoot },
    loopbackOnly: listen === '::1' || listen.startsWith('127.'),
  };
}
