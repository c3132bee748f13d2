import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { fingerprint, type Tls } from '@hostwire/certificates';
import type { ServerConfig } from './config/load-config.ts';
import { keepFile, keptAddress, reachable } from './kept-address.ts';
import { hostOf } from './tls/open-server-tls.ts';

/** How other machines reach this server, and by what they know it. */
export interface Reach {
  /** Of the API and the dashboard: scheme, host and port. */
  readonly httpUrl: string;
  /** For agents. */
  readonly mqttUrl: string;
  /** Of the public key behind `httpUrl`, as curl takes it; null: it has no TLS here, or every system knows its root. */
  readonly pin: string | null;
  /** The CA behind `mqttUrl`, PEM; null: it has no TLS, or every system knows its root. */
  readonly caPem: string | null;
  readonly caFingerprint: string | null;
  readonly topicRoot: string;
  /** No other machine reaches it. */
  readonly loopbackOnly: boolean;
}

/** `http` and `mqtts`: the real ports, where this process has them. */
export function describeReach(
  config: ServerConfig,
  ports: { readonly http: number | null; readonly mqtts: number | null },
  tls: Tls | null,
): Reach {
  const { listen, dataDir, broker, publicUrl, publicMqttUrl, topicRoot } = config;
  const state = tls?.state();
  const http = ports.http ?? portIn(keptAddress(dataDir, 'dashboard')) ?? config.port;
  const host = tls === null ? reachable(listen) : bracketed(addressOf(listen));
  const httpUrl = publicUrl ?? `${tls === null ? 'http' : 'https'}://${host}:${http}`;
  const publicHost = publicUrl === undefined ? host : bracketed(hostOf(publicUrl));
  const isKnownByAll = state?.ca === null;
  const common = { httpUrl, pin: isKnownByAll ? null : (state?.pin ?? null), topicRoot };
  if (broker.kind === 'external') {
    const caPem = readCa(broker.ca);
    return {
      ...common,
      mqttUrl: publicMqttUrl ?? broker.url,
      ...withFingerprint(caPem),
      loopbackOnly: tls === null && publicUrl === undefined,
    };
  }
  if (tls !== null) {
    const mqtts = ports.mqtts ?? portIn(keptAddress(dataDir, 'mqtts')) ?? config.mqttsPort;
    return {
      ...common,
      mqttUrl: publicMqttUrl ?? `mqtts://${publicHost}:${mqtts}`,
      ...withFingerprint(state?.ca ?? null),
      loopbackOnly: false,
    };
  }
  // Something in front of this server makes it public: it passes on WebSockets too.
  const behind = publicUrl === undefined ? null : `${publicUrl.replace(/^http/, 'ws')}/mqtt`;
  const local = keptAddress(dataDir, 'mqtt') ?? `mqtt://${reachable(listen)}:${config.mqttPort}`;
  return { ...common, mqttUrl: publicMqttUrl ?? behind ?? local, ...withFingerprint(null), loopbackOnly: behind === null };
}

/** Tells the command line, which may not know with which options the server runs. */
export function keepReach(dataDir: string, reach: Reach): void {
  keepFile(join(dataDir, 'reach.json'), JSON.stringify(reach));
}

/** As the server that runs, or ran last, on the data directory told; null if none did. */
export function keptReach(dataDir: string): Reach | null {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'reach.json'), 'utf8')) as Reach;
  } catch {
    return null;
  }
}

/** The address of this machine by which others most likely reach it, for one to listen on. */
export function addressOf(listen: string): string {
  if (listen !== '0.0.0.0' && listen !== '::') return listen;
  const interfaces = Object.entries(networkInterfaces()).map(([name, found]) => ({ name, addresses: found ?? [] }));
  const way = defaultInterface();
  const order = (name: string): number => (name === way ? 0 : /^(docker|br-|veth|virbr|cni|lxc|tun|wg)/.test(name) ? 2 : 1);
  const all = interfaces
    .sort((a, b) => order(a.name) - order(b.name))
    .flatMap(({ addresses }) => addresses)
    .filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address));
  return (all.find(({ family }) => family === 'IPv4') ?? all[0])?.address ?? '127.0.0.1';
}

/** Through which this machine reaches other networks (proc_net(5), route); null if through none. */
function defaultInterface(): string | null {
  let table = '';
  try {
    table = readFileSync('/proc/net/route', 'utf8');
  } catch {
    return null;
  }
  const routes = table
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'));
  const ways = routes.filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000');
  return ways.sort((a, b) => Number(a[6]) - Number(b[6]))[0]?.[0] ?? null;
}

/** Null: none is named, or it cannot be read now, which the server warns of. */
function readCa(file: string | undefined): string | null {
  try {
    return file === undefined ? null : readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function withFingerprint(caPem: string | null): Pick<Reach, 'caPem' | 'caFingerprint'> {
  return { caPem, caFingerprint: caPem === null ? null : fingerprint(caPem) };
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function portIn(address: string | null): number | null {
  const port = address === null ? Number.NaN : Number(/:(\d+)$/.exec(address)?.[1]);
  return Number.isNaN(port) ? null : port;
}
