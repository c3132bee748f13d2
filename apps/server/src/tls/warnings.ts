import { accessSync, constants } from 'node:fs';
import type { Tls } from '@hostwire/certificates';
import type { ServerConfig } from '../config/load-config.ts';
import { isLoopback } from '../kept-address.ts';
import { hostOf } from './open-server-tls.ts';

/** What a user must see until it is mended. */
export interface ServerWarning {
  readonly code: string;
  /** A sentence that says what to do. */
  readonly message: string;
}

/** True if others on the network can read what the ports of this process carry. */
export function isPlainOpen({ listen, tls }: Pick<ServerConfig, 'listen' | 'tls'>): boolean {
  return tls.allowPlain && !isLoopback(listen);
}

/** Of what crosses the network without protection, and of certificates. */
export function transportWarnings(config: ServerConfig, tls: Tls | null): ServerWarning[] {
  const warnings: ServerWarning[] = [];
  if (isPlainOpen(config)) {
    const message =
      'Hosts and browsers may connect without TLS (tls.allow_plain): tokens and values then cross the network in clear. Remove it when all use https and mqtts.';
    warnings.push({ code: 'plain-transport', message });
  }
  const { broker } = config;
  if (broker.kind === 'external' && /^(mqtt|ws):/.test(broker.url) && !isLocal(hostOf(broker.url.replace(/^\w+/, 'http')))) {
    const message = "The server's connection to its MQTT broker is not encrypted (broker.url); use mqtts:// or wss:// there.";
    warnings.push({ code: 'plain-broker', message });
  }
  if (broker.kind === 'external' && broker.ca !== undefined && !isReadable(broker.ca)) {
    const message = `The CA of the MQTT broker (broker.ca) cannot be read: ${broker.ca}. Hosts that enrol now would not get it.`;
    warnings.push({ code: 'broker-ca', message });
  }
  return [...warnings, ...(tls?.warnings() ?? [])];
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function isLocal(host: string): boolean {
  return host === 'localhost' || isLoopback(host);
}
