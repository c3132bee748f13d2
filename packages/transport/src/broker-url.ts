export type BrokerProtocol = 'mqtt' | 'mqtts' | 'ws' | 'wss';

export interface BrokerUrl {
  readonly protocol: BrokerProtocol;
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Path and query; `/` if the URL has none. Only ws and wss use it. */
  readonly path: string;
  readonly username?: string;
  readonly password?: string;
  /** The address for logs: without credentials. */
  readonly shown: string;
}

const DEFAULT_PORTS: Readonly<Record<BrokerProtocol, number>> = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 };

/** Parses `mqtt://`, `mqtts://`, `ws://`, `wss://`, also with an IPv6 literal. Throws an Error that says what is allowed. */
export function parseBrokerUrl(text: string): BrokerUrl {
  let url: URL;
  let username: string;
  let password: string;
  try {
    url = new URL(text);
    username = decodeURIComponent(url.username);
    password = decodeURIComponent(url.password);
  } catch {
    // Without its cause: that holds the text, and so the password.
    throw new Error('the broker URL is not valid: it has the form mqtt://host:1883, mqtts://host:8883, ws://host/mqtt or wss://host/mqtt');
  }
  const protocol = url.protocol.slice(0, -1);
  if (protocol !== 'mqtt' && protocol !== 'mqtts' && protocol !== 'ws' && protocol !== 'wss') {
    throw new Error(`the broker URL begins with ${protocol}: allowed are mqtt, mqtts, ws and wss`);
  }
  if (url.hostname === '') throw new Error('the broker URL names no host');
  const port = url.port === '' ? DEFAULT_PORTS[protocol] : Number(url.port);
  return {
    protocol,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    path: `${url.pathname === '' ? '/' : url.pathname}${url.search}`,
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    shown: `${protocol}://${url.hostname}:${port}`,
  };
}
